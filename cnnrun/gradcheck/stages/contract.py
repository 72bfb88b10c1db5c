"""The protocol that every layer keeps; it is checked first, for without it no gradient is known.

A layer runs, returns the shapes and dtypes that it declares, returns the same for the same input,
and writes into none of the arrays it is given.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import LayerProbe
from cnnrun.gradcheck.report.findings import Finding, describe_crash

__all__ = ["check_contract", "check_float32"]


def check_contract(probe: LayerProbe, rng: np.random.Generator) -> list[Finding]:
    """Return how a layer breaks the protocol; when it crashes, that alone."""
    stage = "forward"
    findings: list[Finding] = []

    def note(message: str, tensor: str | None = None) -> None:
        findings.append(Finding(probe.name, tensor, "contract", message))

    try:
        before = _copies(probe)
        context = probe.context()
        y = _forward(probe, context)
        for name in _changed(before, probe):
            note(f"forward writes into {name}")
        problem = _wrong_array("y", y, (len(probe.values["x"]), *probe.layer.output_shape))
        if problem:
            note(f"forward: {problem}")
            return findings
        if not np.array_equal(y, _forward(probe, probe.context()), equal_nan=True):
            note("two forward passes at the same point differ: it is not deterministic")
            return findings
        stage = "backward"
        dy = rng.standard_normal(y.shape)
        kept = dy.copy()
        gradients = _backward(probe, dy, context)
        if not np.array_equal(dy, kept):
            note("backward writes into dy")
        for name in _changed(before, probe):
            note(f"backward writes into {name}")
        findings += _wrong_gradients(probe, gradients)
        if findings:
            return findings
        stage = "a second pass on the same context"
        _forward(probe, context)
        again = _backward(probe, kept.copy(), context)
        for name, gradient in gradients.items():
            if not np.array_equal(gradient, again[name], equal_nan=True):
                note(
                    f"a second backward gives another d{name}: gradients are added to what the "
                    "last step left, or depend on something hidden",
                    name,
                )
    except Exception as error:
        note(f"{stage} crashes: {describe_crash(error)}")
    return findings


def _forward(probe: LayerProbe, context: Context) -> Array:
    y = probe.layer.forward(probe.values["x"], context)
    return y.copy() if isinstance(y, np.ndarray) else y


def _backward(probe: LayerProbe, dy: Array, context: Context) -> dict[str, Array]:
    dx = probe.layer.backward(dy, context)
    own = {"x": dx, **context.collect("gradients")}
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in own.items()}


def _copies(probe: LayerProbe) -> dict[str, Array]:
    """Return copies of all that a layer must not change."""
    arrays = {**probe.values, **probe.layer.named_buffers()}
    return {name: array.copy() for name, array in arrays.items()}


def _changed(before: dict[str, Array], probe: LayerProbe) -> Iterator[str]:
    """Yield the names of arrays that differ from before, and restore them."""
    arrays = {**probe.values, **probe.layer.named_buffers()}
    for name, array in arrays.items():
        if not np.array_equal(array, before[name], equal_nan=True):
            array[...] = before[name]
            yield f"its input {name}" if name == "x" else name


def _wrong_gradients(probe: LayerProbe, gradients: dict[str, Array]) -> Iterator[Finding]:
    """Yield gradients that are missing, unknown, or of another shape or dtype."""
    for name in probe.values.keys() - gradients.keys():
        message = f"backward gives no gradient for {name}: ctx.gradients lacks it"
        yield Finding(probe.name, name, "contract", message)
    for name, gradient in gradients.items():
        if name not in probe.values:
            message = f"backward gives a gradient for {name}, which is no parameter of the layer"
        else:
            problem = _wrong_array(f"d{name}", gradient, probe.values[name].shape)
            message = f"backward: {problem}" if problem else ""
            if not message and not np.isfinite(gradient).all():
                message = f"backward: d{name} is not finite"
        if message:
            yield Finding(probe.name, name, "contract", message)


def _wrong_array(name: str, array: Array, shape: tuple[int, ...], dtype: str = "float64") -> str:
    """Return what is wrong with an array's type, shape or dtype, or nothing."""
    if not isinstance(array, np.ndarray):
        kind = "missing" if array is None else f"a {type(array).__name__}, not an array"
        return f"{name} is {kind}"
    if array.shape != shape:
        return f"{name} has shape {array.shape}, expected {shape}"
    if array.dtype != dtype:
        return f"{name} is {array.dtype} where all is {dtype}"
    return ""


def check_float32(probe: LayerProbe) -> list[Finding]:
    """Return what is not float32 when the layer runs in float32, as it does in training."""
    layer, context = probe.layer.astype(np.float32), probe.context()
    try:
        y = layer.forward(probe.values["x"].astype(np.float32), context)
        arrays = {"y": y, "dx": layer.backward(np.ones(y.shape, np.float32), context)}
    except Exception as error:
        message = f"a pass in float32 crashes: {describe_crash(error)}"
        return [Finding(probe.name, None, "contract", message)]
    arrays.update({f"d{k}": v for k, v in context.collect("gradients").items()})
    wrong = [f"{name} is {array.dtype}" for name, array in arrays.items() if array.dtype != "f4"]
    message = f"in a float32 network {', '.join(wrong)}"
    return [Finding(probe.name, None, "contract", message)] if wrong else []
