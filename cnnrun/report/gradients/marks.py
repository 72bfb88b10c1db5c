"""Words for what backward makes of the terms: missing, doubled, or met by another factor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.explain.text import number
from cnnrun.gradcheck.points.probes import Probe
from cnnrun.report.gradients.contributions import Contribution, Index
from cnnrun.report.gradients.layouts import output_axes, to_engine
from cnnrun.report.gradients.passed import Passed

__all__ = ["mark_of", "product", "sentences"]

MOST_NUMBERED = 8
TURNED: dict[str, Callable[[Array], Array]] = {
    "turned by 180 degrees": lambda a: a[::-1, ::-1],
    "flipped top to bottom": lambda a: a[::-1],
    "flipped left to right": lambda a: a[:, ::-1],
    "with its first two axes swapped": lambda a: a.swapaxes(0, 1),
    "with its last two axes swapped": lambda a: a.swapaxes(-1, -2),
}
RATIO = 1e-5
"""How far terms may be from one common ratio."""


def mark_of(passed: Passed, upstream: float) -> str:
    """Return what backward makes of one output's error, in a few words.

    Args:
        passed: what it makes of it.
        upstream: the error.
    """
    if passed.factor is not None:
        return _factor_words(passed.factor)
    assert passed.value is not None
    name = f"{passed.symbol}: " if passed.source else ""
    return f"{name}{product(upstream, passed.slope)} = {number(passed.value)}"


def product(first: float, second: float) -> str:
    """Return two numbers with a point between them, the second in brackets where it has a minus."""
    written = number(second)
    return f"{number(first)} · {f'({written})' if written.startswith('-') else written}"


def sentences(probe: Probe, terms: Sequence[Contribution], passed: Sequence[Passed]) -> list[str]:
    """Return what is wrong with the terms, a sentence for each way in which they are.

    Args:
        probe: what is checked.
        terms: what each output should add.
        passed: the outputs whose errors are treated wrongly.
    """
    places = {term.output: place for place, term in enumerate(terms)}
    said: list[str] = []
    axes = output_axes(probe, len(terms[0].output)) if terms else ()
    extra = sum(p.factor is None and p.output not in places for p in passed)
    met = [p for p in passed if p.factor is None and p.output in places]
    turned = _turned(probe, terms, met)
    if turned is not None:
        said.append(turned)
        passed = [p for p in passed if p not in met]
    for factor in dict.fromkeys(p.factor for p in passed if p.factor is not None):
        own = [places[p.output] for p in passed if p.factor == factor]
        said.append(f"{_which(axes, terms, own)} {_factor_words(factor)}")
    singles = [p for p in passed if p.factor is None]
    others = [places[p.output] for p in singles if p.output in places]
    if others:
        said.append(f"{_which(axes, terms, others)} {_otherwise(terms, singles, places)}")
    if extra:
        said.append(
            f"{extra} term{'s' * (extra > 1)} {'are' if extra > 1 else 'is'} added that should not "
            "be there"
        )
    return said


def _otherwise(
    terms: Sequence[Contribution], singles: Sequence[Passed], places: Mapping[Index, int]
) -> str:
    """Return in which way terms are wrong that have no plain factor."""
    own = [p for p in singles if p.output in places]
    if all(p.symbol == "1" for p in own):
        return "without the second factor"
    due = [terms[places[p.output]].value for p in own]
    ratios = [
        (p.value or 0.0) / value if value else np.inf for p, value in zip(own, due, strict=True)
    ]
    middle = float(np.median(ratios))
    if len(own) > 1 and np.isfinite(middle) and np.allclose(ratios, middle, rtol=RATIO, atol=0):
        return f"{number(middle)} times as large as it should be"
    slopes = [p.slope - terms[places[p.output]].numbers[1] for p in own]
    off = float(np.median(slopes))
    if len(own) > 1 and np.allclose(slopes, off, rtol=RATIO, atol=0):
        which = "large" if off > 0 else "small"
        return f"multiplied with a number that is too {which} by {number(abs(off))}, in all alike"
    return "multiplied with something else"


def _factor_words(factor: float) -> str:
    plain = {0.0: "missing", 2.0: "counted twice", -1.0: "of the wrong sign"}
    if factor in plain:
        return plain[factor]
    sign = ", and of the wrong sign" if factor < 0 else ""
    if abs(factor) > 1:
        return f"{number(abs(factor))} times too large{sign}"
    return f"too small by a factor {number(abs(1 / factor))}{sign}"


def _which(axes: Sequence[str], terms: Sequence[Contribution], own: Sequence[int]) -> str:
    """Return the terms with these places, in words, and the verb."""
    live = [place for place, term in enumerate(terms) if term.value]
    if len(terms) == 1:
        return "the only term is"
    if set(own) >= set(live):
        return "every term is"
    if len(own) == 1:
        return f"term {own[0] + 1} is"
    if len(live) - len(own) == 1:
        (kept,) = set(live) - set(own)
        return f"every term but number {kept + 1} is"
    if group := _group(axes, terms, own, live):
        return f"{group} are"
    named = ", ".join(str(place + 1) for place in own[:MOST_NUMBERED])
    more = f" and {len(own) - MOST_NUMBERED} more" if len(own) > MOST_NUMBERED else ""
    return f"{len(own)} of {len(live)} terms ({named}{more}) are"


def _group(
    axes: Sequence[str], terms: Sequence[Contribution], own: Sequence[int], live: Sequence[int]
) -> str:
    """Return the samples, rows, ... of the outputs that the terms are all of; or nothing."""
    chosen = set(own)
    for axis, name in enumerate(axes):
        places = sorted({terms[place].output[axis] for place in own})
        every = sorted({terms[place].output[axis] for place in live})
        if len(places) == len(every):
            continue
        if {place for place in live if terms[place].output[axis] in places} == chosen:
            if len(every) - len(places) == 1:
                (kept,) = set(every) - set(places)
                return f"all terms but those of {name} {kept}"
            return f"all terms of {name}{'s' * (len(places) > 1)} {', '.join(map(str, places))}"
    return ""


def _turned(probe: Probe, terms: Sequence[Contribution], passed: Sequence[Passed]) -> str | None:
    """Return whether all wrong terms meet the entries of an array that is turned or shifted."""
    right = {term.output: term.source for term in terms}
    pairs = [(right.get(p.output), p.source) for p in passed]
    known = [(own, other) for own, other in pairs if own and other and own[0] == other[0]]
    if not known or len(known) < len(pairs) or len({own[0] for own, _ in known}) > 1:
        return None
    name = known[0][0][0]
    offsets = {tuple(np.subtract(taken[1], own[1]).tolist()) for own, taken in known}
    if len(offsets) == 1 and len(known) > 1:
        (offset,) = offsets
        return f"each error meets the entry of {name} that lies {list(offset)} from the right one"
    array = probe.values[name]
    numbers = to_engine(probe, name, np.arange(array.size).reshape(array.shape))
    for words, other in _variants(numbers).items():
        moved = {int(a): int(b) for a, b in zip(numbers.ravel(), other.ravel(), strict=True)}
        if all(moved[_flat(own[1], array)] == _flat(taken[1], array) for own, taken in known):
            return (
                f"each error meets another entry of {name} than it should: {name} is taken {words}"
            )
    return None


def _variants(numbers: Array) -> Mapping[str, Array]:
    if numbers.ndim < 2:
        return {}
    turned = {words: turn(numbers) for words, turn in TURNED.items()}
    return {words: other for words, other in turned.items() if other.shape == numbers.shape}


def _flat(index: Iterable[int], array: Array) -> int:
    return int(np.ravel_multi_index(tuple(index), array.shape))
