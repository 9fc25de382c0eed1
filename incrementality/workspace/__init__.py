"""The project folder: knows the disk layout and owns the verbs."""

from incrementality.workspace.configuration import CONFIGURATION, Configuration
from incrementality.workspace.demo import Demo, DemoRow, make_demo
from incrementality.workspace.project import ReadoutFiles, Workspace
from incrementality.workspace.results import result_text

__all__ = ["CONFIGURATION", "Configuration", "Demo", "DemoRow", "ReadoutFiles", "Workspace", "make_demo", "result_text"]
