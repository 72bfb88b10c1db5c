"""How numbers are written in tables, and how a table is laid out where it is wider than a line."""

from __future__ import annotations

import pytest
from rich.text import Text

from cnnrun.cli import tables
from cnnrun.cli.layout import folded, lay_out


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


def test_a_table_of_exactly_the_terminals_width_is_left_as_it_is():
    columns = [["layer", "00_conv2d"], ["loss", "0.1234"]]
    needed = lay_out(columns, None)[0].width
    assert lay_out(columns, needed)[0].loose
    assert not lay_out(columns, needed - 1)[0].loose


def test_a_number_is_never_split_and_a_name_is_folded(monkeypatch, capsys):
    monkeypatch.setattr(tables, "_room", lambda: 14)
    numbers = ["1,234,567,890,123", "98.77%", "1.0 MiB"]
    rows = [["a-name-that-is-longer-than-the-line", number] for number in numbers]
    tables.print_table("", ["layer", "sum"], rows, left=["layer"])
    out = capsys.readouterr().out
    assert all(number in out for number in numbers)
    assert "".join(line[:7].strip() for line in out.splitlines()).count("longer") == 3


@pytest.mark.parametrize("room", [24, 30])
def test_numbers_in_brackets_are_not_split_either(monkeypatch, capsys, room):
    monkeypatch.setattr(tables, "_room", lambda: room)
    cells = ["(0.7922-0.9065)", "(-8.3656 to -2.9012)", "[0.9, 0.08227848101265822]"]
    tables.print_table(
        "", ["n", "r2"], [["1", cell] for cell in [*cells, "a-name_v1.5.0/0.x-1e-07"]], left=["n"]
    )
    out = capsys.readouterr().out
    numbers = "(0.7922 0.9065) (-8.3656 -2.9012) [0.9, 0.08227848101265822] 1.5.0 1e-07"
    assert all(number in out for number in numbers.split())


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        ("(0.7922-0.9065)", "(0.7922- 0.9065)"),
        (".86-.96", ".86- .96"),
        ("(-8.3656 to", "(-8.3656 to"),
        ("1e-07", "1e-07"),
        ("a.b-1.5", "a. b- 1.5"),
        ("optimizer.sgd.learning_rate", "optimizer. sgd. learning_ rate"),
        ("gc-seed0-0001", "gc- seed0- 0001"),
    ],
)
def test_where_a_cell_is_folded(cell, lines):
    assert folded(cell, 1) == lines.replace("- ", "-\n").replace(". ", ".\n").replace("_ ", "_\n")


def test_columns_without_room_follow_in_blocks_that_begin_with_the_keys(monkeypatch, capsys):
    monkeypatch.setattr(tables, "_room", lambda: 25)
    headings = ["key", *(f"figure{place}" for place in range(5))]
    tables.print_table("title", headings, [["x", *"12345"], None, ["total", *"67890"]])
    out = capsys.readouterr().out
    assert "title (part 1 of 3)" in out
    rows = [line.split() for line in out.splitlines() if line.strip()]
    assert [row for row in rows if row[0] == "x"] == [["x", *"12"], ["x", *"34"], ["x", "5"]]
    assert [row[1:] for row in rows if row[0] == "total"] == [[*"67"], [*"89"], ["0"]]


def test_a_folded_name_that_is_set_in_stays_set_in(monkeypatch, capsys):
    monkeypatch.setattr(tables, "_room", lambda: 40)
    rows = [["  branch/03_conv2d_transpose", "1,234,567,890"], ["00_relu", "1"]]
    tables.print_table("", ["layer", "sum"], rows, left=["layer"])
    lines = [line[1:].rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[0] for line in lines if "branch" in line] == ["branch/03_conv2d_"]
    assert "   transpose" in lines


@pytest.mark.parametrize("room", [None, 24])
def test_rows_of_a_line_each_are_drawn_at_once_and_look_as_if_drawn_alone(
    monkeypatch, capsys, room
):
    monkeypatch.setattr(tables, "_room", lambda: room)
    row = ["\u732b", "", " set-in", "1.5"]
    rows = [row, row, None, row, [Text("own style"), "x", "y", "z"], ["two words in it", *row[1:]]]

    def drawn() -> str:
        tables.print_table("title", ["name", "b", "c", "long heading"], rows, left=["name", "c"])
        return capsys.readouterr().out

    at_once = drawn()
    monkeypatch.setattr(tables, "_is_one_line", lambda cells, block: False)
    assert at_once == drawn()
    assert "own style" in at_once
