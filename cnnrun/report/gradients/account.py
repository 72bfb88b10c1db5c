"""The worst entry of a wrong gradient, added up: its terms, their sum, and what backward gave."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cnnrun.engine import Layer, Loss
from cnnrun.engine.types import Array
from cnnrun.explain import Equation
from cnnrun.explain.formulas import Rule
from cnnrun.gradcheck.points.probes import LayerProbe, LossProbe, Probe, TailProbe
from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.elements import Element, Tensor
from cnnrun.report.gradients.contributions import Contribution, Index, measured
from cnnrun.report.gradients.entries import telling_point, worst_element
from cnnrun.report.gradients.layouts import from_engine, to_engine
from cnnrun.report.gradients.lecture import Spelled, rule_of, spell
from cnnrun.report.gradients.marks import sentences
from cnnrun.report.gradients.passed import Passed, passed_back
from cnnrun.report.gradients.subsets import subset_that_explains

__all__ = ["Account", "account_of"]

SAME = 1e-5
"""Of the sum of all terms' sizes: how near it must come to the numerical derivative."""
ELSEWHERE = 1e-6
"""Of an entry's size: how near another entry must come to what backward gives."""


@dataclass(frozen=True)
class Account:
    """One entry of a gradient, added up.

    Attributes:
        index: of the entry.
        claimed, right: what backward gives, and what forward shows.
        rule: the lecture's, for any entry; None where there is none.
        equation: in symbols, for one sample; None where there is none.
        samples: how many add up.
        terms: what each output adds; None where that is not known.
        passed: the outputs whose errors backward treats wrongly; None where that is not known.
        words: what it does with them, in sentences.
        is_apart: whether backward could be taken apart; else what `passed` says is deduced.
        elsewhere: the entry whose right value backward gives here; None if there is none.
        upstream: the gradient with respect to the outputs, in the probe's own layout.
    """

    index: Index
    claimed: float
    right: float
    rule: Rule | None
    equation: Equation | None
    samples: int
    terms: list[Contribution] | None
    passed: list[Passed] | None
    words: list[str]
    is_apart: bool
    elsewhere: Index | None
    upstream: Array

    def error_at(self, output: Index) -> float:
        """Return the upstream gradient of an output."""
        return float(self.upstream[output])


def account_of(row: Row) -> Account | None:
    """Return the worst entry of a wrong tensor, added up; None where nothing can be said."""
    point = telling_point(row)
    if point is None:
        return None
    tensor = point[1]
    element = worst_element(tensor)
    if element is None:
        return None
    probe = tensor.probe
    subject = _subject(probe)
    rule = rule_of(subject, row.place[1])
    spelled: Spelled | None = None
    terms: list[Contribution] | None = None
    if not isinstance(probe, TailProbe):  # whose outputs are the losses at the network's end
        with np.errstate(all="ignore"):
            spelled, terms = _terms(probe, subject, tensor, element)
    if rule is None and terms is None:
        return None
    passed = None
    if terms is not None:
        with np.errstate(all="ignore"):
            passed = _passed(probe, tensor, element, terms)
    is_guessed = passed is None and terms is not None
    if passed is None and terms is not None:
        passed = subset_that_explains(terms, element.analytic)
    return Account(
        index=element.index,
        claimed=element.analytic,
        right=element.numeric,
        rule=rule,
        equation=spelled.equation if spelled else None,
        samples=spelled.samples if spelled else 1,
        terms=terms,
        passed=passed,
        words=sentences(probe, terms, passed) if passed and terms is not None else [],
        is_apart=not is_guessed,
        elsewhere=_elsewhere(tensor, element),
        upstream=tensor.upstream,
    )


def _subject(probe: Probe) -> Layer | Loss | None:
    """Return the layer or loss that a probe checks, or that its user says it is like."""
    if isinstance(probe, LossProbe):
        return probe.loss
    if isinstance(probe, TailProbe):
        return probe.layers[probe.name]
    subject = probe.layer if isinstance(probe, LayerProbe) else getattr(probe, "like", None)
    return subject if isinstance(subject, Layer | Loss) else None


def _terms(
    probe: Probe, subject: Layer | Loss | None, tensor: Tensor, element: Element
) -> tuple[Spelled | None, list[Contribution] | None]:
    """Return the entry's equation and its terms, if these add up to what forward shows."""
    try:
        if isinstance(subject, Layer):
            spelled = _spelled(probe, subject, tensor, element)
            if spelled is not None and _adds_up(spelled.terms, element):
                return spelled, [_as_probed(probe, tensor, term) for term in spelled.terms]
        terms = measured(probe, tensor.name, element.index, tensor.upstream)
    except Exception:  # a function of somebody else's may fail anywhere
        return None, None
    return None, terms if _adds_up(terms, element) else None


def _spelled(probe: Probe, layer: Layer, tensor: Tensor, element: Element) -> Spelled | None:
    values = {name: to_engine(probe, name, array) for name, array in probe.values.items()}
    if "x" not in values:
        return None
    index = _moved(probe, tensor, element.index)
    y = to_engine(probe, "y", probe.forward().y)
    dy = to_engine(probe, "y", tensor.upstream)
    return spell(layer, tensor.name, index, values, y, dy)


def _passed(
    probe: Probe, tensor: Tensor, element: Element, terms: list[Contribution]
) -> list[Passed] | None:
    try:
        return passed_back(
            probe, tensor.name, element.index, tensor.upstream, terms, element.analytic
        )
    except Exception:  # somebody else's backward may fail on an error that is mostly zeros
        return None


def _as_probed(probe: Probe, tensor: Tensor, term: Contribution) -> Contribution:
    """Return a term whose indices are those of the probe's own arrays."""
    output = from_engine(probe, "y", tensor.upstream.shape, term.output)
    source = term.source
    if source is not None:
        name, place = source
        source = name, from_engine(probe, name, probe.values[name].shape, place)
    return replace(term, output=output, source=source)


def _moved(probe: Probe, tensor: Tensor, index: Index) -> Index:
    """Return an entry's index in the engine's layout."""
    mask: Array = np.zeros(tensor.gradient.shape, bool)
    mask[index] = True
    return tuple(map(int, np.argwhere(to_engine(probe, tensor.name, mask))[0]))


def _adds_up(terms: list[Contribution], element: Element) -> bool:
    values = [term.value for term in terms]
    off = abs(sum(values) - element.numeric)
    return off <= SAME * sum(map(abs, values)) + element.error


def _elsewhere(tensor: Tensor, element: Element) -> Index | None:
    """Return the one other entry whose right value is what backward gives here."""
    claimed = element.analytic
    if not claimed or not np.isfinite(claimed):
        return None
    near = [
        other.index
        for other in tensor.resolved
        if other.index != element.index and abs(other.numeric - claimed) <= ELSEWHERE * abs(claimed)
    ]
    return near[0] if len(near) == 1 else None
