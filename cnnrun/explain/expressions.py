"""The tree of a formula: read by `parsing.py`, computed by `evaluation.py`, set by `markup.py`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Bracket", "Call", "Derivative", "Equal", "Group", "Listed", "Name", "Negative", "Node",
    "Norm", "Number", "Over", "Power", "Prefixed", "Product", "Quotient", "Sum",
]  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A number, as it is written."""

    text: str


@dataclass(frozen=True)
class Name:
    """A symbol: a letter, or the name of a Greek one, and its place in the array."""

    letter: str
    place: str = ""


@dataclass(frozen=True)
class Derivative:
    """The derivative of one symbol with respect to another."""

    above: Name
    below: Name


@dataclass(frozen=True)
class Negative:
    """A term with a minus before it."""

    inner: Node


@dataclass(frozen=True)
class Sum:
    """Terms added up; a negative one is subtracted."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Product:
    """Factors, and whether a point stands before each but the first."""

    factors: tuple[Node, ...]
    points: tuple[bool, ...]


@dataclass(frozen=True)
class Quotient:
    """One thing divided by another."""

    above: Node
    below: Node


@dataclass(frozen=True)
class Power:
    """A power; of a name, the number of a layer or a `T` for the transpose stand there too."""

    base: Node
    exponent: Node


@dataclass(frozen=True)
class Call:
    """A function of arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Prefixed:
    """Words before what they are said of, such as `180-degree rotated F`."""

    words: str
    inner: Node


@dataclass(frozen=True)
class Over:
    """A sum, a mean or a maximum over indices."""

    operation: str
    indices: tuple[str, ...]
    inner: Node


@dataclass(frozen=True)
class Group:
    """What stands in parentheses."""

    inner: Node


@dataclass(frozen=True)
class Norm:
    """The length of an array, between bars."""

    inner: Node


@dataclass(frozen=True)
class Bracket:
    """1 where what stands in it holds, 0 elsewhere."""

    inner: Equal


@dataclass(frozen=True)
class Equal:
    """Sides with relations such as `=` between them."""

    sides: tuple[Node, ...]
    relations: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """Formulas with commas between them."""

    formulas: tuple[Node, ...]


Node = (
    Number | Name | Derivative | Negative | Sum | Product | Quotient | Power | Call | Prefixed
    | Over | Group | Norm | Bracket | Equal | Listed
)  # fmt: skip
