"""The natural order of class names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnnrun.data.sorting import naturally_sorted


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["class10", "class2", "class1", "b", "a10b2", "a2b10", "a2b9", "12", "9", "007", "7"]
    assert naturally_sorted(names) == [
        *("007", "7", "9", "12", "a2b9", "a2b10", "a10b2", "b", "class1", "class2", "class10")
    ]


def test_a_number_of_any_length_has_its_place() -> None:
    huge = "x1" + "0" * 5000  # Python refuses to read more than 4,300 digits as a number
    assert naturally_sorted([huge, "x9"]) == ["x9", huge]


@given(st.lists(st.text(st.characters(exclude_characters="0123456789")), max_size=9))
def test_names_without_digits_keep_the_usual_order(names: list[str]) -> None:
    assert naturally_sorted(names) == sorted(names)


@given(st.lists(st.integers(0, 10**30), max_size=9))
def test_whole_numbers_are_ordered_by_value(numbers: list[int]) -> None:
    assert naturally_sorted(map(str, numbers)) == [str(number) for number in sorted(numbers)]
