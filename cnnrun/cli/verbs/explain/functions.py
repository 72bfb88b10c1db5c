"""`cnnrun explain` of activations, of softmax with its loss, and of batch normalisation."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnrun.cli.verbs.explain.options import (
    Format,
    Inputs,
    Json,
    Numbers,
    Output,
    Seed,
    Values,
    emit,
    values_of,
)  # fmt: skip

__all__ = ["batch_norm", "relu", "sigmoid", "softmax", "softmax_cross_entropy"]


def relu(
    inputs: Inputs = 4,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """ReLU: where the error comes through, and where it stops.

    Example: cnnrun explain relu --inputs 4 --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "relu", input=inputs, numbers=numbers, seed=seed, values=values_of(values)
    )
    emit(explanation, "json" if json else form, output)


def sigmoid(
    inputs: Inputs = 4,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """The sigmoid: the error times O (1 - O), and the slope's derivation.

    Example: cnnrun explain sigmoid --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "sigmoid", input=inputs, numbers=numbers, seed=seed, values=values_of(values)
    )
    emit(explanation, "json" if json else form, output)


def softmax(
    inputs: Inputs = 3,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Softmax: its Jacobian, and what all inputs share.

    Example: cnnrun explain softmax --inputs 3 --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "softmax", input=inputs, numbers=numbers, seed=seed, values=values_of(values)
    )
    emit(explanation, "json" if json else form, output)


def softmax_cross_entropy(
    classes: Annotated[int, typer.Option(metavar="N", min=2, help="One score for each.")] = 3,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Softmax and cross entropy as one loss: from the chain rule to p - t.

    Example: cnnrun explain softmax_cross_entropy --classes 3 --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "softmax_cross_entropy",
        classes=classes,
        numbers=numbers,
        seed=seed,
        values=values_of(values),
    )
    emit(explanation, "json" if json else form, output)


def batch_norm(
    samples: Annotated[int, typer.Option(metavar="N", min=2, help="Of the batch.")] = 4,
    numbers: Numbers = False,
    seed: Seed = 0,
    values: Values = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """Batch normalisation: the three ways from an input to the loss, and the three terms.

    Example: cnnrun explain batch_norm --samples 4 --numbers
    """
    from cnnrun.explain import explain

    explanation = explain(
        "batch_norm", samples=samples, numbers=numbers, seed=seed, values=values_of(values)
    )
    emit(explanation, "json" if json else form, output)
