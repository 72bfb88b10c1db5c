"""Holds every hand-written gradient against numerical derivatives, exact laws, and conventions.

The package can be called: `cnnrun.gradcheck(layer)` returns a report, and
`cnnrun.gradcheck(layer).passed` says whether all gradients are right.
"""

import sys
from types import ModuleType
from typing import Any

from cnnrun.gradcheck.api import check, plan, plan_network
from cnnrun.gradcheck.budget import Cost
from cnnrun.gradcheck.check import Check
from cnnrun.gradcheck.report.findings import Finding
from cnnrun.gradcheck.report.report import Guilty, Report
from cnnrun.gradcheck.report.rows import Row

__all__ = ["Check", "Cost", "Finding", "Guilty", "Report", "Row", "check", "plan", "plan_network"]


class _CallableModule(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Report:
        return check(*args, **options)


sys.modules[__name__].__class__ = _CallableModule
