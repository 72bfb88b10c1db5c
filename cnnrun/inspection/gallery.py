"""Draws the pictures of an inspection: every layer's filters, activations and gradients."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnnrun.engine.layers import MaxPool2D
from cnnrun.engine.types import Array
from cnnrun.inspection.attribution import Attribution
from cnnrun.inspection.capture import Capture, Node
from cnnrun.inspection.pictures import draw_tiles, overlay

__all__ = [
    "KINDS",
    "MOST_ROWS",
    "Picture",
    "attribution_pictures",
    "compared_pictures",
    "layer_pictures",
]

KINDS = {
    "filters": ("w", "filters"),
    "activations": ("y", "activations"),
    "filter_gradients": ("dw", "filter gradients"),
    "input_gradients": ("dx", "input gradients"),
    "loss_gradients": ("dy", "loss gradients of the output"),
    "routing": ("routing", "where the error was sent"),
}
A_ROW = 8
MOST_CELLS = 96
"""Of a matrix of weights in one direction; what is larger is summarised in blocks."""
MOST_ROWS = 4
"""Samples drawn of a batch, and input channels of a filter."""


@dataclass(frozen=True)
class Picture:
    """A picture with its file name, and a description for those who cannot see it.

    There is no image where the same numbers have been drawn before; the description says where.
    """

    name: str
    layer: str
    kind: str
    image: Image.Image | None
    description: str


class _Drawn:
    """Remembers the arrays that were drawn, so that none is drawn twice."""

    def __init__(self) -> None:
        self._words: dict[tuple[bytes, ...], str] = {}

    def before(self, layer: str, kind: str, *arrays: Array) -> Picture | None:
        """Return a picture without an image if the arrays were drawn before; else note them."""
        digests = tuple(hashlib.sha256(np.ascontiguousarray(a).data).digest() for a in arrays)
        words = f"{KINDS[kind][1]} of {layer}"
        first = self._words.setdefault(digests, words)
        if first == words:
            return None
        same = f"{words}: the same numbers as the {first}"
        return Picture(f"{_file(layer)}-{kind}", layer, kind, None, same)


def layer_pictures(
    captured: Capture, kinds: Sequence[str], most_channels: int
) -> Iterator[Picture]:
    """Yield the pictures of every layer, in natural order; of equal arrays the first is drawn."""
    drawn = _Drawn()
    for node in captured.nodes:
        own = captured.maps[node.name]
        for kind in kinds:
            tensor, words = KINDS[kind]
            array = _routing(node, own) if tensor == "routing" else own.get(tensor)
            if array is None:
                continue
            if again := drawn.before(node.name, kind, array):
                yield again
                continue
            yield _picture(node.name, kind, words, tensor, array, most_channels)


def compared_pictures(
    first: Capture,
    second: Capture,
    names: tuple[str, str],
    kinds: Sequence[str],
    most_channels: int,
) -> Iterator[Picture]:
    """Yield pictures of two captures and their difference, on one scale; equal ones once."""
    drawn = _Drawn()
    for node in first.nodes:
        for kind in kinds:
            tensor, words = KINDS[kind]
            one, two = (c.maps.get(node.name, {}).get(tensor) for c in (first, second))
            if one is None or two is None or one.shape != two.shape:
                continue
            if again := drawn.before(node.name, kind, one, two):
                yield again
                continue
            tiles, note, columns = _tiles(tensor, one, most_channels, rows=1)
            others, _, _ = _tiles(tensor, two, most_channels, rows=1)
            stacked = np.concatenate([tiles, others, others - tiles])
            labels = [*names, "difference"]
            yield Picture(
                f"{_file(node.name)}-{kind}",
                node.name,
                kind,
                draw_tiles(
                    f"{node.name}: {words}", stacked, row_labels=labels, column_labels=columns,
                    note=note,
                ),
                f"{words} of {node.name} in {names[0]}, in {names[1]}, and the difference",
            )  # fmt: skip


def attribution_pictures(
    attribution: Attribution, images: Array, labels: Sequence[str]
) -> Iterator[Picture]:
    """Yield the attribution maps beside the images `(N, H, W, C)` in [0, 1]."""
    rows = min(len(images), MOST_ROWS)
    note = f"{rows} of {len(images)} samples" if rows < len(images) else ""
    for name, maps in attribution.maps.items():
        words = name.replace("_", " ")
        image = draw_tiles(
            words, maps[None, :rows], column_labels=labels[:rows], note=note, own_scales=True
        )
        yield Picture(f"attribution-{name}", "input", name, image, f"{words} of the input")
    if "grad_cam" in attribution.maps:
        yield _overlaid(attribution, images, rows)


def _overlaid(attribution: Attribution, images: Array, rows: int) -> Picture:
    cams = attribution.maps["grad_cam"]
    height, width = cams.shape[1:]
    scale = max(1, 168 // max(height, width))
    sheets = []
    for row in range(rows):
        grey = np.repeat(255 * np.clip(images[row].mean(axis=2), 0, 1)[:, :, None], 3, axis=2)
        pair = np.concatenate([grey.astype(np.uint8), overlay(images[row], cams[row])], axis=1)
        sheets.append(pair)
    sheet = Image.fromarray(np.concatenate(sheets))
    drawn = sheet.resize((sheet.width * scale, sheet.height * scale), Image.Resampling.NEAREST)
    description = f"the images, and Grad-CAM of {attribution.cam_layer} laid over them"
    return Picture("attribution-grad_cam_overlay", "input", "grad_cam_overlay", drawn, description)


def _picture(layer: str, kind: str, words: str, tensor: str, array: Array, most: int) -> Picture:
    tiles, note, columns = _tiles(tensor, array, most)
    shape = " x ".join(map(str, array.shape))
    labels = [] if tiles.shape[0] == 1 else [f"{_row_word(tensor)} {i}" for i in range(len(tiles))]
    count = tiles.shape[1] if tiles.shape[0] == 1 else None
    if count is not None and count > A_ROW:  # a single sample: its channels in several rows
        lines = -(-count // A_ROW)
        full = np.zeros((lines * A_ROW, *tiles.shape[2:]), tiles.dtype)
        full[:count] = tiles[0]
        tiles = full.reshape(lines, A_ROW, *tiles.shape[2:])
        labels, columns = [f"{A_ROW * line} .." for line in range(lines)], []
    image = draw_tiles(
        f"{layer}: {words} ({shape})",
        tiles,
        row_labels=labels,
        column_labels=columns,
        note=note,
        count=count,
    )
    zero = "" if np.any(array) else "; all zero"
    return Picture(
        f"{_file(layer)}-{kind}", layer, kind, image, f"{words} of {layer}, {shape} values{zero}"
    )


def _row_word(tensor: str) -> str:
    return "in" if tensor in ("w", "dw") else "sample"


def _tiles(
    tensor: str, array: Array, most: int, rows: int = MOST_ROWS
) -> tuple[Array, str, list[str]]:
    """Return `(rows, columns, height, width)`, what was left out, and the columns' labels."""
    if tensor in ("w", "dw") and array.ndim == 4:  # (KH, KW, C, F)
        tiles = array.transpose(2, 3, 0, 1)
        words = ("input channels", "filters")
    elif array.ndim == 4:  # (N, H, W, C)
        tiles = array.transpose(0, 3, 1, 2)
        words = ("samples", "channels")
    elif tensor in ("w", "dw"):  # (inputs, units), as one matrix
        return *_summarised(array), []
    else:  # (N, features): a row for each sample
        flat = array.reshape(len(array), -1)
        strip = flat[: 16 * rows, :512]
        strip = strip.repeat(max(1, 20 // len(strip)), axis=0)  # a few are drawn as broad bands
        return strip[None, None], _cut(flat.shape, (16 * rows, 512)), []
    note = []
    for count, limit, word in zip(tiles.shape, (rows, most), words, strict=False):
        if count > limit:
            note.append(f"{limit} of {count} {word}")
    kept = tiles[:rows, :most]
    return kept, ", ".join(note), [str(i) for i in range(kept.shape[1])]


def _summarised(weights: Array) -> tuple[Array, str]:
    """Return a matrix as one tile; of a large one the strongest weight of each block, in words."""
    height, width = (-(-length // MOST_CELLS) for length in weights.shape)
    if height == width == 1:
        return weights[None, None], ""
    tops, lefts = (np.arange(0, n, k) for n, k in zip(weights.shape, (height, width), strict=True))
    highest, lowest = (
        reduce.reduceat(reduce.reduceat(weights, tops, axis=0), lefts, axis=1)
        for reduce in (np.maximum, np.minimum)
    )
    strongest = np.where(highest >= -lowest, highest, lowest)
    inputs, units = weights.shape
    return strongest[None, None], (
        f"{inputs} inputs x {units} units; each cell is the strongest of {height} x {width} weights"
    )


def _cut(shape: tuple[int, ...], limit: tuple[int, int]) -> str:
    if shape[0] <= limit[0] and shape[1] <= limit[1]:
        return ""
    shown = f"{min(shape[0], limit[0])} x {min(shape[1], limit[1])}"
    return f"the first {shown} of {shape[0]} x {shape[1]}"


def _routing(node: Node, own: dict[str, Array]) -> Array | None:
    """Return how many windows each cell of a max pooling's input won, `(N, H, W, C)`."""
    if not isinstance(node.layer, MaxPool2D) or "winner" not in own:
        return None
    window, winner = node.layer.window, own["winner"]
    won = np.zeros((len(winner), *node.layer.input_shape))
    taps = np.divmod(winner.astype(int), window.kernel[1])
    n, i, j, c = np.indices(winner.shape)
    rows = i * window.stride[0] + taps[0] - window.before[0]
    columns = j * window.stride[1] + taps[1] - window.before[1]
    np.add.at(won, (n, rows, columns, c), 1)
    return won


def _file(layer: str) -> str:
    return layer.replace("/", "-")
