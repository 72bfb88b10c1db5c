"""`cnnrun explain`: the lecture's equations for any geometry, generated and verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnrun.cli.options import Plugins, load
from cnnrun.cli.output import message
from cnnrun.cli.sizes import parse_element, parse_image, parse_padding, parse_pair

if TYPE_CHECKING:
    from cnnrun.explain import Explanation

app = typer.Typer(help="The lecture's equations for any geometry.", no_args_is_help=True)

Input = Annotated[str, typer.Option("--input", metavar="HxW[xC]", help="The input's size.")]
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
        metavar="FILE", help="Numbers of your own: .yaml, .json or .npz with X, F, dL/dO."
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


@app.command("conv2d")
def conv2d(
    input_size: Input = "3x3",
    filter_size: Annotated[
        str, typer.Option("--filter", metavar="N or NxM", help="The filter's size.")
    ] = "2x2",
    stride: Stride = None,
    padding: Padding = "valid",
    dilation: Annotated[str, typer.Option(metavar="N or NxM", help="From tap to tap.")] = "1",
    channels: Channels = None,
    filters: Annotated[int, typer.Option(metavar="N", min=1, help="How many.")] = 1,
    groups: Annotated[int, typer.Option(metavar="N", min=1, help="Of channels.")] = 1,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Convolution: every output, both gradients element by element, and as matrices.

    Example: cnnrun explain conv2d --input 3x3 --filter 2x2
    """
    from cnnrun.explain import explain

    explanation = explain(
        "conv2d",
        input=parse_image(input_size, channels),
        filter=parse_pair(filter_size, "--filter"),
        filters=filters,
        stride=parse_pair(stride or "1", "--stride"),
        padding=parse_padding(padding),
        dilation=parse_pair(dilation, "--dilation"),
        groups=groups,
        element=parse_element(element),
        numbers=numbers,
        seed=seed,
        values=_values(values),
    )
    _emit(explanation, "json" if json else form, output)


@app.command("max_pool2d")
def max_pool2d(
    input_size: Input = "4x4",
    pool_size: Annotated[
        str, typer.Option("--pool", metavar="N or NxM", help="The window's size.")
    ] = "2x2",
    stride: Stride = None,
    padding: Padding = "valid",
    channels: Channels = None,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Max pooling: where the error of each window goes.

    Example: cnnrun explain max_pool2d --input 4x4 --pool 2 --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "max_pool2d",
        input=parse_image(input_size, channels),
        pool_size=parse_pair(pool_size, "--pool"),
        stride=parse_pair(stride, "--stride") if stride else None,
        padding=parse_padding(padding),
        element=parse_element(element),
        numbers=numbers,
        seed=seed,
        values=_values(values),
    )
    _emit(explanation, "json" if json else form, output)


@app.command("avg_pool2d")
def avg_pool2d(
    input_size: Input = "4x4",
    pool_size: Annotated[
        str, typer.Option("--pool", metavar="N or NxM", help="The window's size.")
    ] = "2x2",
    stride: Stride = None,
    padding: Padding = "valid",
    channels: Channels = None,
    count_padding: Annotated[
        bool, typer.Option(help="Whether padding counts in the average.")
    ] = True,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Average pooling: the error times 1/(N*N), to the whole window.

    Example: cnnrun explain avg_pool2d --input 5x5 --pool 3 --stride 2
    """
    from cnnrun.explain import explain

    explanation = explain(
        "avg_pool2d",
        input=parse_image(input_size, channels),
        pool_size=parse_pair(pool_size, "--pool"),
        stride=parse_pair(stride, "--stride") if stride else None,
        padding=parse_padding(padding),
        count_padding=count_padding,
        element=parse_element(element),
        numbers=numbers,
        seed=seed,
        values=_values(values),
    )
    _emit(explanation, "json" if json else form, output)


@app.command("dense")
def dense(
    inputs: Annotated[int, typer.Option(metavar="N", min=1, help="Numbers that come in.")] = 3,
    units: Annotated[int, typer.Option(metavar="N", min=1, help="Numbers that go out.")] = 2,
    element: Element = None,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """A dense layer, unit by unit, and as products of matrices.

    Example: cnnrun explain dense --inputs 3 --units 2 --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "dense",
        input=inputs,
        units=units,
        element=parse_element(element),
        numbers=numbers,
        seed=seed,
        values=_values(values),
    )
    _emit(explanation, "json" if json else form, output)


@app.command("backprop")
def backprop(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Such as network[0].conv2d.filters=8"),
    ] = None,
    numbers: Annotated[
        bool,
        typer.Option("--numbers", help="Run it on its data in float64, and verify gradients."),
    ] = False,
    samples: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="With --numbers.")] = 4,
    seed: Seed = 0,
    plugin: Plugins = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """The four steps of backpropagation, for the layers of a configuration.

    Example: cnnrun explain backprop configs/lenet_mnist5k.yaml --numbers
    """
    from cnnrun.runs.explanation import explain_network

    experiment = load(config, overrides, plugin)
    explanation = explain_network(experiment, numbers=numbers, samples=samples, seed=seed)
    _emit(explanation, "json" if json else form, output)


def _emit(explanation: Explanation, form: str, output: Path | None) -> None:
    text = explanation.render(form)
    if output is None:
        print(text, end="")
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, "utf-8")
    message(f"wrote {output}")


def _values(path: Path | None) -> dict[str, Any] | None:
    """Return the arrays of a file; None where none is named."""
    from cnnrun.config import read_arrays

    return None if path is None else read_arrays(path)
