"""Where the time of a step goes that several ranks share, and what is sent for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from cnnrun.bench.training_step import Samples, draw
from cnnrun.config import Experiment, build_network, load_experiment
from cnnrun.data import DatasetInfo
from cnnrun.engine import RankedExecutor
from cnnrun.engine.execution.shards import cut
from cnnrun.engine.execution.shares import runs_of, spans_of
from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.runs import RankedTeam, Team, join_team
from cnnrun.runs.team import Fellows

__all__ = ["RanksBenchmark", "RanksResult", "bench_ranks", "formula_bytes"]

FEWEST, MOST = 10, 5000
"""Steps that a median is taken over."""

WARM_UP = 3
"""Steps before these, in which memory is touched and workers start."""


@dataclass(frozen=True)
class RanksResult:
    """A training step of several ranks: medians, each the mean over the ranks.

    Attributes:
        batch, shards: samples of the step, and shards that they are cut into.
        steps: that were measured.
        step_ms: all of it.
        compute_ms: forward, backward and what this rank adds up.
        exchange_ms: sending, and waiting for the slowest rank.
        update_ms: the optimizer's part, without the gathering of the weights.
        sent_bytes: gradients and weights that a rank sends, whatever the library makes of them.
        formula_bytes: what `formula_bytes` says of these.
        further_bytes: the sums that layers ask for, losses and norms.
    """

    batch: int
    shards: int
    steps: int
    step_ms: float
    compute_ms: float
    exchange_ms: float
    update_ms: float
    sent_bytes: float
    formula_bytes: float
    further_bytes: float


@dataclass(frozen=True)
class RanksBenchmark:
    """What was measured of a configuration: a result for each batch size, the same on each rank."""

    config: Path
    name: str
    ranks: int
    workers: int
    parameters: int
    is_leader: bool
    results: tuple[RanksResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as a JSON document."""
        return {
            "config": str(self.config),
            "ranks": self.ranks,
            "workers": self.workers,
            "parameters": self.parameters,
            "results": [asdict(result) for result in self.results],
        }


def formula_bytes(parameters: int, shards: int, ranks: int) -> float:
    """Return how many bytes of gradients and weights a rank sends a step, in the mean.

    (s + 1) 4P (R - 1) / R of P float32 parameters and R ranks, where s is the mean number of sums
    that the tree has within a rank's run of shards.
    """
    sums = [len(spans_of(start, end, shards)) for start, end in runs_of(shards, ranks)]
    return (fmean(sums) + 1) * 4 * parameters * (ranks - 1) / ranks


def bench_ranks(
    config: Path | str,
    overrides: Sequence[str] = (),
    *,
    plugins: Sequence[Path | str] = (),
    batches: Sequence[int] = (),
    workers: int | None = None,
    seconds: float = 3.0,
    team: Team | None = None,
) -> RanksBenchmark:
    """Measure training steps of several ranks, of which this is one; all call it alike.

    Args:
        config: the configuration file, which every rank reads.
        overrides: of its settings.
        plugins: Python files that register what it names.
        batches: samples of a step; by default the configuration's.
        workers: of each rank; by default the ranks of a machine share its processors.
        seconds: to spend on each batch size.
        team: the ranks; by default those of the MPI job.

    Raises:
        ConfigError: the configuration is wrong, or this process is no rank of several.
    """
    team = team or join_team()
    if not isinstance(team, RankedTeam):
        raise ConfigError(
            "--ranks measures the ranks of an MPI job; start it by "
            f"mpiexec -n 2 cnnrun bench {config} --ranks"
        )
    experiment = load_experiment(config, overrides, plugins)
    info = experiment.data.dataset.info(experiment.base)
    meter = Meter(team.fellows)
    metered = RankedTeam(meter)
    count = metered.workers(workers)
    results = [
        _measure(experiment, info, size, metered, meter, count, seconds)
        for size in batches or [experiment.train.batch_size]
    ]
    network = build_network(experiment, info)
    return RanksBenchmark(
        Path(config), experiment.name, team.size, count, network.parameter_count, team.is_leader,
        tuple(results),
    )  # fmt: skip


class Meter:
    """Fellows whose calls are timed, and what they send counted."""

    def __init__(self, fellows: Fellows) -> None:
        self._fellows = fellows
        self.rank, self.size, self.neighbours = fellows.rank, fellows.size, fellows.neighbours
        self.seconds = 0.0
        self.sent = self.further = 0

    def gather(self, row: Array, sizes: Sequence[int]) -> Array:
        """Gather; of float64 are all but weights and gradients."""
        size = row.nbytes * (self.size - 1)
        if row.dtype == np.float64:
            self.further += size
        else:
            self.sent += size
        with self._timed():
            return self._fellows.gather(row, sizes)

    def exchange(
        self, row: Array, sent: Sequence[int], into: Array, received: Sequence[int]
    ) -> None:
        """Exchange."""
        self.sent += row.itemsize * (sum(sent) - sent[self.rank])
        with self._timed():
            self._fellows.exchange(row, sent, into, received)

    def broadcast(self, value: Any) -> Any:
        """Broadcast."""
        return self._fellows.broadcast(value)

    def collect(self, value: Any) -> list[Any]:
        """Collect."""
        return self._fellows.collect(value)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started


def _measure(
    experiment: Experiment,
    info: DatasetInfo,
    batch: int,
    team: RankedTeam,
    meter: Meter,
    workers: int,
    seconds: float,
) -> RanksResult:
    """Measure one batch size."""
    network = build_network(experiment, info)
    size, work = experiment.train.samples_per_shard, network.multiply_adds()
    team.require_shards(batch, size, work)
    whole, mine = draw(experiment, info, batch), team.own(batch, size, work)
    samples = Samples(whole.x[mine], whole.targets[mine])
    with RankedExecutor(
        network,
        experiment.loss,
        ranks=meter,
        workers=workers,
        shard_size=size,
        optimizer=experiment.optimizer,
        optimizer_state=experiment.optimizer.initial_state(network.parameters),
    ) as executor:
        rate = experiment.optimizer.learning_rate * 1e-3  # no step of it is to diverge

        def passes(step: int) -> None:
            executor.step(
                samples.x, samples.targets, seed=experiment.seed, step=step, samples=batch
            )

        def update(step: int) -> None:
            norm = executor.gradient_norm()
            executor.update(learning_rate=rate, step=step + 1, norm=norm)

        started = time.perf_counter()
        for step in range(WARM_UP):
            passes(step)
            update(step)
        one = (time.perf_counter() - started) / WARM_UP
        steps = meter.broadcast(min(MOST, max(FEWEST, int(seconds / one))))
        meter.sent = meter.further = 0
        times = [
            (*_timed(passes, step, meter), *_timed(update, step, meter))
            for step in range(WARM_UP, WARM_UP + steps)
        ]
    compute, sending, change, gathering = np.array(times).T
    own = [
        1e3 * median(figures)
        for figures in (np.sum(times, axis=1), compute, sending + gathering, change)
    ]
    everybody = meter.collect([*own, meter.sent / steps, meter.further / steps])
    step_ms, compute_ms, exchange_ms, update_ms, sent, further = np.mean(everybody, axis=0).tolist()
    shards = len(cut(batch, size, work))
    formula = formula_bytes(network.parameter_count, shards, team.size)
    return RanksResult(
        batch, shards, steps, step_ms, compute_ms, exchange_ms, update_ms, sent, formula, further
    )


def _timed(work: Callable[[int], None], step: int, meter: Meter) -> tuple[float, float]:
    """Return the seconds of `work` without those of sending, and those."""
    before, started = meter.seconds, time.perf_counter()
    work(step)
    sending = meter.seconds - before
    return time.perf_counter() - started - sending, sending
