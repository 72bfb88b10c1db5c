"""A gradient check as one page: maps of what is wrong, and the terms of the entry that is worst."""

from cnnrun.report.gradients.page import write_gradcheck_page

__all__ = ["write_gradcheck_page"]
