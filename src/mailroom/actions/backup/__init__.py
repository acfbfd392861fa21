"""Everything of an installation in one file, taken while it runs, and back into an empty one."""

from .manifest import Damaged, Manifest
from .restoring import Restored, restore
from .taking import take

__all__ = ["Damaged", "Manifest", "Restored", "restore", "take"]
