"""Inspects a network: captures what flows through it, measures and draws it, writes a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.documents import finite
from cnnrun.engine import Context, Network
from cnnrun.inspection.attribution import Attribution, attribute
from cnnrun.inspection.capture import Capture, Node, capture, walk
from cnnrun.inspection.flow import measure_flow
from cnnrun.inspection.gallery import (
    KINDS,
    MOST_ROWS,
    Picture,
    attribution_pictures,
    compared_pictures,
    layer_pictures,
)
from cnnrun.inspection.objectives import BatchLoss, ClassScore, Objective
from cnnrun.inspection.page import MOST_NAMED, EmbeddedPicture, render_page, sample_picture
from cnnrun.inspection.result import Inspection
from cnnrun.inspection.statistics import measure, to_csv
from cnnrun.inspection.target import InspectionTarget
from cnnrun.runs.files import replacing

__all__ = ["MOST_ATTRIBUTED", "MOST_PICTURES", "Options", "write_inspection"]

MOST_ATTRIBUTED = 4
MOST_PICTURES = 120
MOST_PAGE_BYTES = 20 << 20
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Options:
    """How much is written.

    Attributes:
        nodes: the layers to keep; None for all.
        kinds: of pictures, keys of `KINDS`.
        most_channels: drawn of each array.
        pictures: whether to draw any.
        format: of the arrays: `npz` or `safetensors`.
        steps: of integrated gradients, to begin with.
        seed: of SmoothGrad's noise.
        other: a second network, and what to call both; maps show both and their difference.
    """

    nodes: Sequence[Node] | None = None
    kinds: tuple[str, ...] = tuple(KINDS)
    most_channels: int = 16
    pictures: bool = True
    format: str = "npz"
    steps: int = 64
    seed: int = 0
    other: tuple[Network, tuple[str, str]] | None = None


def write_inspection(target: InspectionTarget, folder: Path, options: Options) -> Inspection:
    """Inspect a network and write `folder`, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    objective = target.objective()
    captured = capture(target.network, target.x, objective, options.nodes)
    figures = measure(captured)
    x_reference, targets = target.reference
    everything = capture(target.network, x_reference, BatchLoss(target.loss, targets))
    flow = measure_flow(everything, target.chance)
    result = Inspection(folder, flow, figures, Attribution())
    is_image = len(target.network.input_shape) == 3
    if is_image:
        few = min(len(target.x), MOST_ATTRIBUTED)
        result.attribution = attribute(
            target.network,
            target.x[:few],
            target.objective(few),
            target.baseline,
            steps=options.steps,
            seed=options.seed,
        )
        if max(result.attribution.completeness_error) > 0.01:
            result.notes.append(
                f"integrated gradients stopped after {result.attribution.steps} steps, to bound "
                "the time, and are not complete; --steps takes more"
            )
        if few < len(target.x):
            result.notes.append(f"attribution maps are of the first {few} samples")
    _write_arrays(folder, captured, result.attribution, options.format)
    _write_text(folder / "stats.csv", to_csv(figures))
    embedded = _draw(target, captured, result, options) if options.pictures else []
    result.document = _document(target, result, objective, captured, options.other)
    text = json.dumps(finite(result.document), indent=2, allow_nan=False)
    _write_text(folder / "report.json", f"{text}\n")
    samples = [sample_picture(image) for image in target.images[:MOST_NAMED]] if is_image else []
    made = [
        tuple(None if image is None else sample_picture(image) for image in pair)
        for pair in target.pictures(captured.outputs, MOST_NAMED)
    ]
    page = render_page(result.document, embedded, samples, made)
    _write_text(folder / "index.html", page)
    return result


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as fresh:
        fresh.write_text(text, "utf-8")


def _write_arrays(folder: Path, captured: Capture, attribution: Attribution, form: str) -> None:
    """Write `maps.npz`, or `maps.safetensors`."""
    arrays = captured.arrays()
    arrays["outputs"], arrays["objective"] = captured.outputs, captured.values
    arrays.update({f"attribution/{name}": array for name, array in attribution.maps.items()})
    if attribution.cam is not None:
        arrays[f"attribution/grad_cam@{attribution.cam_layer}"] = attribution.cam
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    if form == "safetensors":
        from safetensors.numpy import save

        with replacing(folder / "maps.safetensors") as fresh:
            fresh.write_bytes(save(arrays))
    else:
        with replacing(folder / "maps.npz") as fresh, fresh.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]


def _draw(
    target: InspectionTarget, captured: Capture, result: Inspection, options: Options
) -> list[EmbeddedPicture]:
    """Write the pictures, and return those that the page shows."""
    embedded: list[EmbeddedPicture] = []
    size = 0
    left_out = 0
    count = 0
    for picture in _pictures(target, captured, result, options):
        count += picture.image is not None
        if count > MOST_PICTURES:
            left_out += picture.image is not None
            continue
        if picture.image is None:
            words = EmbeddedPicture(picture.layer, picture.kind, picture.description, b"", (0, 0))
            embedded.append(words)
            continue
        path = result.folder / f"{picture.name}.png"
        png = BytesIO()
        picture.image.save(png, "PNG", optimize=False)
        content = png.getvalue()
        with replacing(path) as fresh:
            fresh.write_bytes(content)
        size += len(content)
        if size <= MOST_PAGE_BYTES:
            embedded.append(
                EmbeddedPicture(picture.layer, picture.kind, picture.description, content,
                         picture.image.size)
            )  # fmt: skip
    if left_out:
        result.notes.append(
            f"{MOST_PICTURES} pictures are drawn, {left_out} left out; --layers and --kinds choose"
        )
    if size > MOST_PAGE_BYTES:
        result.notes.append("the page shows the first 20 MiB of pictures; all are in the folder")
    if len(target.x) > MOST_ROWS:
        result.notes.append(
            f"pictures show the first {MOST_ROWS} of {len(target.x)} samples; the arrays hold all"
        )
    if options.other is not None and not any(p.layer != "input" for p in embedded):
        result.notes.append("the two networks have no layer of the same name and shape to compare")
    return embedded


def _pictures(
    target: InspectionTarget, captured: Capture, result: Inspection, options: Options
) -> Iterable[Picture]:
    if result.attribution.maps:
        yield from attribution_pictures(result.attribution, target.images, target.labels)
    if options.other is not None:
        network, names = options.other
        second = capture(network, target.x, target.objective(), options.nodes and [
            node for node in walk(network) if node.name in {n.name for n in options.nodes}
        ])  # fmt: skip
        yield from compared_pictures(captured, second, names, options.kinds, options.most_channels)
    else:
        yield from layer_pictures(captured, options.kinds, options.most_channels)


def _document(
    target: InspectionTarget,
    result: Inspection,
    objective: Objective,
    captured: Capture,
    other: tuple[Network, tuple[str, str]] | None,
) -> dict[str, Any]:
    """Return `report.json`."""
    attribution = result.attribution
    score = "number" if target.task == "regression" else "class score"
    what = score if isinstance(objective, ClassScore) else "loss"
    predictions = target.predictions(captured.outputs)
    samples = [
        {
            "label": label,
            "objective": float(value),
            "class": None if target.classes is None else int(target.classes[index]),
            "true": target.truths[index],
            **_prediction(predictions[index]),
        }
        for index, (label, value) in enumerate(zip(target.labels, captured.values, strict=True))
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "folder": str(result.folder),
        "network": target.title,
        "task": target.task,
        "objective": what,
        "samples": samples,
        "flow": result.flow.to_dict(),
        "compared": None if other is None else _compared(target, other),
        "attribution": {
            "maps": sorted(attribution.maps),
            "score_change": list(attribution.score_change),
            "completeness_error": list(attribution.completeness_error),
            "integrated_gradients_steps": attribution.steps,
            "grad_cam_layer": attribution.cam_layer,
            "occlusion_patch": attribution.patch,
        },
        "layers": [asdict(row) for row in result.figures],
        "notes": result.notes,
    }


def _compared(target: InspectionTarget, other: tuple[Network, tuple[str, str]]) -> dict[str, Any]:
    """Return what the second network makes of the same samples, and how gradients flow there."""
    network, names = other
    x_reference, targets = target.reference
    flow = measure_flow(capture(network, x_reference, BatchLoss(target.loss, targets)))
    outputs = network.forward(target.x, Context())
    return {
        "names": list(names),
        "flow": flow.to_dict(),
        "samples": [_prediction(prediction) for prediction in target.predictions(outputs)],
    }


def _prediction(prediction: tuple[str, float | None] | None) -> dict[str, Any]:
    """Return a sample's prediction as the document has it."""
    name, probability = prediction or (None, None)
    return {"predicted": name, "probability": probability}
