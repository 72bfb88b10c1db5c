"""The table of right pairs, each with numbers to check it at.

Lengths along the axes of a tensor differ, so that a mistake in their order cannot hide; where a
mistake needs equal lengths, it changes the inputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from homework import activations, convolution, dense, losses, normalisation, pooling, sequences
from homework.entries import Pair

__all__ = ["PAIRS"]

LABELS = np.array([2, 0, 1, 2, 3])

AFFINE = Pair(
    "affine", "dense", dense.affine_forward, dense.affine_backward,
    {"x": (4, 2, 3), "w": (6, 5), "b": (5,)},
)  # fmt: skip
MATMUL = Pair(
    "matmul", "dense", dense.matmul, dense.matmul_backward, {"a": (4, 3), "b": (3, 5)},
    shape="inputs",
)  # fmt: skip
LINEAR_RELU = Pair(
    "linear_relu", "dense", dense.linear_activation_forward, dense.linear_activation_backward,
    {"A_prev": (3, 5), "W": (4, 3), "b": (4, 1)}, {"activation": "relu"},
)  # fmt: skip
LINEAR_SIGMOID = replace(
    LINEAR_RELU, name="linear_sigmoid", constants={"activation": "sigmoid"}
)  # fmt: skip
RESIDUAL = Pair(
    "residual", "dense", dense.residual_forward, dense.residual_backward,
    {"x": (4, 3), "w": (3, 3)},
)  # fmt: skip
EMBEDDING = Pair(
    "embedding", "dense", dense.embedding_forward, dense.embedding_backward,
    {"x": np.array([[0, 2, 1], [2, 2, 4]]), "W": (5, 3)},
)  # fmt: skip

RELU = Pair(
    "relu", "activation", activations.relu_forward, activations.relu_backward, {"x": (4, 5)}
)  # fmt: skip
LEAKY_RELU = Pair(
    "leaky_relu", "activation", activations.leaky_relu, activations.leaky_relu_backward,
    {"x": (4, 5)}, {"slope": 0.1}, shape="inputs",
)  # fmt: skip
SIGMOID = replace(
    RELU, name="sigmoid", forward=activations.sigmoid_forward,
    backward=activations.sigmoid_backward,
)  # fmt: skip
TANH = Pair(
    "tanh", "activation", activations.tanh, activations.tanh_backward, {"x": (4, 5)},
    shape="inputs",
)  # fmt: skip
GELU = replace(
    RELU, name="gelu", forward=activations.gelu_forward, backward=activations.gelu_backward
)
DROPOUT = Pair(
    "dropout", "dropout", activations.dropout_forward, activations.dropout_backward,
    {"x": (4, 5)}, {"dropout_param": {"mode": "train", "p": 0.7, "seed": 3}},
)  # fmt: skip
DROPOUT_TEST = replace(
    DROPOUT, name="dropout_test", constants={"dropout_param": {"mode": "test", "p": 0.7}}
)  # fmt: skip

CONV = Pair(
    "conv", "convolution", convolution.conv_forward_naive, convolution.conv_backward_naive,
    {"x": (2, 3, 5, 7), "w": (4, 3, 3, 3), "b": (4,)}, {"conv_param": {"stride": 1, "pad": 1}},
)  # fmt: skip
CONV_STRIDE = replace(CONV, name="conv_stride", constants={"conv_param": {"stride": 2, "pad": 1}})
DEPTHWISE = Pair(
    "depthwise", "convolution", convolution.depthwise_forward, convolution.depthwise_backward,
    {"x": (2, 3, 5, 4), "w": (3, 3, 2)},
)  # fmt: skip

MAX_POOL = Pair(
    "max_pool", "pooling", pooling.max_pool_forward_naive, pooling.max_pool_backward_naive,
    {"x": (2, 3, 4, 6)}, {"pool_param": {"pool_height": 2, "pool_width": 2, "stride": 2}},
)  # fmt: skip
MAX_POOL_OVERLAP = replace(
    MAX_POOL, name="max_pool_overlap", inputs={"x": (2, 2, 6, 5)},
    constants={"pool_param": {"pool_height": 2, "pool_width": 3, "stride": 1}},
)  # fmt: skip
AVG_POOL = replace(
    MAX_POOL, name="avg_pool", forward=pooling.avg_pool_forward,
    backward=pooling.avg_pool_backward,
)  # fmt: skip

BATCHNORM = Pair(
    "batchnorm", "normalisation", normalisation.batchnorm_forward,
    normalisation.batchnorm_backward, {"x": (6, 4), "gamma": (4,), "beta": (4,)},
    {"bn_param": {"mode": "train"}},
)  # fmt: skip
BATCHNORM_ALT = replace(
    BATCHNORM, name="batchnorm_alt", backward=normalisation.batchnorm_backward_alt
)  # fmt: skip
RUNNING = {"running_mean": np.array([0.2, -0.1, 0.5]), "running_var": np.array([0.5, 1.5, 2.0])}
BATCHNORM_TEST = replace(
    BATCHNORM, name="batchnorm_test", inputs={"x": (5, 3), "gamma": (3,), "beta": (3,)},
    constants={"bn_param": {"mode": "test"} | RUNNING},
)  # fmt: skip
SPATIAL_BATCHNORM = replace(
    BATCHNORM, name="spatial_batchnorm", forward=normalisation.spatial_batchnorm_forward,
    backward=normalisation.spatial_batchnorm_backward,
    inputs={"x": (2, 3, 4, 5), "gamma": (3,), "beta": (3,)},
)  # fmt: skip
LAYERNORM = Pair(
    "layernorm", "normalisation", normalisation.layernorm_forward,
    normalisation.layernorm_backward, {"x": (4, 6), "gamma": (6,), "beta": (6,)},
    {"ln_param": {}},
)  # fmt: skip
GROUPNORM = Pair(
    "groupnorm", "normalisation", normalisation.spatial_groupnorm_forward,
    normalisation.spatial_groupnorm_backward,
    {"x": (2, 6, 3, 2), "gamma": (1, 6, 1, 1), "beta": (1, 6, 1, 1)}, {"G": 2, "gn_param": {}},
)  # fmt: skip

SOFTMAX_LOSS = Pair(
    "softmax_loss", "loss", losses.softmax_loss, None, {"x": (5, 4), "y": LABELS}, shape="loss"
)  # fmt: skip
SVM_LOSS = replace(SOFTMAX_LOSS, name="svm_loss", forward=losses.svm_loss)
MSE_LOSS = Pair(
    "mse_loss", "loss", losses.mse_loss, None, {"x": (5, 3)}, {"y": np.linspace(-1, 1, 3)},
    shape="loss",
)  # fmt: skip
REGULARIZED = Pair(
    "regularized_softmax_loss", "loss", losses.regularized_softmax_loss, None, {"W": (3, 4)},
    {"X": np.random.default_rng(5).normal(size=(5, 3)), "y": LABELS, "reg": 0.3}, shape="loss",
)  # fmt: skip

RNN_STEP = Pair(
    "rnn_step", "sequence", sequences.rnn_step_forward, sequences.rnn_step_backward,
    {"x": (5, 3), "prev_h": (5, 4), "Wx": (3, 4), "Wh": (4, 4), "b": (4,)},
)  # fmt: skip
RNN = Pair(
    "rnn", "sequence", sequences.rnn_forward, sequences.rnn_backward,
    {"x": (2, 3, 5), "h0": (2, 4), "Wx": (5, 4), "Wh": (4, 4), "b": (4,)},
)  # fmt: skip
LSTM_STEP = Pair(
    "lstm_step", "sequence", sequences.lstm_step_forward, sequences.lstm_step_backward,
    {"x": (4, 2), "prev_h": (4, 3), "prev_c": (4, 3), "Wx": (2, 12), "Wh": (3, 12), "b": (12,)},
    outputs=2,
)  # fmt: skip
ATTENTION = Pair(
    "attention", "sequence", sequences.attention_forward, sequences.attention_backward,
    {"q": (2, 3, 4), "k": (2, 5, 4), "v": (2, 5, 6)},
)  # fmt: skip

PAIRS = [entry for entry in list(globals().values()) if isinstance(entry, Pair)]
