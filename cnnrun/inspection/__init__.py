"""Shows what flows backward through a network: gradient maps, attribution, pictures."""

from cnnrun.inspection.api import inspect
from cnnrun.inspection.result import Inspection

__all__ = ["Inspection", "inspect"]
