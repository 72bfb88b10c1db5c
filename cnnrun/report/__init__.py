"""The report of a run, and of several: one HTML page, with charts of its own."""

from cnnrun.report.api import report_training, write_report
from cnnrun.report.gradients import write_gradcheck_page

__all__ = ["report_training", "write_gradcheck_page", "write_report"]
