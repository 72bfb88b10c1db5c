"""Images that stay in their file: the same rows as in memory, however they are asked for."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cnnrun.data import Dataset, DatasetInfo, Split
from cnnrun.data.rows import LARGE, Chosen, FileRows, chosen, in_pieces, joined
from cnnrun.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 65536, (11, 3, 2, 1), np.uint16)
ASKED = (
    slice(None),
    slice(2, 9),
    slice(9, 2, -2),
    slice(-3, 50),
    [3],
    [4, 5, 6, 1, 2, 2, 10],
    [-1, 0, -11],
    np.arange(11)[::-1],
    np.arange(11) % 3 == 0,
    [],
)


@pytest.fixture
def rows(tmp_path):
    """PIXELS in a file, behind seven other bytes."""
    path = tmp_path / "pixels"
    path.write_bytes(b"seven..."[:7] + PIXELS.tobytes())
    return FileRows(path, PIXELS.shape, PIXELS.dtype, offset=7)


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_rows_of_a_file_are_those_of_the_array(rows, asked):
    np.testing.assert_array_equal(rows[asked], PIXELS[asked])
    numbers = np.array([8, 0, 3, 3, 9, 10, 2, 1, 5, 4, 6])
    np.testing.assert_array_equal(Chosen(rows, numbers)[asked], PIXELS[numbers][asked])


def test_one_row_and_all_rows(rows):
    for number in (0, 10, -1, np.int64(4)):
        np.testing.assert_array_equal(rows[number], PIXELS[number])
    np.testing.assert_array_equal(np.asarray(rows), PIXELS)
    assert (rows.shape, rows.dtype, rows.ndim, len(rows)) == (PIXELS.shape, PIXELS.dtype, 4, 11)


@pytest.mark.parametrize("number", [11, -12, [0, 11], [-12]], ids=str)
def test_a_row_that_is_not_there(rows, number):
    with pytest.raises(IndexError):
        rows[number]


def test_rows_without_preadv(rows, monkeypatch):
    monkeypatch.delattr(os, "preadv")
    np.testing.assert_array_equal(rows[[4, 5, 0]], PIXELS[[4, 5, 0]])


def test_a_file_that_is_missing_short_or_cut_while_it_is_read(tmp_path, rows):
    with pytest.raises(DataError, match=r"nothing: cannot be read \(No such file"):
        FileRows(tmp_path / "nothing", (1, 1), np.dtype(np.uint8))
    with pytest.raises(DataError, match=r"139 bytes; .* from byte 8 on need 140"):
        FileRows(rows.path, PIXELS.shape, PIXELS.dtype, offset=8)
    with rows.path.open("r+b") as file:
        file.truncate(7 + 5 * 12 + 4)
    np.testing.assert_array_equal(rows[:5], PIXELS[:5])
    with pytest.raises(DataError, match="was cut short at byte 71 while being read"):
        rows[3:7]


def test_choosing_copies_what_is_small_and_only_notes_what_is_large(rows):
    small = chosen(PIXELS, np.array([2, 1]))
    assert isinstance(small, np.ndarray)
    large = np.lib.stride_tricks.as_strided(  # of one pixel, in truth
        np.zeros(1, np.uint8), (3, LARGE, 1, 1), (0, 0, 0, 0)
    )
    assert isinstance(chosen(large, np.array([2, 1])), Chosen)
    once = chosen(rows, np.array([7, 8, 9]))
    twice = chosen(once, np.array([2, 0]))
    assert twice.base is rows
    np.testing.assert_array_equal(twice[:], PIXELS[[9, 7]])
    whole = joined(once, twice)
    assert whole.base is rows
    np.testing.assert_array_equal(whole[:], PIXELS[[7, 8, 9, 9, 7]])
    np.testing.assert_array_equal(joined(PIXELS[:2], rows), np.concatenate([PIXELS[:2], PIXELS]))


def test_pieces_go_through_all_rows():
    assert in_pieces(PIXELS, 36) == [slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 11)]
    assert in_pieces(PIXELS, 1) == [slice(i, i + 1) for i in range(11)]
    assert in_pieces(PIXELS[:0]) == []


def test_a_digest_does_not_depend_on_where_the_images_are(rows):
    info, labels = DatasetInfo("set", (3, 2, 1), ("a", "b")), np.arange(11) % 2
    there, here = Split(rows, labels), Split(PIXELS, labels)
    even = np.arange(0, 11, 2)
    assert Dataset(info, there, there).sha256() == Dataset(info, here, here).sha256()
    taken = Dataset(info, there.take(even), there.take(even), divided=True)
    assert taken.sha256() == Dataset(info, here.take(even), here.take(even)).sha256()
    np.testing.assert_array_equal(taken.split("test").labels, [*labels[even], *labels[even]])
    np.testing.assert_array_equal(taken.split("test").images[:6], PIXELS[even])
