"""What one factor between a wrong gradient and the right one can come from.

Where several numbers are the same, four samples and a window of four, a batch of another size
tells them apart. What it cannot tell apart is named together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from cnnrun.gradcheck.diagnosis.evidence import NEARER, SAME, Evidence
from cnnrun.gradcheck.points.probes import Probe
from cnnrun.gradcheck.stages.differences import Line, differentiate

__all__ = ["constant_ratio"]


@dataclass(frozen=True)
class Meaning:
    """What a ratio can come from, in words, and the ratio that this would give."""

    ratio: float
    text: str

    def fits(self, ratio: float) -> bool:
        """Return whether a measured ratio is this one."""
        return bool(np.isclose(ratio, self.ratio, rtol=SAME))


def constant_ratio(evidence: Evidence) -> str | None:
    """Return one factor for all elements, and what it means; None if there is none."""
    nonzero = evidence.sure & (evidence.right != 0)
    ratios = evidence.claimed[nonzero] / evidence.right[nonzero]
    if ratios.size < min(2, evidence.claimed.size):
        return None
    ratio = float(np.median(ratios))
    if np.max(np.abs(ratios - ratio)) > min(SAME * abs(ratio), NEARER * abs(ratio - 1)):
        return None
    if not evidence.explains(np.where(evidence.known, ratio * evidence.right, evidence.claimed)):
        return None
    if abs(ratio - 1) < 1e-4:
        return f"constant ratio 1 {'-' if ratio < 1 else '+'} {abs(ratio - 1):.2g}"
    meaning = " or ".join(_meaning(evidence, ratio))
    return f"constant ratio {ratio:.6g}" + (f": {meaning}" if meaning else "")


def _meaning(evidence: Evidence, ratio: float) -> list[str]:
    """Return all that a ratio can come from, on this batch and on another."""
    probe, name, outputs = evidence.probe, evidence.tensor.name, evidence.upstream.shape
    here = _meanings(probe, name, outputs)
    fitting = [meaning.fits(ratio) for meaning in here]
    if any(fitting) and outputs:
        samples = outputs[0] + 1
        while any(meaning.ratio in (samples, 1 / samples) for meaning in here):
            samples += 1
        other = _measure(probe, name, samples)
        there = _meanings(probe, name, (samples, *outputs[1:]))
        if other is not None:
            fitting = [
                fits and meaning.fits(other) for fits, meaning in zip(fitting, there, strict=True)
            ]
    texts = [meaning.text for meaning, fits in zip(here, fitting, strict=True) if fits]
    if not texts and any(factor.fits(ratio) for factor in FACTORS):
        return [factor.text for factor in FACTORS if factor.fits(ratio)]
    return texts


FACTORS = (
    Meaning(-1, "the sign is wrong"),
    Meaning(2, "a factor 2 too many"),
    Meaning(0.5, "a factor 2 is missing"),
)


def _meanings(probe: Probe, name: str, outputs: tuple[int, ...]) -> list[Meaning]:
    """Return what a ratio can come from where outputs have this shape; their number is fixed."""
    meanings = []
    window = getattr(getattr(probe, "layer", None), "window", None)
    if window is not None and name == probe.main:
        taps = window.kernel[0] * window.kernel[1]
        meanings += [
            Meaning(taps, f"the 1/(N*N) of a window of {taps} is missing"),
            Meaning(1 / taps, f"there is a 1/(N*N) too many, for a window of {taps}"),
        ]
    shape = probe.values[name].shape
    if name == probe.main and len(shape) == 4:
        for pixels in dict.fromkeys((prod(shape[1:3]), prod(shape[2:]))):  # NHWC, NCHW
            meanings.append(Meaning(pixels, f"the 1/(H*W) of {pixels} pixels is missing"))
    if len(outputs) > 1:
        samples, positions = outputs[0], prod(outputs[1:-1])
        counts = {"samples": samples}
        if positions > 1:
            counts.update({"samples and positions": samples * positions, "positions": positions})
        for what, count in counts.items():
            mean = f"the mean over {count} {what} instead of their sum"
            total = f"the sum over {count} {what} where it should be their mean"
            meanings += [Meaning(1 / count, mean), Meaning(count, total)]
    return meanings


def _measure(probe: Probe, name: str, samples: int) -> float | None:
    """Return the ratio of the claimed to the right gradient on a batch of another size."""
    try:
        other = probe.with_samples(samples)
        if other is None:
            return None
        base = other.forward()
        upstream = np.random.default_rng(0).standard_normal(base.y.shape)
        gradient = other.backward(upstream)[name]
    except Exception:  # a layer may take no other batch
        return None
    size = float(np.max(np.abs(gradient), initial=0))
    if not size:
        return None
    direction = gradient / size
    derivative = differentiate(Line(other, name, direction), base, [upstream])
    measured = float(derivative.value[0])
    if derivative.has_kink or not measured:
        return None
    return float(np.sum(gradient * direction)) / measured
