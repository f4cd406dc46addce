"""Find, read and check the definitions that users write. Knows files, not clouds."""

from provisimus.workspace.workspace import Workspace, open_workspace

__all__ = ["Workspace", "open_workspace"]
