"""Holds every hand-written gradient against numerical derivatives, exact laws, and conventions.

The package can be called: `cnnrun.gradcheck(layer)` returns a report, and
`cnnrun.gradcheck(layer).passed` says whether all gradients are right.
"""

from cnnrun.gradcheck.api import check, plan, plan_network
from cnnrun.gradcheck.budget import Cost
from cnnrun.gradcheck.check import Check
from cnnrun.gradcheck.report.findings import Finding
from cnnrun.gradcheck.report.report import Guilty, Report
from cnnrun.gradcheck.report.rows import Row

__all__ = ["Check", "Cost", "Finding", "Guilty", "Report", "Row", "check", "plan", "plan_network"]
