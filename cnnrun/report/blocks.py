"""What a section of a report is made of; the template has one way to show each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cnnrun.pages import Html
from cnnrun.report.images import Embedded
from cnnrun.report.svg import Picture
from cnnrun.untrusted import visible

__all__ = [
    "Block",
    "Card",
    "Cards",
    "Charts",
    "Code",
    "Fragment",
    "Section",
    "Strips",
    "Table",
    "Text",
    "shown",
    "shown_figure",
]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    words: str
    style: str = ""
    """A class of the page's style, for what should stand out."""


@dataclass(frozen=True)
class Code:
    """Lines to be typed, or a file."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Table:
    """A table; the cells of the first column name the rows."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False
    """Whether the cells are words, not numbers."""


@dataclass(frozen=True)
class Charts:
    """Charts, as many side by side as there is room for."""

    kind: ClassVar[str] = "charts"
    charts: Sequence[Picture]


@dataclass(frozen=True)
class Card:
    """Images that belong together, with lines below them."""

    images: Sequence[Embedded]
    lines: Sequence[str]


@dataclass(frozen=True)
class Cards:
    """Cards, as many side by side as there is room for."""

    kind: ClassVar[str] = "cards"
    cards: Sequence[Card]


@dataclass(frozen=True)
class Strips:
    """Groups of rows of images: of each row its label, a note, and the images in one picture."""

    kind: ClassVar[str] = "strips"
    groups: Sequence[Sequence[tuple[str, str, Embedded | None]]]


@dataclass(frozen=True)
class Fragment:
    """A part that has a template of its own, rendered."""

    kind: ClassVar[str] = "fragment"
    html: Html


Block = Text | Code | Table | Charts | Cards | Strips | Fragment


@dataclass
class Section:
    """A section with its heading; one without blocks is left out.

    Attributes:
        title: its heading.
        blocks: in order.
        numbers: what the page's JSON says of it.
    """

    title: str
    blocks: list[Block] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Its name in addresses."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


def shown(value: object) -> str:
    """Return a value as a cell: numbers to four digits, None as a dash."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else visible(str(value))


def shown_figure(key: str, value: object) -> str:
    """Return a figure of a log or a record as a cell: accuracies in percent."""
    is_share = "accuracy" in key and isinstance(value, float)
    return f"{value:.2%}" if is_share else shown(value)
