"""From a company's clean tables to every answer of attribution, for one quarter."""

from incrementality.attribution.analysis.assembled import assemble_attribution
from incrementality.attribution.analysis.company_analysis import CompanyAnalysis, attribute_company
from incrementality.attribution.analysis.quarters import Quarter
from incrementality.attribution.analysis.result import AUDIENCES, AnswerTable, AttributionResult, tables_of

__all__ = [
    "AUDIENCES",
    "AnswerTable",
    "AttributionResult",
    "CompanyAnalysis",
    "Quarter",
    "assemble_attribution",
    "attribute_company",
    "tables_of",
]
