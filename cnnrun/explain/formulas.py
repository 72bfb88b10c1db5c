"""The formulas of each type of layer and loss, forward and backward, in one line each.

They are written as in `parsing.py`, with the letters of the other explanations: X and O are a
layer's input and output, F or W and b its parameters. A sum over n is over a batch's samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cnnrun.engine import Layer, Loss

__all__ = ["Formulas", "Rule", "formulas_of", "loss_rules"]


@dataclass(frozen=True)
class Rule:
    """A formula, and words that go on from there; either may be empty."""

    formula: str
    words: str = ""


@dataclass(frozen=True)
class Formulas:
    """A layer's rules: O from X, dL/dX from dL/dO, and the gradient of each parameter."""

    forward: Rule
    backward: Rule
    parameters: dict[str, Rule] = field(default_factory=dict)


BIAS = Rule("dL/db = sum over n of dL/dO")
BIAS_OF_IMAGES = Rule("dL/db = sum over n of sum over i of dL/dO_n,i", "over all positions i")
NORM = {
    "gamma": Rule("dL/dgamma = sum over n of dL/dO_n * h_n"),
    "beta": Rule("dL/dbeta = sum over n of dL/dO_n"),
}
NORMALISED = "O = gamma h + beta, h = (X - mu)/sqrt(V + epsilon)"
OF_OUTPUTS = "over the K outputs a"
OF_CUT_ERRORS = "over the K outputs a, c being a - t, but no less than -d and no more than d"
EVERY_CHANNEL = "every channel with its own filters"
OF_WINDOWS = "over the cells i of the window k"

FORMULAS = {
    "conv2d": Formulas(
        Rule("O = Convolution(X, F) + b"),
        Rule("dL/dX = Full Convolution(180-degree rotated F, dL/dO)"),
        {"w": Rule("dL/dF = sum over n of Convolution(X, dL/dO)"), "b": BIAS_OF_IMAGES},
    ),
    "depthwise_conv2d": Formulas(
        Rule("O = Convolution(X, F) + b", EVERY_CHANNEL),
        Rule("dL/dX = Full Convolution(180-degree rotated F, dL/dO)", EVERY_CHANNEL),
        {"w": Rule("dL/dF = sum over n of Convolution(X, dL/dO)"), "b": BIAS_OF_IMAGES},
    ),
    "conv2d_transpose": Formulas(
        Rule("O = Full Convolution(180-degree rotated F, X) + b", "a convolution's way back"),
        Rule("dL/dX = Convolution(dL/dO, F)"),
        {"w": Rule("dL/dF = sum over n of Convolution(dL/dO, X)"), "b": BIAS_OF_IMAGES},
    ),
    "max_pool2d": Formulas(
        Rule("O_k = max over i of X_i", OF_WINDOWS),
        Rule(
            "dL/dX_i = sum over k of dL/dO_k * [X_i = O_k]",
            "so each error is assigned to where its maximum came from",
        ),
    ),
    "avg_pool2d": Formulas(
        Rule("O_k = mean over i of X_i", OF_WINDOWS),
        Rule(
            "dL/dX_i = sum over k of dL/dO_k * dO_k/dX_i",
            "where dO_k/dX_i is 1/(N*N) in the whole window, and 0 outside it",
        ),
    ),
    "global_avg_pool2d": Formulas(
        Rule("O = mean over i of X_i", "over the H W positions i of a channel"),
        Rule("dL/dX_i = dL/dO / (H W)", "the same at every position"),
    ),
    "upsample2d": Formulas(
        Rule("O = R X C^T", "channel by channel; R and C hold what each row and column is made of"),
        Rule("dL/dX = R^T dL/dO C", "so each pixel adds up what its copies, or shares, bring back"),
    ),
    "dense": Formulas(
        Rule("O = X W + b"),
        Rule("dL/dX = dL/dO W^T"),
        {"w": Rule("dL/dW = X^T dL/dO"), "b": BIAS},
    ),
    "flatten": Formulas(
        Rule("O = X", "in one row"), Rule("dL/dX = dL/dO", "in the shape of the input")
    ),
    "relu": Formulas(Rule("O = max(X, 0)"), Rule("dL/dX = dL/dO * [X > 0]")),
    "leaky_relu": Formulas(
        Rule("O = max(X, 0) + s min(X, 0)", "s being the slope of the negative side"),
        Rule("dL/dX = dL/dO * ([X > 0] + s [X <= 0])"),
    ),
    "elu": Formulas(
        Rule("O = max(X, 0) + alpha (exp(min(X, 0)) - 1)"),
        Rule("dL/dX = dL/dO * ([X > 0] + alpha exp(X) [X <= 0])"),
    ),
    "gelu": Formulas(
        Rule("O = X P(X)", "P being the normal distribution"),
        Rule("dL/dX = dL/dO * (P(X) + X P'(X))"),
    ),
    "silu": Formulas(
        Rule("O = X s", "s being the sigmoid of the input"),
        Rule("dL/dX = dL/dO * (s + O (1 - s))"),
    ),
    "sigmoid": Formulas(Rule("O = 1/(1 + exp(-X))"), Rule("dL/dX = dL/dO * O (1 - O)")),
    "tanh": Formulas(Rule("O = tanh(X)"), Rule("dL/dX = dL/dO * (1 - O^2)")),
    "softplus": Formulas(
        Rule("O = log(1 + exp(beta X))/beta"), Rule("dL/dX = dL/dO * sigmoid(beta X)")
    ),
    "softmax": Formulas(
        Rule("O_i = exp(X_i)/(sum over k of exp(X_k))"),
        Rule("dL/dX_i = O_i (dL/dO_i - sum over k of dL/dO_k * O_k)"),
    ),
    "dropout": Formulas(
        Rule("O = X * m/(1 - r)", "m being 0 or 1 at random, r the rate"),
        Rule("dL/dX = dL/dO * m/(1 - r)"),
    ),
    "batch_norm": Formulas(
        Rule(NORMALISED, "with mean mu and variance V of each channel over the batch"),
        Rule("dL/dX = gamma/sqrt(V + epsilon) (dL/dO - mean(dL/dO) - h mean(dL/dO * h))"),
        NORM,
    ),
    "layer_norm": Formulas(
        Rule(NORMALISED, "with mean mu and variance V of each sample's features"),
        Rule(
            "dL/dX = 1/sqrt(V + epsilon) (dL/dh - mean(dL/dh) - h mean(dL/dh * h)), "
            "dL/dh = gamma * dL/dO"
        ),
        NORM,
    ),
    "residual": Formulas(
        Rule("O = branch(X) + shortcut(X)"),
        Rule("", "dL/dX of the branch and dL/dX of the shortcut, added up"),
    ),
    "concat": Formulas(
        Rule("", "the branch's output beside the shortcut's, channel by channel"),
        Rule("", "dL/dX of the branch and of the shortcut, each of its own dL/dO, added up"),
    ),
}

LOSS_RULES = {
    "softmax_cross_entropy": (
        Rule(
            "L = -mean over n of sum over k of t_k log(p_k), p = softmax(z)", "z being the output"
        ),
        Rule("delta = dL/dz = (p - t)/N"),
    ),
    "softmax_cross_entropy weighted": (
        Rule(
            "L = -mean over n of sum over k of w_k t_k log(p_k), p = softmax(z)",
            "z being the output, and w_k the weight of class k",
        ),
        Rule("delta = dL/dz = (p s - w t)/N", "with s = sum over k of w_k t_k"),
    ),
    "focal": (
        Rule(
            "L = -mean over n of sum over k of w_k t_k (1 - p_k)^gamma log(p_k), p = softmax(z)",
            "z being the output, and w_k the weight of class k, or 1",
        ),
        Rule(
            "delta = dL/dz = (g - p s)/N",
            "with g = w t (gamma p (1 - p)^(gamma - 1) log(p) - (1 - p)^gamma) and s = sum over "
            "k of g_k",
        ),
    ),
    "binary_cross_entropy weighted": (
        Rule(
            "L = -mean over n and k of (w_k t_k log(p_k) + (1 - t_k) log(1 - p_k)), p = sigmoid(z)",
            "over the K outputs z, with the weight w_k of what is there",
        ),
        Rule("delta = dL/dz = (p (1 + (w - 1) t) - w t)/(K N)"),
    ),
    "binary_cross_entropy": (
        Rule(
            "L = -mean over n and k of (t_k log(p_k) + (1 - t_k) log(1 - p_k)), p = sigmoid(z)",
            "over the K outputs z",
        ),
        Rule("delta = dL/dz = (p - t)/(K N)"),
    ),
    "mse": (
        Rule("L = mean over n of 1/2 sum over k of (a_k - t_k)^2", "a being the output"),
        Rule(
            "delta = dL/da = -(t - a)/N",
            "the lecture's step 2, whose slope of the last activation is in the layer before",
        ),
    ),
    "mse mean": (
        Rule("L = mean over n and k of (a_k - t_k)^2", OF_OUTPUTS),
        Rule("delta = dL/da = -2 (t - a)/(K N)"),
    ),
    "mae": (
        Rule("L = mean over n and k of |a_k - t_k|", OF_OUTPUTS),
        Rule("delta = dL/da = sign(a - t)/(K N)"),
    ),
    "mae sum": (
        Rule("L = mean over n of sum over k of |a_k - t_k|", OF_OUTPUTS),
        Rule("delta = dL/da = sign(a - t)/N"),
    ),
    "huber": (
        Rule("L = mean over n and k of c_k (a_k - t_k - c_k/2)", OF_CUT_ERRORS),
        Rule("delta = dL/da = c/(K N)"),
    ),
    "huber sum": (
        Rule("L = mean over n of sum over k of c_k (a_k - t_k - c_k/2)", OF_CUT_ERRORS),
        Rule("delta = dL/da = c/N"),
    ),
}
"""By type; behind it the reduction, or `weighted`, where that has formulas of its own."""


def formulas_of(layer: Layer) -> Formulas:
    """Return a layer's rules; of a user's own layer, the first line of its description."""
    known = FORMULAS.get(layer.type_name)
    if known is not None:
        return known
    own = {name: Rule("", f"of {name}, by its own backward") for name in layer.params}
    return Formulas(_described(layer), Rule("", "by its own backward"), own)


def loss_rules(loss: Loss) -> tuple[Rule, Rule]:
    """Return a loss and its gradient with respect to the network's output."""
    own = _described(loss), Rule("", "by its own code")
    weights = getattr(loss, "class_weight", None) or getattr(loss, "pos_weight", None)
    variant = "weighted" if weights else getattr(loss, "reduction", "")
    return LOSS_RULES.get(f"{loss.type_name} {variant}") or LOSS_RULES.get(loss.type_name, own)


def _described(part: Layer | Loss) -> Rule:
    lines = (type(part).__doc__ or "").strip().splitlines()
    return Rule("", lines[0].removesuffix(".") if lines else "by its own code")
