"""Every kind of layer, loss and optimizer is the same in PyTorch, with the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.bench.training_step import TrainingStep, draw, without_dropout
from cnnrun.config import load_experiment
from cnnrun.engine import LAYERS
from cnnrun.errors import ShapeError

torch = pytest.importorskip("torch")

HEAD = """
data: {dataset: {synthetic: {image_shape: [9, 8, 3], classes: 4, train_samples: 8}}}
optimizer: {sgd: {learning_rate: 0.05, momentum: 0.9}}
name: compared
network:
"""
FLAT = "  - flatten\n  - dense: {units: classes}\n"
IMAGES = {
    "conv2d": "conv2d: {filters: 6, kernel_size: [3, 2], padding: same, groups: 3, stride: 2}",
    "dilated": "conv2d: {filters: 5, kernel_size: 3, padding: [2, 1], dilation: 2}",
    "uneven": "conv2d: {filters: 5, kernel_size: 4, padding: same, use_bias: false}",
    "depthwise_conv2d": "depthwise_conv2d: {kernel_size: 3, depth_multiplier: 2, padding: same}",
    "conv2d_transpose": "conv2d_transpose: {filters: 4, kernel_size: 3, stride: 2, padding: 1}",
    "cropped": "conv2d_transpose: {filters: 4, kernel_size: 2, stride: 3, padding: same}",
    "max_pool2d": "max_pool2d: {pool_size: 3, stride: 2, padding: same}",
    "avg_pool2d": "avg_pool2d: {pool_size: 3, stride: 2, padding: 1, count_padding: false}",
    "upsample2d": "upsample2d: {factor: [2, 3]}",
    "bilinear": "upsample2d: {method: bilinear}",
    "batch_norm": "batch_norm",
    "layer_norm": "layer_norm",
    "over_all": "layer_norm: {over: all}",
    "relu": "relu",
    "leaky_relu": "leaky_relu: {negative_slope: 0.2}",
    "elu": "elu: {alpha: 0.5}",
    "gelu": "gelu",
    "silu": "silu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": "softplus: {beta: 2.0}",
    "softmax": "softmax",
    "dropout": "dropout: {rate: 0.3}",
    "residual": "residual: {branch: [conv2d: {filters: 3, kernel_size: 3, padding: same}, tanh]}",
    "flatten": "flatten\n  - layer_norm\n  - batch_norm\n  - softmax",
    "concat": "concat: {branch: [conv2d: {filters: 3, kernel_size: 3, padding: same}, tanh]}",
    "concat of vectors": "flatten\n  - concat: {branch: [dense: {units: 4}]}",
    "concat of orders": "flatten\n  - concat: {branch: [dense: {units: 4}], shortcut: [tanh]}\n"
    "  - layer_norm\n  - concat: {branch: [softmax]}",
    "orders": "flatten\n  - residual: {branch: [dense: {units: 216}]}",
    "global_avg_pool2d": "global_avg_pool2d",
    "dense": "flatten\n  - dense: {units: 7}",
}


def sides(tmp_path, text, layout="default"):
    from cnnrun.bench.torch_side import TorchSide

    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    experiment = without_dropout(load_experiment(path))
    info = experiment.data.dataset.info(experiment.base)
    training = TrainingStep(experiment, info, 1)
    samples = draw(experiment, info, 6)
    rng = np.random.default_rng(1)
    for array in training.network.parameters.values():  # also of biases, which start as zeros
        array += 0.1 * rng.standard_normal(array.shape).astype(np.float32)
    return training, samples, TorchSide(experiment, training.network, samples, layout, 1)


def assert_same_pass(training, samples, side):
    with training:
        ours = training.forward_backward(samples)
        loss, gradients = side.forward_backward()
    assert ours.loss == pytest.approx(loss, rel=1e-5)
    assert gradients.keys() == ours.gradients.keys()
    largest = max(np.abs(gradient).max() for gradient in gradients.values())
    for name, gradient in gradients.items():
        np.testing.assert_allclose(
            ours.gradients[name], gradient, atol=1e-5 * largest, err_msg=name
        )


def test_every_layer_is_compared_here_or_refused(tmp_path):
    for kind in set(LAYERS) - IMAGES.keys():
        with pytest.raises(ShapeError, match=f"{kind} .* has no counterpart in PyTorch"):
            sides(tmp_path, f"{HEAD}  - {kind}\n{FLAT}")


@pytest.mark.parametrize("layout", ["default", "channels_last"])
@pytest.mark.parametrize("kind", IMAGES)
def test_layers_agree(tmp_path, kind, layout):
    last = "  - dense: {units: classes}\n" if "flatten" in IMAGES[kind] else FLAT
    last = "  - dense: {units: classes}\n" if kind == "global_avg_pool2d" else last
    text = f"{HEAD}  - conv2d: {{filters: 3, kernel_size: 1}}\n  - {IMAGES[kind]}\n{last}"
    assert_same_pass(*sides(tmp_path, text, layout))


@pytest.mark.parametrize(
    "loss",
    [
        "{softmax_cross_entropy: {label_smoothing: 0.1}}",
        "binary_cross_entropy",
        "mse",
        "{mse: {reduction: mean}}",
        "mae",
        "{mae: {reduction: sum}}",
        "huber",
        "{huber: {delta: 0.3, reduction: sum}}",
    ],
)
def test_losses_agree(tmp_path, loss):
    assert_same_pass(*sides(tmp_path, f"{HEAD}{FLAT}loss: {loss}\n"))


def test_images_as_targets_agree(tmp_path):
    text = HEAD.replace("train_samples: 8}}", "train_samples: 8}}, targets: inputs")
    text += "  - conv2d: {filters: 3, kernel_size: 3, padding: same}\nloss: mse\n"
    assert_same_pass(*sides(tmp_path, text))


@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01}",
        "sgd: {learning_rate: 0.1, clip_norm: 0.1, weight_decay: 0.1, decay_weights_only: true}",
        "adam",
        "adamw: {weight_decay: 0.1}",
        "rmsprop: {momentum: 0.5, centered: true}",
        "adagrad",
    ],
)
def test_steps_agree(tmp_path, optimizer):
    text = HEAD.replace("sgd: {learning_rate: 0.05, momentum: 0.9}", optimizer)
    training, samples, side = sides(tmp_path, text + "  - tanh\n" + FLAT)
    with training:
        for _ in range(4):
            training.step(samples)
            side.step()
    for copy in side.copies:
        theirs = copy.back(copy.parameter.detach().numpy())
        np.testing.assert_allclose(
            training.network.parameters[copy.name], theirs, rtol=1e-4, atol=1e-5, err_msg=copy.name
        )
