"""What the subcommands of `cnnrun explain` share: options, and how an explanation is given out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnrun.cli.output import message
from cnnrun.untrusted import visible

if TYPE_CHECKING:
    from cnnrun.explain import Explanation

__all__ = [
    "Channels", "Element", "Format", "Input", "Inputs", "Json", "Numbers", "Output", "Padding",
    "Seed", "Stride", "Values", "emit", "values_of",
]  # fmt: skip

Input = Annotated[str, typer.Option("--input", metavar="HxW[xC]", help="The input's size.")]
Inputs = Annotated[int, typer.Option(metavar="N", min=1, help="Numbers that come in.")]
Channels = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Channels of the input; 1 by default.")
]
Stride = Annotated[str | None, typer.Option(metavar="N or NxM", help="From window to window.")]
Padding = Annotated[str, typer.Option(metavar="valid|same|N|NxM", help="Zeros around the input.")]
Element = Annotated[
    str | None,
    typer.Option(metavar="R,C[,...]", help="Only this entry of each array, counted from 1."),
]
Numbers = Annotated[
    bool, typer.Option("--numbers", help="Put numbers beside the symbols, and verify every line.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of the numbers.")]
Values = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Numbers of your own: .yaml, .json or .npz with the arrays that --numbers shows.",
    ),
]
Format = Annotated[
    Literal["text", "markdown", "latex", "json", "html"],
    typer.Option("--format", help="Of the result."),
]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here.")
]


def emit(explanation: Explanation, form: str, output: Path | None) -> None:
    """Print an explanation, or write it to a file."""
    text = visible(explanation.render(form))  # a plug-in's layer is said in its own words
    if output is None:
        print(text, end="")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, "utf-8")
    message(f"wrote {output}")


def values_of(path: Path | None) -> dict[str, Any] | None:
    """Return the arrays of a file; None where none is named."""
    from cnnrun.config import read_arrays

    return None if path is None else read_arrays(path)
