"""Who trains: this process alone, or several ranks together, which make the same steps.

The first rank leads: it alone opens the run, writes and tells. What the others need to begin it
sends them, and every step they agree on what must be the same everywhere: whether to stop, and
whether the leader wants to write a checkpoint, for which it needs the whole optimizer's state.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from cnnrun.engine import Executor, Loss, Network, RankedExecutor, Ranks, own_samples
from cnnrun.engine.execution.shards import cut
from cnnrun.errors import ConfigError
from cnnrun.runs.checkpoints import CHECKPOINT_SECONDS
from cnnrun.runs.environment import ROUNDS, default_workers, environment
from cnnrun.runs.events import RanksJoined
from cnnrun.runs.signals import StopRequest

__all__ = ["Fellows", "RankedTeam", "Team"]


class Fellows(Ranks, Protocol):
    """Ranks that can also tell each other anything; `neighbours` are those of this machine."""

    neighbours: int

    def broadcast(self, value: Any) -> Any:
        """Return what the first rank gives; the others wait for it without haste."""

    def collect(self, value: Any) -> list[Any]:
        """Return what every rank gives, in their order."""


class Team:
    """One process alone.

    Attributes:
        size: the number of ranks.
        is_leader: whether this one opens the run, writes and tells.
        is_due: whether a checkpoint is, after the last step; None leaves that to who writes it.
    """

    size = 1
    is_leader = True
    is_due: bool | None = None

    def workers(self, wanted: int | None) -> int:
        """Return how many workers this rank has; by default the machine's ranks share it."""
        return wanted or default_workers()

    def executor(self, network: Network, loss: Loss, **options: Any) -> Executor:
        """Return what runs a network; `options` are an executor's."""
        return Executor(network, loss, **options)

    def own(self, samples: int, shard_size: int | None, multiply_adds: int) -> slice:
        """Return which samples of a batch are computed here; shards as `cut` takes them."""
        return slice(samples)

    def require_shards(self, samples: int, shard_size: int | None, multiply_adds: int) -> None:
        """Refuse to train where there is not a shard of a batch for every rank.

        Raises:
            ConfigError: there is not.
        """

    def assemble(self, charter: Callable[[], Any]) -> RanksJoined | None:
        """Begin: give the others the `charter`, if there are others; return who they are."""
        return None

    def is_to_stop(self, stop: StopRequest) -> bool:
        """Return whether training stops before the next step."""
        return bool(stop)

    def after_step(self, right: int, told: int, stop: StopRequest) -> tuple[int, int]:
        """Agree after a step; return how many answers were right, of how many, in all."""
        return right, told

    def gather(self, executor: Executor) -> None:
        """Bring all of the optimizer's state here."""

    def share(self, network: Network) -> None:
        """Give the leader's weights and buffers to all."""


class RankedTeam(Team):
    """One of several ranks, which it reaches by `fellows`."""

    def __init__(self, fellows: Fellows) -> None:
        self.fellows = fellows
        self.size, self.is_leader = fellows.size, fellows.rank == 0
        self.is_due = False
        self._signal = 0
        self._gathered_at = time.monotonic()
        self._workers = 1

    def workers(self, wanted: int | None) -> int:
        """Return how many workers this rank has; by default the machine's ranks share it."""
        self._workers = wanted or max(1, default_workers() // self.fellows.neighbours)
        return self._workers

    def executor(self, network: Network, loss: Loss, **options: Any) -> Executor:
        """Return what runs a network together with the others."""
        return RankedExecutor(network, loss, ranks=self.fellows, **options)

    def own(self, samples: int, shard_size: int | None, multiply_adds: int) -> slice:
        """Return which samples of a batch are computed here."""
        cuts = cut(samples, shard_size, multiply_adds)
        return own_samples(cuts, self.fellows.rank, self.size)

    def require_shards(self, samples: int, shard_size: int | None, multiply_adds: int) -> None:
        """Refuse to train where there is not a shard of a batch for every rank."""
        shards = len(cut(samples, shard_size, multiply_adds))
        if shards >= self.size:
            return
        fits = f"set train.shard_size={samples // self.size}, " if samples >= self.size else ""
        raise ConfigError(
            f"train.shard_size: a batch of {samples} samples is cut into {shards} "
            f"shard{'s' * (shards != 1)}, too few for {self.size} ranks; {fits}"
            f"{'or ' * bool(fits)}start {shards} at most"
        )

    def receive(self) -> Any:
        """Return the charter, on a rank that does not lead."""
        return self.fellows.broadcast(None)

    def assemble(self, charter: Callable[[], Any]) -> RanksJoined | None:
        """Give the others the charter; compare what computes on every rank."""
        if self.is_leader:
            self.fellows.broadcast(charter())
        surroundings = environment()
        own = platform.node(), self._workers, {key: surroundings[key] for key in ROUNDS}
        hosts, workers, computing = zip(*self.fellows.collect(own), strict=True)
        differences = [
            f"rank {rank} ({hosts[rank]}) has {words}"
            for rank, there in enumerate(computing)
            for words in _differences(there, computing[0])
        ]
        return RanksJoined(hosts, workers, tuple(differences))

    def is_to_stop(self, stop: StopRequest) -> bool:
        """Return whether any rank was asked to stop before the last step ended."""
        return self._signal != 0

    def after_step(self, right: int, told: int, stop: StopRequest) -> tuple[int, int]:
        """Agree after a step; return how many answers were right, of how many, in all."""
        is_due = time.monotonic() - self._gathered_at > CHECKPOINT_SECONDS
        row = np.array([right, told, stop.signal or 0, is_due and self.is_leader], np.float64)
        rows = self.fellows.gather(row, [row.size] * self.size).reshape(self.size, -1)
        self._signal, self.is_due = int(rows[:, 2].max()), bool(rows[:, 3].any())
        if self._signal and not stop:
            stop.signal = self._signal
        return int(rows[:, 0].sum()), int(rows[:, 1].sum())

    def gather(self, executor: Executor) -> None:
        """Bring all of the optimizer's state to every rank."""
        executor.gather_state()
        self._gathered_at = time.monotonic()

    def share(self, network: Network) -> None:
        """Give the leader's weights and buffers to all."""
        network.load_state(self.fellows.broadcast(network.state()))


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what a rank computes with that the leader does not."""
    for key, value in there.items():
        if isinstance(value, dict):
            yield from _differences(value, {**dict.fromkeys(value), **(here[key] or {})})
            yield from (f"no {name}" for name in here[key] if name not in value)
        elif isinstance(value, list):
            odd = sorted(set(value) ^ set(here[key]))
            if odd:
                yield f"{key} that differ in {', '.join(odd)}"
        elif value != here[key]:
            yield f"{key} {value}, not {here[key]}"
