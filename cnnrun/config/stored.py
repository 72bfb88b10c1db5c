"""What a run's folder says of itself: read as from an unknown hand, and checked key by key.

Keys that are not known here are let through: they may be a later version's. A file's own writer
checks nothing, since it writes these very figures.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cnnrun.errors import CnnrunError, excerpt, shortened

__all__ = [
    "DigestLine",
    "EpochLine",
    "RunRecord",
    "Stored",
    "TrainingState",
    "check_stored",
    "read_stored",
]

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Size = Annotated[int, Field(ge=1, le=2**31 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
ImageShape = Annotated[list[Size], Field(min_length=3, max_length=3)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Stored(BaseModel):
    """A document whose values are of exactly these types; every number is finite."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class Figures(Stored):
    """The figures of an epoch, as `EpochMetrics` has them."""

    epoch: Count
    step: Count
    train_loss: float
    train_accuracy: Share | None
    val_loss: float | None
    val_accuracy: Share | None
    learning_rate: float
    grad_norm: float
    seconds: Seconds
    samples_per_second: Seconds
    val_auc: Share | None = None
    val_balanced_accuracy: Share | None = None
    val_f1: Share | None = None
    val_exact_match: Share | None = None
    val_mae: float | None = None
    val_mse: float | None = None
    val_rmse: float | None = None
    val_r2: float | None = None
    val_psnr: float | None = None


class EpochLine(Figures):
    """A line of `metrics.jsonl`."""

    kind: str


class DigestLine(Stored):
    """A line of `digests.jsonl`: the weights of a moment, by the digest of each."""

    epoch: Count
    step: Count
    weights: dict[str, str]


class Test(Stored):
    """What the best weights came to on the test split."""

    checkpoint: str
    loss: float
    accuracy: Share | None
    summary: str | None = None


class PluginEntry(Stored):
    """A plug-in that a run was trained with; name and digest become its copy's name."""

    name: Annotated[str, Field(pattern=r"^[^/\\:\x00-\x1f]+\.py$")]
    sha256: Digest


class Segment(Stored):
    """From which step on a run was trained with which configuration and plug-ins."""

    from_step: Count
    from_epoch: Count
    configuration: Digest  # which becomes a part of a file's name
    plugins: list[PluginEntry] = []
    command: list[str]


class Reproduces(Stored):
    """Which run another repeats, and what came of it."""

    run: str
    verdict: str | None = None


class StoppedEarly(Stored):
    """Why a run stopped before all its epochs were done."""

    epoch: Count
    monitor: str
    patience: Count
    best: float | None
    best_epoch: Count | None
    kept_epoch: Count
    reason: str


class Environment(Stored):
    """What computed a run, or a part of it, as far as it may round otherwise."""

    versions: dict[str, str] = {}
    source_sha256: str | None = None
    blas_kernel: str | None = None
    cpu: str | None = None
    cpu_features: list[str] = []


class Swept(Stored):
    """Of which sweep a run is, and which point it tries."""

    name: str
    point: Count
    attempt: Count


class RunRecord(Environment):
    """What `run.json` says; keys that a version may lack have a default, which is not filled in."""

    name: str
    status: str
    started: str | None = None
    finished: str | None = None
    error: str | None = None
    seconds: Seconds = 0.0
    final: Figures | None = None
    best: Figures | None = None
    test: Test | None = None
    stopped_early: StoppedEarly | None = None
    chosen_by: str | None = None
    resumed: Count = 0
    command: list[str] = []
    segments: list[Segment] = []
    check_every: Size | None = None
    sweep: Swept | None = None
    reproduces: Reproduces | None = None
    earlier_environments: list[Environment] = []
    seed: Count = 0
    workers: Count = 0
    parameters: Count = 0
    dataset: dict[str, str] = {}
    group: str | None = None


class Progress(Stored):
    """Where a training stands."""

    model_config = ConfigDict(extra="forbid")  # whatever stands here becomes the training's own

    step: Count
    epoch: Count
    batch: Count
    loss: float
    right: float
    samples: Count
    grad_norm: float
    seconds: Seconds
    learning_rate: float
    schedule: dict[str, float]
    best: Figures | None
    stopping: dict[str, float] = {}


class Statistics(Stored):
    """How pixels from 0 to 1 are normalised, channel by channel; a training has no smaller std.

    A mean of 1 may have been rounded up.
    """

    mean: list[Annotated[float, Field(ge=-1, le=2)]]
    std: list[Annotated[float, Field(ge=1e-6, le=1)]]


class TrainingState(Stored):
    """What `state.json` of a checkpoint says; the task is that of the data set.

    Checkpoints of an older version have no task: they learnt labels, or their own inputs.
    """

    progress: Progress
    log_bytes: Count
    dataset_sha256: str
    statistics: Statistics
    image_shape: ImageShape
    class_names: list[str]
    task: Literal["classification", "multi_label", "regression", "image"] = "classification"
    target_shape: ImageShape | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> TrainingState:
        channels = self.image_shape[2]
        for name in ("mean", "std"):
            values = getattr(self.statistics, name)
            if len(values) != channels:
                raise ValueError(
                    f"statistics.{name} has {len(values)} values for images of {channels} channels"
                )
        if (self.task == "image") != (self.target_shape is not None):
            raise ValueError("target_shape goes with the task image, and with no other")
        return self


def read_stored(
    model: type[Stored], content: bytes, where: str, error: type[CnnrunError]
) -> dict[str, Any]:
    """Return a JSON document of that model as plain values, as they stand there.

    Args:
        model: what it must be.
        content: its bytes.
        where: its file, and perhaps line, which a message opens with.
        error: what to raise.

    Raises:
        CnnrunError: it is not JSON, or a key is missing or has a value of another kind.
    """
    try:
        document = json.loads(content)
    except RecursionError:
        raise error(f"{where}: damaged (nested too deep)") from None
    except ValueError as reason:  # not UTF-8, not JSON, or a number of thousands of digits
        raise error(f"{where}: damaged ({reason})") from None
    if not isinstance(document, dict):
        raise error(f"{where}: must be a mapping, got {excerpt(document)}")
    check_stored(model, document, where, error)
    return document


def check_stored(
    model: type[Stored], document: dict[str, Any], where: str, error: type[CnnrunError]
) -> None:
    """Refuse a document that is not of that model; arguments and errors are `read_stored`'s."""
    try:
        model.model_validate(document)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        text = f"{place}: {said[0].lower()}{said[1:]}" if place else said
        if first["type"] not in ("missing", "value_error"):
            text += f", got {excerpt(first['input'])}"
        raise error(f"{where}: {shortened(text)}") from None
