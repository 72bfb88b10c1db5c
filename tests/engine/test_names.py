"""The words that name layers: on the command line and in Python they mean the same everywhere."""

from __future__ import annotations

import pytest

from cnnrun.engine.names import format_size, select_layers
from cnnrun.errors import ConfigError

FIRST, BLOCK, INNER, SHORT = (
    "00_conv2d",
    "04_residual",
    "04_residual/branch/00_conv2d",
    "04_residual/shortcut/00_conv2d",
)
NAMES = [
    FIRST, "01_conv2d_transpose", "02_relu", "03_max_pool2d", BLOCK, INNER,
    "04_residual/branch/01_relu", SHORT, "05_conv2d", "06_flatten", "07_dense",
]  # fmt: skip
INSIDE = [name for name in NAMES if name.startswith(BLOCK)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], NAMES),
        (["0"], [FIRST]),
        (["7"], ["07_dense"]),
        (["07"], ["07_dense"]),
        (["03_max_pool2d"], ["03_max_pool2d"]),
        ([INNER], [INNER]),
        (["conv2d"], [FIRST, INNER, SHORT, "05_conv2d"]),
        (["conv2d1"], [FIRST]),
        (["conv1"], [FIRST]),
        (["conv2"], [INNER]),
        (["conv4"], ["05_conv2d"]),
        (["conv2d_transpose1"], ["01_conv2d_transpose"]),
        (["max_pool1"], ["03_max_pool2d"]),
        (["relu2"], ["04_residual/branch/01_relu"]),
        (["dense1", "relu1", "relu1"], ["02_relu", "07_dense"]),
        (["conv1", "3"], [FIRST, "03_max_pool2d"]),
        ([" conv1 ", "3 "], [FIRST, "03_max_pool2d"]),
        (["4"], INSIDE),
        (["residual"], INSIDE),
    ],
)
def test_words_and_the_layers_they_name(words, expected):
    assert select_layers(NAMES, words) == expected


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("conv5", "did you mean conv"),
        ("conv0", "did you mean conv"),
        ("rellu", "did you mean relu"),
        ("07_danse", "did you mean 07_dense"),
        ("8", "the network has the layers 0 to 7"),
        ("branch", "known: 00_conv2d, "),
        ("", "known: 00_conv2d, "),
        ("conv", "did you mean conv"),
    ],
)
def test_a_word_that_names_none_is_answered_with_the_nearest(word, hint):
    with pytest.raises(ConfigError, match=f"no layer is called '{word}'; {hint}"):
        select_layers(NAMES, ["0", word])


def test_a_type_that_ends_in_a_digit_is_not_taken_for_a_number():
    names = ["00_conv1", "01_conv2d", "02_conv1"]
    assert select_layers(names, ["conv1"]) == ["00_conv1", "02_conv1"]
    assert select_layers(names, ["conv2d1"]) == ["01_conv2d"]
    assert select_layers(names, ["conv12"]) == ["02_conv1"]


def test_names_of_a_long_network_have_three_digits():
    names = [f"{index:03d}_relu" for index in range(120)]
    assert select_layers(names, ["7", "relu100"]) == ["007_relu", "099_relu"]


@pytest.mark.parametrize(("sizes", "text"), [((28, 28, 1), "28x28x1"), ((10,), "10"), ((), "")])
def test_sizes_are_joined_by_an_x(sizes, text):
    assert format_size(sizes) == text
