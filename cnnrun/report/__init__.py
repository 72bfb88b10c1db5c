"""The report of a run, and of several: one HTML page, with charts of its own."""

from cnnrun.report.api import report_training, write_report

__all__ = ["report_training", "write_report"]
