"""The report of a run, and of several: one HTML page, with charts of its own."""

from cnnrun.report.api import write_report

__all__ = ["write_report"]
