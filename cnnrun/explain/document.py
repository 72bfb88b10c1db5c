"""What an explanation consists of, before it is rendered: equations between symbols, and matrices.

A symbol is written as in the lecture, in plain text: `X_11`, `F_12`, `dL/dO_21`. Rows and columns
count from 1; where one can be above 9 they are parted by a comma, `X_10,3`. What follows is the
channel, and for a filter the input channel and the filter: `X_11,2`, `F_11,2,1`. Axes that have
only one entry everywhere are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cnnrun.engine import Layer, Loss

__all__ = [
    "Equation",
    "Explanation",
    "Matrix",
    "Namer",
    "Section",
    "Statement",
    "Takeaway",
    "Terms",
]

Operation = Literal["sum", "max"]
Index = tuple[int, ...]
Terms = tuple[tuple[str, ...], ...]
"""The factors of each term; a factor is a symbol or a formula, as `parsing.py` reads it."""


@dataclass(frozen=True)
class Namer:
    """Names the entries of one array.

    Attributes:
        letter: of the array.
        spatial: sizes of the axes that are always named.
        others: sizes of further axes, which are named if one of them has more than one entry.
        always: whether the further axes are named even if they have one entry each.
    """

    letter: str
    spatial: tuple[int, ...]
    others: tuple[int, ...] = ()
    always: bool = False

    def __call__(self, index: Sequence[int]) -> str:
        """Return the symbol of the entry at `index`, which counts from 0."""
        places = [str(i + 1) for i in index[: len(self.spatial)]]
        name = ("," if max(self.spatial) > 9 else "").join(places)
        if self.always or any(size > 1 for size in self.others):
            name = ",".join([name, *(str(i + 1) for i in index[len(self.spatial) :])])
        return f"{self.letter}_{name}"


@dataclass(frozen=True)
class Equation:
    """`left` is the sum, or the maximum, of terms; each term is a product of symbols.

    Attributes:
        left: a symbol.
        terms: in the lecture's order; none means zero.
        operation: what is done with the terms.
        index: of the entry in its array, from 0.
        numbers: the value of every factor of every term, where there are numbers.
        value: of the whole.
        chain: the same sum before the derivatives are known: each dL/dO beside its dO/ds; empty
            for what is no gradient.
        steps: the same sum on its way from the chain to the terms, line by line.
    """

    left: str
    terms: Terms
    operation: Operation = "sum"
    index: Index = ()
    numbers: tuple[tuple[float, ...], ...] | None = None
    value: float | None = None
    chain: tuple[tuple[str, str], ...] = ()
    steps: tuple[Terms, ...] = ()

    @property
    def is_computed(self) -> bool:
        """Whether there are numbers that give the value only after some arithmetic."""
        numbers = self.numbers or ()
        return len(numbers) > 1 or any(len(factors) > 1 for factors in numbers)


@dataclass(frozen=True)
class Statement:
    """A line about whole arrays: a name, a formula, words that go on from there, and numbers.

    Attributes:
        name: what it is about.
        formula: of it; may be empty.
        words: behind the formula; may be empty.
        remark: figures of one run, as a formula such as `|X| = 2.5, |O| = 1`; may be empty.
    """

    name: str
    formula: str
    words: str = ""
    remark: str = ""


@dataclass
class Section:
    """Equations that belong together.

    Attributes:
        key: names them in JSON.
        title: above them.
        equations: element by element.
        statements: about whole arrays.
        intro: a sentence before them.
        formulas: for any element, before the equations.
        array: what the equations compute, by its name in the engine's results; empty for what lies
            in between.
    """

    key: str
    title: str
    equations: list[Equation] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    intro: str = ""
    formulas: Sequence[str] = ()
    array: str = ""


@dataclass(frozen=True)
class Matrix:
    """A matrix of symbols or formulas with a caption."""

    caption: str
    rows: Terms


@dataclass(frozen=True)
class Takeaway:
    """A gradient as one operation on whole matrices: `result = operation(arguments)`."""

    formula: str
    result: Matrix
    operation: str
    arguments: tuple[Matrix, ...]
    remarks: tuple[str, ...] = ()


@dataclass(repr=False)
class Explanation:
    """A whole explanation, ready to be rendered.

    Attributes:
        title: what is explained.
        legend: how to read the symbols, and the geometry.
        sections: the equations.
        takeaways: the matrix forms.
        notes: what else matters.
        verified: what was verified with numbers, in a sentence; None without numbers.
        cells: what each maximum is taken of, in the order in which ties are decided.
        layer: what is explained, in float64; None for a loss and for a whole network.
        loss: what is explained, where it is a loss.
    """

    title: str
    legend: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    takeaways: list[Takeaway] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verified: str | None = None
    cells: dict[str, tuple[str, ...]] = field(default_factory=dict)
    layer: Layer | None = field(default=None, compare=False)
    loss: Loss | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"<{self.title}>"

    def __str__(self) -> str:
        return self.render("text")

    def render(self, form: str = "text") -> str:
        """Return the explanation as `text`, `markdown`, `latex`, `json` or `html`.

        Raises:
            ConfigError: there is no such format.
        """
        from cnnrun.explain.rendering import render

        return render(self, form)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from cnnrun.explain.page import to_html_fragment

        return to_html_fragment(self)

    def section(self, key: str) -> Section:
        """Return the section that JSON calls `key`."""
        return next(section for section in self.sections if section.key == key)
