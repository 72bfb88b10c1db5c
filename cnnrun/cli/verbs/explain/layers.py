"""`cnnrun explain` of layers that are sums of products: convolution, pooling and dense."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnrun.cli.sizes import parse_element, parse_image, parse_padding, parse_pair
from cnnrun.cli.verbs.explain.options import (
    Channels,
    Element,
    Format,
    Input,
    Inputs,
    Json,
    Numbers,
    Output,
    Padding,
    Seed,
    Stride,
    Values,
    emit,
    values_of,
)

__all__ = ["avg_pool2d", "conv2d", "dense", "max_pool2d"]


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
        values=values_of(values),
    )
    emit(explanation, "json" if json else form, output)


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
        values=values_of(values),
    )
    emit(explanation, "json" if json else form, output)


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
        values=values_of(values),
    )
    emit(explanation, "json" if json else form, output)


def dense(
    inputs: Inputs = 3,
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
        values=values_of(values),
    )
    emit(explanation, "json" if json else form, output)
