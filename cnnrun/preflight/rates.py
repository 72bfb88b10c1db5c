"""The learning-rate range test: the loss while the rate rises, and which rate that suggests.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3. The
rule is that of fastai: a tenth of the rate at which the smoothed loss is lowest. Where it stays low
over decades, as of a sigmoid at the end that saturates, that says nothing; then it is the rate at
which most of the fall is done.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnrun.config import Experiment, load_experiment
from cnnrun.data import prepare
from cnnrun.errors import ConfigError, UnresolvedError
from cnnrun.preflight.case import Batch, Case
from cnnrun.runs.batches import batch_slices
from cnnrun.runs.plots import save_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RateTest", "tune_rate"]

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 100
BEGIN = STEPS // 10
"""So many steps, at rates that change nothing, show what the loss is at first."""
SMOOTHING = 0.9
"""Of the loss's moving average, whose bias at the start is taken out."""
DIVERGED = 4.0
"""Above so many times the lowest smoothed loss the test stops."""
SAFETY = 10.0
FALLEN = 0.9
"""So much of the fall is most of it."""
NOT_LEARNT = 0.95
"""Unless the loss falls to this part of the first steps' there is no rate to suggest."""


@dataclass(frozen=True)
class RateTest:
    """The result of a range test.

    Attributes:
        name: of the experiment.
        key: of the learning rate in the configuration.
        configured: the rate that stands there.
        rates: of each step, rising.
        losses: of the batch ahead of each step.
        smoothed: their moving average.
        lowest: the rate at which that is lowest.
        fallen: the rate at which 90% of the fall from the first steps' loss is done.
        suggestion: a tenth of the lowest, or `fallen` if that is smaller.
        stopped: why it ended before the highest rate; empty if it did not.
        seed: of the weights and the order of the images.
    """

    name: str
    key: str
    configured: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    lowest: float
    fallen: float
    suggestion: float
    stopped: str
    seed: int

    @property
    def override(self) -> str:
        """The suggestion as an override of the configuration."""
        return f"{self.key}={self.suggestion:g}"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a JSON document."""
        return {**asdict(self), "override": self.override}

    def __repr__(self) -> str:
        return f"<{self.name}: {self.override}>"

    def draw(self, path: Path | str) -> Path:
        """Draw the loss over the rate; return the PNG file.

        Raises:
            ConfigError: the picture is to be no PNG file, or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".png":
            raise ConfigError(f"{path}: the picture is a PNG file; call it {path.stem}.png")
        try:
            save_picture(self._figure(), path)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
        return path

    def _figure(self) -> Figure:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, color="0.75", lw=1, label="loss of a batch")
        axes.plot(self.rates, self.smoothed, color="#0072B2", lw=2, label="smoothed")
        for rate, style, color, label in (
            (self.suggestion, "-", "#D55E00", f"suggested: {self.suggestion:g}"),
            (self.lowest, ":", "#D55E00", f"lowest: {self.lowest:.2g}"),
            (self.configured, "--", "0.3", f"configured: {self.configured:g}"),
        ):
            axes.axvline(rate, color=color, linestyle=style, label=label)
        low = min(*self.losses, *self.smoothed)
        top = max(self.losses[: len(self.losses) // 4])
        margin = 0.15 * (top - low) or 1.0
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.set_ylim(low - margin, top + 2 * margin)  # beyond, it diverges
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        figure.suptitle(f"{self.name}: learning-rate range test", parse_math=False)
        return figure


def tune_rate(
    subject: Experiment | Path | str,
    overrides: Sequence[str] = (),
    *,
    plugins: Sequence[Path | str] = (),
    picture: Path | str | None = None,
) -> RateTest:
    """Train for a hundred steps while the learning rate rises, and suggest one.

    It starts from the configuration's first weights and goes through its images in their order,
    augmented; the network is thrown away. The result is the same each time.

    Args:
        subject: an experiment or a configuration file.
        overrides: changes of a file, such as `train.batch_size=128`.
        plugins: Python files that register what it names.
        picture: a PNG file to draw the loss over the rate into.

    Raises:
        CnnrunError: the configuration is wrong, the data cannot be used, or the picture cannot be
            written.
        UnresolvedError: the loss does not fall at any rate.
    """
    if isinstance(subject, Experiment):
        experiment = subject
    else:
        experiment = load_experiment(subject, overrides, plugins)
    case = Case(experiment, prepare(experiment.data, experiment.seed, experiment.base))
    rates = np.geomspace(LOWEST, HIGHEST, STEPS).tolist()
    losses: list[float] = []
    smoothed: list[float] = []
    average, stopped = 0.0, ""
    for loss in case.descend(case.network(), _batches(case), rates):
        if not math.isfinite(loss):
            stopped = f"the loss is not finite at {rates[len(losses)]:.2g}"
            break
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        losses.append(loss)
        smoothed.append(average / (1 - SMOOTHING ** len(losses)))
        if len(losses) > BEGIN and smoothed[-1] > DIVERGED * min(smoothed[BEGIN:]):
            stopped = f"the loss diverged at {rates[len(losses) - 1]:.2g}"
            break
    key = f"optimizer.{experiment.optimizer.type_name}.learning_rate"
    first, later = float(np.median(smoothed[:BEGIN] or [0])), smoothed[BEGIN:]
    if not later or min(later) >= NOT_LEARNT * first:
        raise UnresolvedError(
            f"{experiment.name}: the loss falls clearly at no rate from {LOWEST:g} to {HIGHEST:g}, "
            "so that none can be suggested; a larger train.batch_size makes it less noisy, and "
            "cnnrun check CONFIG looks for other reasons"
        )
    lowest = rates[BEGIN + int(np.argmin(later))]
    most = first - FALLEN * (first - min(later))
    fallen = next(rate for rate, loss in zip(rates[BEGIN:], later, strict=False) if loss <= most)
    result = RateTest(
        experiment.name,
        key,
        experiment.optimizer.learning_rate,
        tuple(rates[: len(losses)]),
        tuple(losses),
        tuple(smoothed),
        lowest,
        fallen,
        float(f"{min(lowest / SAFETY, fallen):.2g}"),
        stopped,
        experiment.seed,
    )
    if picture is not None:
        result.draw(picture)
    return result


def _batches(case: Case) -> Iterator[Batch]:
    """Yield the batches of a training, epoch after epoch."""
    train, seed = case.data.train, case.experiment.seed
    for epoch in itertools.count():
        order = train.order(seed, epoch)
        for part in batch_slices(len(order), case.experiment.train.batch_size):
            yield train.batch(order[part], seed=seed, epoch=epoch)
