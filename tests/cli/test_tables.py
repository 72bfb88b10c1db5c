"""How numbers are written in tables, and which columns a narrow terminal leaves out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cnnrun.cli import tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (tables.size(1023), "1023 B"),
        (tables.size(1024), "1.0 KiB"),
        (tables.size((1 << 20) - 1), "1,024.0 KiB"),
        (tables.size(1 << 20), "1.0 MiB"),
        (tables.count(0), "-"),
        (tables.count(1234567), "1,234,567"),
        (tables.figure(0.12345), "0.1235"),
        (tables.figure(None), "-"),
        (tables.figure(float("nan")), "-"),
        (tables.share(0.98765), "98.77%"),
        (tables.share(float("nan")), "-"),
    ],
)
def test_numbers(text, expected):
    assert text == expected


def test_a_table_fits_a_terminal_of_exactly_its_width(monkeypatch):
    made = tables.table("", ["layer", "loss"], left=["layer"])
    made.add_row("00_conv2d", "0.1234")
    needed = Console(width=1000).measure(made).maximum
    for width, expected in ((needed, True), (needed - 1, False)):
        terminal = Console(file=io.StringIO(), force_terminal=True, width=width)
        monkeypatch.setattr(tables, "_console", lambda console=terminal: console)
        assert tables.fits(made) is expected


@pytest.mark.parametrize(("room", "shown"), [(4, "a b c d"), (3, "a c d"), (2, "a d"), (1, "a d")])
def test_spare_columns_are_left_out_in_their_order(room, shown, monkeypatch, capsys):
    monkeypatch.setattr(tables, "fits", lambda made: len(made.columns) <= room)
    tables.print_fitting("", list("abcd"), [list("1234")], spare=["b", "c"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == shown.split()
    assert lines[-1] == [str("abcd".index(name) + 1) for name in shown.split()]
