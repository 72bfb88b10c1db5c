"""Runs one of our networks in PyTorch, in evaluation mode, keeping the gradient of every tensor."""

from __future__ import annotations

import numpy as np

__all__ = ["run_in_torch"]


def run_in_torch(network, x, targets=None, classes=None):
    """Return x, y, dx, dy of every layer, and the parameters' gradients, by `layer/key`.

    The objective is softmax cross entropy for `targets`, or the sum of the scores of `classes`.
    """
    import torch

    found, kept = {}, {}

    def parameter(name, array):
        if name not in kept:
            kept[name] = torch.tensor(array, requires_grad=True)
        return kept[name]

    def sequence(layers, prefix, value):
        for name, layer in layers.items():
            full = prefix + name
            value = value * 1 if value.requires_grad else value.clone().requires_grad_()
            value.retain_grad()
            found[full, "x"] = value
            value = one(layer, full, value)
            value.retain_grad()
            found[full, "y"] = value
        return value

    def one(layer, name, value):
        weights = {key: parameter(f"{name}/{key}", a) for key, a in layer.params.items()}
        f = torch.nn.functional
        kind = layer.type_name
        if kind == "conv2d":
            image, w = value.permute(0, 3, 1, 2), weights["w"].permute(3, 2, 0, 1)
            window = layer.window
            image = f.pad(image, (window.before[1], window.after[1], window.before[0],
                                  window.after[0]))  # fmt: skip
            y = f.conv2d(image, w, weights.get("b"), window.stride, 0, window.dilation,
                         layer.config.groups)  # fmt: skip
            return y.permute(0, 2, 3, 1)
        if kind == "max_pool2d":
            window = layer.window
            image = value.permute(0, 3, 1, 2)
            y = f.max_pool2d(image, window.kernel, window.stride, window.before)
            return y.permute(0, 2, 3, 1)
        if kind == "batch_norm":
            mean, var = (torch.tensor(layer.buffers[k]) for k in ("running_mean", "running_var"))
            h = (value - mean) / torch.sqrt(var + layer.config.epsilon)
            return h * weights["gamma"] + weights["beta"]
        if kind == "dense":
            return value @ weights["w"] + weights["b"]
        if kind == "flatten":
            return value.reshape(len(value), -1)
        if kind in ("residual", "concat"):
            branch = sequence(layer.branch.layers, f"{name}/branch/", value)
            shortcut = sequence(layer.shortcut.layers, f"{name}/shortcut/", value)
            return branch + shortcut if kind == "residual" else torch.cat((branch, shortcut), -1)
        return {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[kind](value)

    outputs = sequence(network.layers, "", torch.tensor(x))
    if classes is None:
        objective = torch.nn.functional.cross_entropy(outputs, torch.tensor(targets))
    else:
        objective = outputs[torch.arange(len(x)), torch.tensor(classes)].sum()
    objective.backward()
    result = {f"{name}/{key}": tensor.detach().numpy() for (name, key), tensor in found.items()}
    result |= {f"{name}/d{key}": tensor.grad.numpy() for (name, key), tensor in found.items()}
    for name, tensor in kept.items():
        layer, _, key = name.rpartition("/")
        result[f"{layer}/d{key}"] = tensor.grad.numpy()
    return {key: np.ascontiguousarray(array) for key, array in result.items()}
