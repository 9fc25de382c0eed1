"""The project folder: knows the disk layout and owns the verbs."""

from incrementality.workspace.demo import Demo, make_demo
from incrementality.workspace.project import CONFIGURATION, Configuration, ReadoutFiles, Workspace, result_text

__all__ = ["CONFIGURATION", "Configuration", "Demo", "ReadoutFiles", "Workspace", "make_demo", "result_text"]
