"""The project folder: knows the disk layout and owns the verbs."""

from incrementality.workspace.configuration import CONFIGURATION, Configuration
from incrementality.workspace.demo import Demo, DemoRow, make_demo
from incrementality.workspace.holdouts import AssignedUnits, assign_units, plan_of, sql_of
from incrementality.workspace.project import ReadoutFiles, Workspace
from incrementality.workspace.results import result_text

__all__ = [
    "CONFIGURATION",
    "AssignedUnits",
    "Configuration",
    "Demo",
    "DemoRow",
    "ReadoutFiles",
    "Workspace",
    "assign_units",
    "make_demo",
    "plan_of",
    "result_text",
    "sql_of",
]
