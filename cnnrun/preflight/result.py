"""What a preflight says: a row for each check, with what to do about what failed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from cnnrun.errors import PreflightError
from cnnrun.notebook import html_table

__all__ = ["Preflight", "Row"]


@dataclass(frozen=True)
class Row:
    """One check.

    Attributes:
        check: its name.
        status: `pass`, `fail`, or `note` for what is worth knowing or could not be told.
        text: what was seen, with its figures.
        advice: what to do; empty where nothing need be done.
        seconds: what it took.
    """

    check: str
    status: Literal["pass", "fail", "note"]
    text: str
    advice: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, repr=False)
class Preflight:
    """The checks of a configuration, in the order in which they were made.

    Attributes:
        name: of the experiment.
        rows: the checks.
        seed: what all random numbers derive from.
    """

    name: str
    rows: tuple[Row, ...]
    seed: int

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Row, ...]:
        """The checks that failed."""
        return tuple(row for row in self.rows if row.status == "fail")

    def summary(self) -> str:
        """Return the verdict in a line."""
        if self.passed:
            return f"{self.name}: nothing speaks against training"
        return f"{self.name}: {', '.join(row.check for row in self.failed)} failed"

    def raise_if_failed(self) -> None:
        """Raise unless all is right.

        Raises:
            PreflightError: a check failed; the message says which, and what to do.
        """
        if not self.passed:
            lines = [f"{row.check}: {row.text}; {row.advice}" for row in self.failed]
            raise PreflightError("\n".join([self.summary(), *lines]))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a JSON document."""
        return {
            "name": self.name,
            "verdict": "pass" if self.passed else "fail",
            "seed": self.seed,
            "checks": [asdict(row) for row in self.rows],
        }

    def __repr__(self) -> str:
        return f"<{self.summary()}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the table."""
        rows = [(row.check, row.status, row.text, row.advice) for row in self.rows]
        return html_table(self.summary(), "", ("check", "", "what was seen", "what to do"), rows)
