"""The settings of an experiment that are not the defaults."""

from __future__ import annotations

from experiments import tiny

from cnnrun.config.changed import changed_settings


def settings(folder, *overrides):
    return {each.path: each for each in changed_settings(tiny(folder, *overrides))}


def test_defaults_are_left_out(tmp_path):
    known = settings(tmp_path)
    assert "train.batch_size" in known
    assert "train.best" not in known
    assert "data.normalize" not in known
    assert "loss" not in known
    assert (known["seed"].value, known["seed"].default) == (3, 0)
    assert known["network[0]"].value == "conv2d"
    assert "network[0].conv2d.stride" not in known
    assert known["network[0].conv2d.filters"].required
    assert known["data.augment[0].shift.pixels"].value == 1


def test_another_kind_is_named_beside_the_default(tmp_path):
    known = settings(tmp_path, "loss=mse")
    assert (known["loss"].value, known["loss"].default) == ("mse", "softmax_cross_entropy")
    assert known["schedule"].default == "constant"
    assert known["schedule.cosine.warmup_epochs"].value == 1.0


def test_layers_inside_blocks_are_looked_at(tmp_path):
    branch = "{residual: {branch: [{elu: {alpha: 2}}]}}"
    known = settings(tmp_path, f"network=[{branch}, flatten, {{dense: {{units: 3}}}}]")
    assert known["network[0].residual.branch[0].elu.alpha"].value == 2.0
    assert known["network[1]"].value == "flatten"
