"""The options of `gradcheck` for functions that were written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cnnrun.errors import ConfigError

__all__ = [
    "Constants",
    "DTypeOption",
    "Device",
    "Foreign",
    "Functions",
    "Inputs",
    "Jax",
    "LayoutOption",
    "Like",
    "NoGradient",
    "Program",
    "Reference",
    "Timeout",
    "Torch",
]

Functions = Annotated[
    str | None,
    typer.Option(
        metavar="FILE:FORWARD,BACKWARD",
        help="A pair of functions of your own; FILE alone has a table GRADCHECK.",
    ),
]
Torch = Annotated[
    str | None,
    typer.Option(metavar="FILE:NAME", help="A PyTorch autograd.Function, Module or function."),
]
Jax = Annotated[
    str | None, typer.Option(metavar="FILE:NAME", help="A JAX function, as of custom_vjp.")
]
Program = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Any program: './conv {input} {output}', .npz files."),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]SIZES",
        help="An input: x=4x3x7x7, y=10:0..9, x=a.npy; or one sample's shape for --layer.",
    ),
]
Constants = Annotated[
    list[str] | None,
    typer.Option(
        "--constant", metavar="NAME=VALUE", help="Handed in besides: 'conv_param={stride: 1}'."
    ),
]
NoGradient = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="An input without a gradient.")
]
Like = Annotated[
    str | None,
    typer.Option(metavar="LAYER", help="What it should be, to check forward too: conv2d."),
]
LayoutOption = Annotated[
    str | None, typer.Option("--layout", metavar="NCHW|NHWC", help="Of its images.")
]
Device = Annotated[str, typer.Option(metavar="cpu|cuda", help="Where PyTorch computes.")]
DTypeOption = Annotated[
    str, typer.Option("--dtype", metavar="float32|float64", help="In which PyTorch computes.")
]
Reference = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A float64 forward of the same file, for a float32 kernel."),
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, help="Of one call of --program.")
]


@dataclass(frozen=True)
class Foreign:
    """What the command line says about a function written elsewhere."""

    functions: str | None
    torch: str | None
    jax: str | None
    program: str | None
    inputs: list[str]
    constants: list[str]
    no_gradient: list[str]
    like: str | None
    layout: str | None
    device: str
    dtype: str
    reference: str | None
    timeout: float

    @property
    def kind(self) -> str | None:
        """Which of the options names the function; None if none does."""
        kinds = [k for k in ("functions", "torch", "jax", "program") if getattr(self, k)]
        if len(kinds) > 1:
            raise typer.BadParameter(f"--{kinds[0]} and --{kinds[1]} do not go together")
        return kinds[0] if kinds else None

    def check_alone(self, **others: Any) -> None:
        """Refuse options that do not go together.

        Raises:
            typer.BadParameter: they do not.
        """
        if self.kind:
            wrong = [name for name, value in others.items() if value]
            if wrong:
                word = "CONFIG" if wrong[0] == "config" else f"--{wrong[0].replace('_', '-')}"
                raise typer.BadParameter(f"--{self.kind} goes without {word}")
            return
        for name in ("constants", "no_gradient", "like", "layout", "reference"):
            if getattr(self, name):
                option = {"constants": "constant"}.get(name, name.replace("_", "-"))
                raise typer.BadParameter(
                    f"--{option} goes with --functions, --torch, --jax or --program"
                )

    def input_shape(self) -> str | None:
        """Return the one shape that `--input` gives for `--layer`."""
        if len(self.inputs) > 1 or any("=" in text for text in self.inputs):
            raise typer.BadParameter(
                "--input NAME=SIZES goes with --functions, --torch, --jax or --program; "
                "for --layer it is one shape, as in --input 8x8x3"
            )
        return self.inputs[0] if self.inputs else None

    def opened(self) -> dict[str, Any]:
        """Return the subject, its inputs and what it should be like, as the check takes them.

        Raises:
            ConfigError: a file, a name or an input is wrong.
        """
        from cnnrun.foreign import open_pair

        inputs, constants = self._inputs(), self._constants()
        said: dict[str, Any] = {}
        if self.functions:
            (function, own), said = open_pair(
                self.functions, inputs, constants, no_gradient=self.no_gradient
            )
        else:
            function, own = self._open_other(inputs, constants)
        like, layout = self.like or said.get("like"), self.layout or said.get("layout")
        return {
            "subject": function,
            "inputs": own,
            "constants": constants,
            "like": like,
            "layout": layout,
        }

    def _open_other(self, inputs: dict[str, str], constants: dict[str, Any]) -> Any:
        from cnnrun.foreign.inputs import read_inputs

        own = read_inputs(inputs)
        if self.torch:
            from cnnrun.foreign.torch import open_torch

            return open_torch(
                self.torch, own, constants, no_gradient=self.no_gradient, device=self.device,
                dtype=self.dtype, reference=self.reference,
            )  # fmt: skip
        if self.jax:
            from cnnrun.foreign.jax import open_jax

            return open_jax(self.jax, own, constants, no_gradient=self.no_gradient)
        from cnnrun.foreign.program import open_program

        assert self.program is not None
        return open_program(
            self.program, own, constants, no_gradient=self.no_gradient, timeout=self.timeout
        )

    def _inputs(self) -> dict[str, str]:
        return dict(_split("--input", text, "x=4x3x7x7") for text in self.inputs)

    def _constants(self) -> dict[str, Any]:
        from cnnrun.config.source import parse_source

        pairs = [_split("--constant", text, "'pad=1'") for text in self.constants]
        return {name: parse_source(value, f"--constant {name}").tree for name, value in pairs}


def _split(option: str, text: str, example: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{option} {text}: write NAME=VALUE, as in {option} {example}")
    return name.strip(), value.strip()
