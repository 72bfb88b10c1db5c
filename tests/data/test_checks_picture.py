"""Pictures of pairs: which are drawn, how images of any kind are shown, names in any script."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cnnrun.data.checks import Finding, Pair, Sample, chosen_pairs, draw_pairs
from cnnrun.errors import DataError


def pair(number, kind="near"):
    samples = Sample("train", number, "a"), Sample("test", number, "b")
    return Pair(kind, *samples, number / 1000, conflict=False)


def finding(*pairs):
    return Finding("error", "near_copies", "", len(pairs), tuple(pairs))


def test_of_many_pairs_some_of_every_finding_are_chosen_and_none_twice():
    many, few, more = ([pair(start + n) for n in range(count)] for start, count in
                       ((0, 100), (100, 3), (200, 100)))  # fmt: skip
    chosen = chosen_pairs([finding(*many), finding(*few), finding(*many[:2], *more)])
    numbers = [one.first.index for one in chosen]
    assert len(numbers) == len(set(numbers)) == 24
    assert [sum(low <= n < low + 100 for n in numbers) for low in (0, 100, 200)] == [11, 3, 10]
    assert numbers[0] == 0
    assert 99 in numbers, "up to where the line was drawn"
    assert chosen_pairs([]) == []


@pytest.mark.parametrize("shape", [(5, 300, 3), (300, 4, 1), (8, 8, 4), (8, 8, 2), (200, 200, 3)])
def test_images_of_any_kind_are_drawn(tmp_path, shape):
    white = np.ones(shape, np.float32)
    name = "ein/langer/Ordner/mit/日本語/<b>Äpfel</b>.png"
    samples = Sample("train", 0, "ein sehr langer Name einer Klasse", name), Sample("test", 1, "")
    exact = Pair("exact", *samples, 0.0, conflict=True)
    draw_pairs([(exact, white * 0, white)], path := tmp_path / "pairs.png")
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (213, 300, 3)
    # What is left of a name ends where the other image's begins.
    assert (pixels[165:190, 149:151] == 255).all()


def test_no_pairs_are_no_picture(tmp_path):
    with pytest.raises(DataError, match="no pairs"):
        draw_pairs([], tmp_path / "pairs.png")
