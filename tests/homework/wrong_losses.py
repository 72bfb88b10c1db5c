"""Mistakes in losses that return their own gradient."""

from __future__ import annotations

import numpy as np

from homework.losses import (
    mse_loss,
    probabilities,
    regularized_softmax_loss,
    softmax_loss,
    svm_loss,
)
from homework.pairs import MSE_LOSS, REGULARIZED, SOFTMAX_LOSS, SVM_LOSS

SUM = "sum over|ratio 5|divided|mean"


@SOFTMAX_LOSS.wrong("x", kind=SUM)
def softmax_loss_not_divided_by_n(x, y):
    loss, dx = softmax_loss(x, y)
    return loss, dx * len(x)


@SOFTMAX_LOSS.wrong("x", kind=r"ratio 0\.2|twice|mean")
def softmax_loss_divided_by_n_twice(x, y):
    loss, dx = softmax_loss(x, y)
    return loss, dx / len(x)


@SOFTMAX_LOSS.wrong("x", kind="label|target|one-hot|subtract|class")
def softmax_loss_label_not_subtracted(x, y):
    return softmax_loss(x, y)[0], probabilities(x) / len(x)


@SOFTMAX_LOSS.wrong("x", kind="label|target|one-hot|class|1/N|subtract")
def softmax_loss_label_subtracted_after_dividing(x, y):
    dx = probabilities(x) / len(x)
    dx[np.arange(len(x)), y] -= 1
    return softmax_loss(x, y)[0], dx


@SOFTMAX_LOSS.wrong("x", kind="sign|ratio -1")
def softmax_loss_sign(x, y):
    loss, dx = softmax_loss(x, y)
    return loss, -dx


@SOFTMAX_LOSS.wrong("x", kind="label|target|columns")
def softmax_loss_subtracts_from_whole_columns(x, y):
    dx = probabilities(x)
    dx[:, np.unique(y)] -= 1
    return softmax_loss(x, y)[0], dx / len(x)


@SOFTMAX_LOSS.wrong("x", kind="label|predict|class|target")
def softmax_loss_predictions_for_labels(x, y):
    return softmax_loss(x, y)[0], softmax_loss(x, x.argmax(axis=1))[1]


@SOFTMAX_LOSS.wrong("x", kind="axis|over samples|probabilit")
def softmax_loss_over_the_batch(x, y):
    dx = probabilities(x.T).T
    dx[np.arange(len(x)), y] -= 1
    return softmax_loss(x, y)[0], dx / len(x)


@SOFTMAX_LOSS.wrong("x", kind="twice|softmax|probabilit")
def softmax_loss_softmax_twice(x, y):
    return softmax_loss(x, y)[0], softmax_loss(probabilities(x), y)[1]


@SOFTMAX_LOSS.wrong("x", kind="writes|written|in place|mutat|chang")
def softmax_loss_shifts_its_input(x, y):
    x -= x.max(axis=1, keepdims=True)
    return softmax_loss(x, y)


@SOFTMAX_LOSS.wrong("x", kind="shape")
def softmax_loss_transposed(x, y):
    loss, dx = softmax_loss(x, y)
    return loss, dx.T


@SVM_LOSS.wrong("x", kind="count|label|right class|correct|target|class")
def svm_loss_count_forgotten(x, y):
    loss, dx = svm_loss(x, y)
    dx[np.arange(len(x)), y] = 0
    return loss, dx


@SVM_LOSS.wrong("x", kind="count|label|right class|correct|target|class")
def svm_loss_counts_once(x, y):
    loss, dx = svm_loss(x, y)
    dx[np.arange(len(x)), y] = -1 / len(x)
    return loss, dx


@SVM_LOSS.wrong("x", kind="count|label|right class|correct|target|class")
def svm_loss_counts_the_label(x, y):
    loss, dx = svm_loss(x, y)
    dx[np.arange(len(x)), y] -= 1 / len(x)
    return loss, dx


@SVM_LOSS.wrong("x", kind=SUM)
def svm_loss_not_divided_by_n(x, y):
    loss, dx = svm_loss(x, y)
    return loss, dx * len(x)


@SVM_LOSS.wrong("x", kind="margin|squared")
def svm_loss_margins_for_ones(x, y):
    rows = np.arange(len(x))
    dx = np.maximum(0, x - x[rows, y][:, None] + 1)
    dx[rows, y] = 0
    dx[rows, y] = -dx.sum(axis=1)
    return svm_loss(x, y)[0], dx / len(x)


@SVM_LOSS.wrong("x", kind="margin|delta")
def svm_loss_margin_of_zero(x, y):
    rows = np.arange(len(x))
    dx = (x - x[rows, y][:, None] > 0).astype(float)
    dx[rows, y] = -dx.sum(axis=1)
    return svm_loss(x, y)[0], dx / len(x)


@MSE_LOSS.wrong("x", kind="factor 2|ratio 0.5")
def mse_loss_without_its_2(x, y):
    loss, dx = mse_loss(x, y)
    return loss, dx / 2


@MSE_LOSS.wrong("x", kind="ratio 3|mean|divided|sum over")
def mse_loss_divided_by_samples_only(x, y):
    loss, dx = mse_loss(x, y)
    return loss, dx * x.shape[1]


@MSE_LOSS.wrong("x", kind="sign|ratio -1")
def mse_loss_sign(x, y):
    loss, dx = mse_loss(x, y)
    return loss, -dx


@REGULARIZED.wrong("W", kind="regulari|penalty|reg|term|W itself|multiple of")
def regularisation_forgotten(W, X, y, reg):
    return regularized_softmax_loss(W, X, y, reg)[0], regularized_softmax_loss(W, X, y, 0)[1]


@REGULARIZED.wrong("W", kind="regulari|penalty|reg|term|W itself|multiple of")
def regularisation_without_its_2(W, X, y, reg):
    loss, dW = regularized_softmax_loss(W, X, y, reg)
    return loss, dW - reg * W


@REGULARIZED.wrong("W", kind="regulari|penalty|reg|term|W itself|multiple of")
def regularisation_divided_by_n(W, X, y, reg):
    loss, _ = regularized_softmax_loss(W, X, y, reg)
    return loss, regularized_softmax_loss(W, X, y, reg / len(X))[1]
