"""The project folder: knows the disk layout and owns the verbs."""

from incrementality.workspace.attributing import (
    AttributionFiles,
    attribute,
    attribution_engine,
    attribution_files,
    attribution_text,
    check_attribution,
    deal_tree,
    open_workspace_company,
)
from incrementality.workspace.attribution_settings import (
    ATTRIBUTION,
    AttributionSettings,
    attribution_yaml_example,
    read_attribution_settings,
    start_attribution,
)
from incrementality.workspace.audit_issues import AuditIssue
from incrementality.workspace.audit_records import AuditFiles, audit_files, audit_issues, earlier_audits, keep_audit
from incrementality.workspace.auditing import DataAudit, audit_data
from incrementality.workspace.company_demo import CompanyDemo, make_company_demo
from incrementality.workspace.conclusions import DECISIONS, Conclusion, conclude, conclusion_of
from incrementality.workspace.configuration import CONFIGURATION, Configuration
from incrementality.workspace.contacts import ContactExport, export_contacts
from incrementality.workspace.covariance import ExperimentCovariance, experiment_covariance
from incrementality.workspace.decided_units import assign_decided
from incrementality.workspace.decisions import DecidedUnits, decide_units
from incrementality.workspace.definition_log import DefinitionCheck, check_definitions, definition_log
from incrementality.workspace.definition_recording import record_definitions
from incrementality.workspace.definition_restating import Restatement, restate
from incrementality.workspace.definitions import DefinitionChange, Definitions, RestatedCredit, definitions_of
from incrementality.workspace.demo import Demo, DemoRow, make_demo
from incrementality.workspace.designs import design_experiment, design_page, drawn_so_far, sign_design, stored_design
from incrementality.workspace.drifting import drift_of
from incrementality.workspace.eligibility import Eligibility, eligibility_yaml_example, read_eligibility
from incrementality.workspace.evidence import evidence_of
from incrementality.workspace.experiment_data import ExperimentData, engine_for, opened
from incrementality.workspace.governance import Governance, parse_governance
from incrementality.workspace.health import health_of
from incrementality.workspace.holdouts import (
    AssignedUnits,
    assign_units,
    audit_ledger,
    check_deliveries,
    erase_units,
    export_arms,
    not_erased_from,
    plan_of,
    record_units,
    sql_of,
)
from incrementality.workspace.interview import interview_request
from incrementality.workspace.lifecycle import decline_request, pause_entry, resume_entry, stop_experiment
from incrementality.workspace.measurement_spec import MeasurementSpec, SpecLine, measurement_spec
from incrementality.workspace.programme import PROGRAMME, programme_schema
from incrementality.workspace.project import ReadoutFiles, Workspace
from incrementality.workspace.question import Question
from incrementality.workspace.questions import QUESTIONS
from incrementality.workspace.release import Released, release_units
from incrementality.workspace.request_checks import check_request
from incrementality.workspace.requests import new_request, request_text
from incrementality.workspace.results import result_text
from incrementality.workspace.status import ExperimentStatus, programme_status, status_of
from incrementality.workspace.unit_verdict import UnitVerdict, may_receive
from incrementality.workspace.units import UnitBatch

__all__ = [
    "ATTRIBUTION",
    "CONFIGURATION",
    "DECISIONS",
    "PROGRAMME",
    "QUESTIONS",
    "AssignedUnits",
    "AttributionFiles",
    "AttributionSettings",
    "AuditFiles",
    "AuditIssue",
    "CompanyDemo",
    "Conclusion",
    "Configuration",
    "ContactExport",
    "DataAudit",
    "DecidedUnits",
    "DefinitionChange",
    "DefinitionCheck",
    "Definitions",
    "Demo",
    "DemoRow",
    "Eligibility",
    "ExperimentCovariance",
    "ExperimentData",
    "ExperimentStatus",
    "Governance",
    "MeasurementSpec",
    "Question",
    "ReadoutFiles",
    "Released",
    "RestatedCredit",
    "Restatement",
    "SpecLine",
    "UnitBatch",
    "UnitVerdict",
    "Workspace",
    "assign_decided",
    "assign_units",
    "attribute",
    "attribution_engine",
    "attribution_files",
    "attribution_text",
    "attribution_yaml_example",
    "audit_data",
    "audit_files",
    "audit_issues",
    "audit_ledger",
    "check_attribution",
    "check_definitions",
    "check_deliveries",
    "check_request",
    "conclude",
    "conclusion_of",
    "deal_tree",
    "decide_units",
    "decline_request",
    "definition_log",
    "definitions_of",
    "design_experiment",
    "design_page",
    "drawn_so_far",
    "drift_of",
    "earlier_audits",
    "eligibility_yaml_example",
    "engine_for",
    "erase_units",
    "evidence_of",
    "experiment_covariance",
    "export_arms",
    "export_contacts",
    "health_of",
    "interview_request",
    "keep_audit",
    "make_company_demo",
    "make_demo",
    "may_receive",
    "measurement_spec",
    "new_request",
    "not_erased_from",
    "open_workspace_company",
    "opened",
    "parse_governance",
    "pause_entry",
    "plan_of",
    "programme_schema",
    "programme_status",
    "read_attribution_settings",
    "read_eligibility",
    "record_definitions",
    "record_units",
    "release_units",
    "request_text",
    "restate",
    "result_text",
    "resume_entry",
    "sign_design",
    "sql_of",
    "start_attribution",
    "status_of",
    "stop_experiment",
    "stored_design",
]
