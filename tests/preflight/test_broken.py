"""Ten broken configurations: `check` says of each what is wrong, and of healthy ones nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnrun.preflight import check

HERE = Path(__file__).parent
PLUGIN = HERE / "broken.py"
BODY = (
    "[{conv2d: {filters: 8, kernel_size: 3}}, %s, max_pool2d, flatten, {dense: {units: 32}}, %s%s"
)
END = ", {dense: {units: classes}}]"
HEALTHY = BODY % ("relu", "relu", END)
SIGMOIDS = "[flatten, " + ", ".join(["{dense: {units: 16}}, sigmoid"] * 10) + END
SUNKEN = "{dense: {units: 32, initializer: {constant: {value: -100}}}}"


def write(folder, *, network=HEALTHY, dataset="digits", rate="0.05"):
    """Write a configuration of small parts, and return the file."""
    path = folder / "small.yaml"
    path.write_text(
        f"data: {{dataset: {dataset}}}\nnetwork: {network}\n"
        f"optimizer: {{sgd: {{learning_rate: {rate}, momentum: 0.9}}}}\n"
        "train: {epochs: 5, batch_size: 32}\n"
    )
    return path


BROKEN = {
    "labels shuffled": ({"dataset": "shuffled_digits"}, "held-out images", "shuffled"),
    "learning rate 1e3": ({"rate": "1e3"}, "one batch by heart", "learning_rate"),
    "softmax twice": (
        {"network": HEALTHY[:-1] + ", softmax]"}, "settings", "applies softmax itself"),
    "dead ReLUs": (
        {"network": HEALTHY.replace("{dense: {units: 32}}", SUNKEN)}, "gradient flow", "Dead"),
    "inputs all zero": ({"dataset": "blank_digits"}, "inputs", "all of 64 images are the same"),
    "a plug-in that mixes samples": (
        {"network": BODY % ("relu", "centred_batch, relu", END)}, "samples apart",
        "05_centred_batch mixes"),
    "a wrong gradient": (
        {"network": BODY % ("relu", "wrong_tanh", END)}, "gradients", "05_wrong_tanh"),
    "ten sigmoids": ({"network": SIGMOIDS}, "gradient flow", "Vanishing gradient"),
    "a bottleneck of one unit": (
        {"network": BODY % ("relu", "relu, {dense: {units: 1}}", END)}, "layers", "single number"),
    "no non-linearity": (
        {"network": "[flatten, {dense: {units: 32}}, {dense: {units: 16}}" + END}, "layers",
        "no non-linearity"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_of_ten_broken_configurations_is_said_what_is_wrong(what, tmp_path):
    changes, row, words = BROKEN[what]
    result = check(write(tmp_path, **changes), plugins=[PLUGIN])
    assert not result.passed
    (said,) = [each for each in result.failed if each.check == row]
    assert words in f"{said.text} {said.advice}"


def test_a_healthy_configuration_passes(tmp_path):
    result = check(write(tmp_path))
    assert result.passed, result
    assert {row.status for row in result.rows[:-1]} == {"pass"}
