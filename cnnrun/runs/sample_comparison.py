"""Which samples two networks disagree on, and whether one is better by more than luck with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cnnrun.errors import DataError
from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.folder import Run
from cnnrun.runs.model import Model
from cnnrun.statistics import CONFIDENCE, mcnemar

__all__ = ["Disagreement", "SampleComparison", "compare_samples"]


@dataclass(frozen=True)
class Disagreement:
    """A sample of which two networks say different things.

    Attributes:
        index: in the test split.
        file: its name in the data set, if it has files.
        true: its class; its labels with `|` between them.
        first, second: what each network says.
        right: which of them is right, `first` or `second`; None where neither is.
    """

    index: int
    file: str | None
    true: str
    first: str
    second: str
    right: str | None


@dataclass(frozen=True)
class SampleComparison:
    """Two networks on the same test samples, each with the best weights of its run.

    Attributes:
        names: of the two runs.
        samples: how many there are.
        both: so many both have right.
        only_first, only_second: so many one alone has right.
        neither: so many both have wrong.
        disagreements: the samples of which they say different things, in their order.
    """

    names: tuple[str, str]
    samples: int
    both: int
    only_first: int
    only_second: int
    disagreements: tuple[Disagreement, ...]

    @property
    def neither(self) -> int:
        """So many both have wrong."""
        return self.samples - self.both - self.only_first - self.only_second

    @property
    def p_value(self) -> float:
        """McNemar's, exact: the chance of so uneven a split if neither were better."""
        return mcnemar(self.only_first, self.only_second)

    @property
    def is_shown(self) -> bool:
        """Whether one is better by more than the luck of the samples, at 95%."""
        return self.p_value < 1 - CONFIDENCE

    @property
    def verdict(self) -> str:
        """All of it in words."""
        more = self.only_second - self.only_first
        points = 100 * abs(more) / self.samples
        words = (
            f"{self.names[more > 0]} is better by {points:.2f} points" if more else "equally good"
        )
        shown = "shown" if self.is_shown else "not shown"
        return (
            f"{words}: of {self.samples:,} test samples {self.names[0]} alone has "
            f"{self.only_first:,} right, {self.names[1]} alone {self.only_second:,}: {shown} "
            f"(McNemar's exact test, p {self.p_value:.2g})"
        )

    def table(self) -> Iterator[list[Any]]:
        """Yield a heading, and a row for every sample on which they disagree."""
        has_files = any(sample.file is not None for sample in self.disagreements)
        yield ["index", *(["file"] if has_files else []), "true", *self.names, "right"]
        for sample in self.disagreements:
            right = {"first": self.names[0], "second": self.names[1], None: "neither"}[sample.right]
            file = [sample.file] if has_files else []
            yield [sample.index, *file, sample.true, sample.first, sample.second, right]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return {
            "split": "test",
            "samples": self.samples,
            "both_right": self.both,
            "only_first_right": self.only_first,
            "only_second_right": self.only_second,
            "neither_right": self.neither,
            "p_value": self.p_value,
            "test": "McNemar, exact",
            "shown": self.is_shown,
            "verdict": self.verdict,
            "disagreements": [asdict(sample) for sample in self.disagreements],
        }


def compare_samples(first: Run, second: Run, *, workers: int | None = None) -> SampleComparison:
    """Measure two runs on the test split that both have, and compare what they say of each sample.

    Raises:
        CnnrunError: they cannot be compared so: the data are others or not there, the task has no
            right and wrong, or there are no weights yet.
    """
    models = first.model(), second.model()
    _require_same_data(*models)
    one, other = (_measured(model, workers) for model in models)
    both = only_first = only_second = 0
    disagreements = []
    pairs = zip(one.figures.answers, other.figures.answers, strict=True)
    for index, ((true, said), (_, said_too)) in enumerate(pairs):
        both += said == said_too == true
        if said != said_too:
            right = {said: "first", said_too: "second"}.get(true)
            only_first += right == "first"
            only_second += right == "second"
            file = one.files[index] if one.files else None
            disagreements.append(Disagreement(index, file, true, said, said_too, right))
    return SampleComparison(
        (first.name, second.name), one.samples, both, only_first, only_second, tuple(disagreements)
    )


def _require_same_data(one: Model, other: Model) -> None:
    for model in (one, other):
        if model.task not in ("classification", "multi_label"):
            raise DataError(f"{model.run.name} learnt no classes that are right or wrong")
    digests = one.dataset_sha256, other.dataset_sha256
    if digests[0] != digests[1]:
        raise DataError(
            f"{one.run.name} and {other.run.name} were trained on different data, of SHA-256 "
            f"{digests[0][:12]} and {digests[1][:12]}"
        )


def _measured(model: Model, workers: int | None) -> Evaluation:
    evaluation = model.evaluate("test", workers=workers)
    if evaluation.data_changed:
        raise DataError(f"the data set has changed since {model.run.name} was trained")
    return evaluation
