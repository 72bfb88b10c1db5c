"""Plans an inspection from what a user asks for, all of it checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnrun.engine import Network
from cnnrun.errors import ConfigError
from cnnrun.inspection.capture import choose, estimate_bytes, walk
from cnnrun.inspection.gallery import KINDS
from cnnrun.inspection.inspect import Options, Result, inspect
from cnnrun.inspection.samples import MOST_BYTES, InspectedModel, SampleChoice, choose_samples
from cnnrun.inspection.target import InspectionTarget
from cnnrun.registry import suggestion

__all__ = ["InspectionPlan", "plan_inspection"]


@dataclass(frozen=True)
class InspectionPlan:
    """What will be inspected, and where it goes.

    Attributes:
        target: the network and its samples.
        folder: where everything is written.
        options: how much.
        warning: what to tell the user first, in words; None for nothing.
    """

    target: InspectionTarget
    folder: Path
    options: Options
    warning: str | None = None

    def run(self) -> Result:
        """Inspect, and write the folder."""
        return inspect(self.target, self.folder, self.options)


def plan_inspection(
    model: InspectedModel,
    choice: SampleChoice | None = None,
    *,
    layers: Sequence[str] = (),
    kinds: Sequence[str] = (),
    other: InspectedModel | None = None,
    folder: Path | None = None,
    most_channels: int = 16,
    pictures: bool = True,
    format: str = "npz",
    steps: int = 64,
) -> InspectionPlan:
    """Return the plan of an inspection.

    Args:
        model: what is inspected.
        choice: the samples, and of what gradients are taken.
        layers: those to keep, as `choose` names them; by default all.
        kinds: of pictures; by default all.
        other: another network, whose maps are shown beside these.
        folder: where it goes; by default a folder of the model's own.
        most_channels: drawn of each array.
        pictures: whether to draw any.
        format: of the arrays: `npz` or `safetensors`.
        steps: of integrated gradients, to begin with.

    Raises:
        ConfigError, DataError: something asked for does not exist or does not fit.
    """
    target, what = choose_samples(model, choice or SampleChoice())
    nodes = choose(walk(target.network), layers)
    for word in kinds:
        if word not in KINDS:
            raise ConfigError(f"--kinds: no kind is called {word!r}; {suggestion(word, KINDS)}")
    options = Options(
        nodes=nodes if layers else None,
        kinds=tuple(kinds or KINDS),
        most_channels=most_channels,
        pictures=pictures,
        format=format,
        steps=steps,
        other=None if other is None else _compared(model, other),
    )
    size = estimate_bytes(nodes, len(target.x))
    warning = None
    if size > MOST_BYTES:
        warning = f"the arrays will take {size / (1 << 20):,.0f} MiB"
    return InspectionPlan(target, folder or model.home / "inspect" / what, options, warning)


def _compared(model: InspectedModel, other: InspectedModel) -> tuple[Network, tuple[str, str]]:
    """Return the network to compare with, and what to call both."""
    if other.network.input_shape != model.network.input_shape:
        raise ConfigError(f"--compare {other.home.name}: its network takes another shape of input")
    names = model.home.name, other.home.name
    if model.home == other.home:  # two checkpoints of one run
        names = model.checkpoint, other.checkpoint
    return other.network, names
