"""Text, depth, numbers and messages are bounded, so that nothing given takes long to refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnrun.config import load_experiment, read_arrays
from cnnrun.config.source import MAXIMUM_BYTES, parse_scalar, parse_source
from cnnrun.errors import ConfigError, DataError, excerpt, shortened


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (r'a: "\UFFFFFFFF"', "f:1:", "no character has such a number"),
        (r'a: "\U00110000"', "f:1:", "no character has such a number"),
        (r'a: "\uD800"', "f:1:4", r"'\ud800' is not allowed"),
        (r'a: "\0"', "f:1:4", r"'\x00' is not allowed"),
        (r'"\x1b[2J": 1', "f:1:1", r"'\x1b' is not allowed"),
        ("a: 1\nb: \x07", "f:2:4", r"'\x07' must not stand"),
        ("a: 1\r\nb: \x00", "f:2:4", r"'\x00' must not stand"),
        ("a: \ud800", "f:1:4", "must not stand"),
        ("a: !!python/object/apply:os.system [x]", "f:1:4", "is not allowed"),
        ("<<: {a: 1}", "f:1:1", "merge keys"),
        ("a: *b", "f:1:4", "no anchor is called"),
        ("a: " + "9" * 5000, "f:1:4", "too large"),
        ("a: 0x" + "f" * 5000, "f:1:4", "too large"),
        ("a: 9223372036854775808", "f:1:4", "too large"),
        ("a: " + "[" * 3000, "f:1:", "nested deeper"),
        ("a: " + "{b: " * 3000, "f:1:", "nested deeper"),
        ("- " * 3000 + "x", "f:1:", "nested deeper"),
        ("a: [" + "1, " * 15_000 + "]", "f:1:", "more than 10,000 values"),
        ("a" * 3000 + ": 1", "f:1:3001", "no key before it"),
        ("a" * 500 + ": 1", "f:1:1", "key of 500 characters"),
        ("a: &" + "b" * 3000 + " *" + "c" * 3000, "f:1:", ""),
        ("a: '" + "x" * MAXIMUM_BYTES, "f: ", "limit"),
    ],
)
def test_what_yaml_could_stumble_over_is_refused_with_its_place(text, place, says):
    with pytest.raises(ConfigError) as caught:
        parse_source(text, "f")
    message = str(caught.value)
    assert message.startswith(place)
    assert says in message
    assert len(message) < 500
    assert len(message.splitlines()) in (1, 3), "with the line and a caret, perhaps"


def test_the_largest_whole_number_is_that_of_64_bits():
    assert parse_scalar("0009223372036854775807") == 2**63 - 1


@pytest.mark.parametrize(
    "override",
    [
        r'name="\UFFFFFFFF"',
        f"network[{'9' * 5000}]=relu",
        "train" + ".a" * 3000 + "=1",
        f"{'a' * 3000}=1",
        f"train.epochs={'x' * 5000}",
        f"network={['relu' * 30] * 500}",
        f"train={'x' * 3000}",
        f"train.epochs={'[' * 3000}",
    ],
)
def test_overrides_of_any_length_are_refused_in_a_line(good, override):
    with pytest.raises(ConfigError) as caught:
        load_experiment(good, [override])
    assert all(len(line) < 500 for line in str(caught.value).splitlines())
    assert len(str(caught.value)) < 10_000


def test_many_problems_are_not_all_listed(good):
    with pytest.raises(ConfigError, match="there may be more") as caught:
        load_experiment(good, [f"train={{{', '.join(f'x{i}: 1' for i in range(2000))}}}"])
    assert len(str(caught.value).splitlines()) == 11
    with pytest.raises(ConfigError, match="the overrides have"):
        load_experiment(good, ["seed=1"] * 20_000)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device of Linux and macOS")
def test_a_device_is_not_read_to_its_end():
    with pytest.raises(ConfigError, match="limit"):
        load_experiment("/dev/zero")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("optimizer.sgd.learning_rate=1e300", "float32"),
        ("data.augment=[{gaussian_noise: {std: 1e10}}]", "<= 10"),
        ("data.augment=[{rotate: {degrees: 1e300}}]", "<= 360"),
        ("data.dataset={synthetic: {classes: 1000000000}}", "<= 10000"),
        ("data.dataset={synthetic: {train_samples: 1000000000000}}", "8 GiB"),
        ("network[0].conv2d.padding=1000000000", "values for each sample"),
        ("network[0].conv2d.filters=1000000000000", "the limit is"),
    ],
)
def test_absurd_sizes_are_refused(good, override, says):
    with pytest.raises((ConfigError, DataError), match=says):
        load_experiment(good, [override])


def test_no_home_directory_is_no_reason_to_fall(good):
    with pytest.raises(DataError, match="home directory"):
        load_experiment(good, ["data.dataset={npz: {path: '~nobody-of-that-name/x.npz'}}"])


def test_arrays_of_a_damaged_file_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    for content in (b"", b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"x\.npz"):
            read_arrays(path)


def test_values_and_texts_are_shown_in_part():
    assert excerpt("a" * 100) == "'" + "a" * 56 + "..."
    assert excerpt([1, 2]) == "[1, 2]"
    assert len(excerpt([["x" * 10_000] * 10_000] * 10_000)) <= 60
    assert shortened("short") == "short"
    assert len(shortened("x" * 10_000)) <= 400
