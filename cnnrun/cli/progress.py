"""Shows a training or a gradient check as it goes: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cnnrun.cli.output import message
from cnnrun.cli.tables import figure, share

if TYPE_CHECKING:
    from tqdm import tqdm

    from cnnrun.gradcheck import Check
    from cnnrun.runs.events import EpochMetrics, Event, StepFinished, WorkersSlow

__all__ = ["CheckProgress", "Progress", "with_bar"]


T = TypeVar("T")


class Progress:
    """Listens to the events of a training and prints to stderr."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.on_terminal = sys.stderr.isatty() and not quiet
        self.bar: tqdm[Any] | None = None
        self.epochs = 0
        self.steps_per_epoch = 0
        self.waited = 0.0

    def __call__(self, event: Event) -> None:
        """Show an event."""
        from cnnrun.runs.events import (
            Diverged,
            EpochFinished,
            RanksJoined,
            StepFinished,
            Stopped,
            StoppedEarly,
            TrainingFinished,
            TrainingStarted,
            WorkersSlow,
        )

        if isinstance(event, TrainingStarted):
            self.epochs, self.steps_per_epoch = event.epochs, event.steps_per_epoch
            if event.step:
                message(f"going on after step {event.step}", quiet=self.quiet)
        elif isinstance(event, StepFinished) and self.on_terminal:
            self._advance(event)
        elif isinstance(event, RanksJoined):
            names = ", ".join(dict.fromkeys(event.hosts))
            message(f"{len(event.hosts)} ranks on {names}", quiet=self.quiet)
            for difference in event.differences:
                message(f"warning: {difference}: last bits may differ", quiet=self.quiet)
        elif isinstance(event, WorkersSlow):
            self._close()  # the next step opens it again
            message(_advise(event), quiet=self.quiet)
        elif isinstance(event, EpochFinished):
            self._close()
            message(self._line(event.metrics, event.improved), quiet=self.quiet)
        elif isinstance(event, StoppedEarly):
            message(f"stopped early, {event.reason}", quiet=self.quiet)
        elif isinstance(event, Stopped | Diverged | TrainingFinished):
            self._close()

    def _advance(self, event: StepFinished) -> None:
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(
                total=self.steps_per_epoch,
                initial=event.batch - 1,
                desc=f"epoch {event.epoch + 1}/{self.epochs}",
                unit="step",
                leave=False,
                dynamic_ncols=True,
                file=sys.stderr,
            )
        self.waited += (event.waited - self.waited) / 10  # of the last ten steps or so
        figures = f"loss {event.loss:.4f}, data {self.waited:.0%}"
        self.bar.set_postfix_str(figures, refresh=False)
        self.bar.update()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def _line(self, metrics: EpochMetrics, improved: bool) -> str:
        parts = [f"epoch {metrics.epoch:>{len(str(self.epochs))}}/{self.epochs}"]
        for split, prefix in (("train", ""), ("val", "val ")):
            loss = getattr(metrics, f"{split}_loss")
            accuracy = getattr(metrics, f"{split}_accuracy")
            if loss is not None:
                parts.append(f"{prefix}loss {figure(loss)}")
            if accuracy is not None:
                parts.append(f"acc {share(accuracy)}")
        parts.append(f"{metrics.seconds:.1f} s")
        return "  ".join(parts) + ("  best" if improved else "")


def _advise(event: WorkersSlow) -> str:
    """Return that one worker would be faster, and how that was measured."""
    together, alone = 1000 * event.together, 1000 * event.alone
    return (
        f"{event.workers} workers are slower than one here, as busy as the machine is: of the "
        f"first steps they took {together:.1f} ms each, and one took {alone:.1f}; "
        "--workers 1 gives the same result"
    )


def with_bar(items: Iterable[T], total: int, unit: str, *, quiet: bool) -> Iterator[T]:
    """Yield items, `total` in all, while a bar on a terminal shows how many are done."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit=unit, leave=False, dynamic_ncols=True)


class CheckProgress:
    """Shows a gradient check on stderr: what it will cost, then a bar; use it with `with`."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.bar: tqdm[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, check: Check, passes: int) -> None:
        """Show how many forward passes are done; none before the first."""
        cost = check.cost
        if self.quiet:
            return
        if passes == 0 and cost.forward_passes:
            sampled = " (a sample of each large tensor)" if check.is_sampled else ""
            message(
                f"{check.title}: about {cost.forward_passes:,} forward passes{sampled}, more where "
                f"elements lie on kinks, {max(1, round(cost.seconds))} s"
            )
        if sys.stderr.isatty():
            from tqdm import tqdm

            if self.bar is None:
                self.bar = tqdm(
                    total=cost.forward_passes, unit="pass", leave=False, dynamic_ncols=True
                )
            self.bar.update(min(passes, cost.forward_passes) - self.bar.n)
