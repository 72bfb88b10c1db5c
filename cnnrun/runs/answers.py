"""What a prediction for one image says, by task: as a document, as cells, as lines of a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cnnrun.data import Task
from cnnrun.engine.types import Array

__all__ = ["Answers", "answers"]


@dataclass(frozen=True)
class Answers:
    """Puts what a network says of one image into words: a row of `Model.predict`'s, or a file.

    Attributes:
        names: of the classes, labels or numbers.
    """

    names: tuple[str, ...]
    columns: ClassVar[tuple[str, ...]]
    """The headings of `lines`."""

    @property
    def heading(self) -> list[str]:
        """The headings of `cells`."""
        raise NotImplementedError

    def document(self, output: Any) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        raise NotImplementedError

    def cells(self, output: Any) -> list[str]:
        """Return a row of a file of comma-separated values."""
        raise NotImplementedError

    def lines(self, output: Any, top: int) -> list[tuple[str, ...]]:
        """Return lines of a table; of probabilities the `top` highest."""
        raise NotImplementedError


class _Probabilities(Answers):
    """Of classes or labels."""

    def lines(self, output: Array, top: int) -> list[tuple[str, ...]]:
        """Return the most probable ones."""
        return [(self.names[n], f"{output[n]:.2%}") for n in output.argsort()[::-1][:top]]

    @property
    def heading(self) -> list[str]:
        """The answer, and the probabilities."""
        return [self.columns[0], *(f"p_{name}" for name in self.names)]

    def cells(self, output: Array) -> list[str]:
        """Return the answer, and the probabilities to six digits."""
        return [self._answer(output), *(f"{value:.6g}" for value in output)]

    def _answer(self, output: Array) -> str:
        raise NotImplementedError

    def _probabilities(self, output: Array) -> dict[str, float]:
        return dict(zip(self.names, map(float, output), strict=True))


class _Classes(_Probabilities):
    columns = ("class", "probability")

    def document(self, output: Array) -> dict[str, Any]:
        """Return the class of the highest probability, and all probabilities."""
        return {"class": self._answer(output), "probabilities": self._probabilities(output)}

    def _answer(self, output: Array) -> str:
        return self.names[int(output.argmax())]


class _Labels(_Probabilities):
    columns = ("label", "probability")

    def document(self, output: Array) -> dict[str, Any]:
        """Return the labels of a probability above 0.5, and all probabilities."""
        return {"labels": self._said(output), "probabilities": self._probabilities(output)}

    def _answer(self, output: Array) -> str:
        return "|".join(self._said(output))

    def _said(self, output: Array) -> list[str]:
        return [name for name, value in zip(self.names, output, strict=True) if value > 0.5]


class _Numbers(Answers):
    columns = ("number", "value")

    @property
    def heading(self) -> list[str]:
        """The numbers' names."""
        return list(self.names)

    def document(self, output: Array) -> dict[str, Any]:
        """Return the numbers by name."""
        return {"values": dict(zip(self.names, map(float, output), strict=True))}

    def cells(self, output: Array) -> list[str]:
        """Return the numbers to six digits."""
        return [f"{value:.6g}" for value in output]

    def lines(self, output: Array, top: int) -> list[tuple[str, ...]]:
        """Return all numbers."""
        return [(name, f"{value:.5g}") for name, value in zip(self.names, output, strict=True)]


class _Images(Answers):
    """Files that images were written to."""

    columns = ("output",)

    @property
    def heading(self) -> list[str]:
        """The file."""
        return ["output"]

    def document(self, output: Path) -> dict[str, Any]:
        """Return the file."""
        return {"output": str(output)}

    def cells(self, output: Path) -> list[str]:
        """Return the file."""
        return [str(output)]

    def lines(self, output: Path, top: int) -> list[tuple[str, ...]]:
        """Return the file."""
        return [(str(output),)]


ANSWERS: dict[Task, type[Answers]] = {
    "image": _Images,
    "classification": _Classes,
    "multi_label": _Labels,
    "regression": _Numbers,
}


def answers(task: Task, names: tuple[str, ...]) -> Answers:
    """Return what puts predictions of a task into words; images have been written before."""
    return ANSWERS[task](names)
