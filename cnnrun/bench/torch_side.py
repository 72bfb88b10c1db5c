"""The same training step in PyTorch, in either of its memory layouts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from cnnrun.bench.torch_network import Copy, build, to_torch
from cnnrun.bench.training_step import Samples
from cnnrun.config import Experiment
from cnnrun.engine import Network
from cnnrun.engine.losses.base import one_hot
from cnnrun.engine.types import Array
from cnnrun.errors import OptionError

__all__ = ["LAYOUTS", "TorchSide", "require_torch"]

LAYOUTS = ("default", "channels_last")


def require_torch() -> Any:
    """Return the module.

    Raises:
        OptionError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise OptionError(
            "--against", "torch needs PyTorch, which is not installed; pip install torch adds it"
        ) from None
    return torch


class TorchSide:
    """A network in PyTorch with our weights, in one memory layout, with loss and optimizer."""

    def __init__(
        self,
        experiment: Experiment,
        network: Network,
        samples: Samples,
        layout: str,
        workers: int,
    ) -> None:
        """Copy the network and the batch to PyTorch, which is given as many threads.

        Raises:
            ShapeError: a layer has no counterpart there.
            OptionError: the loss or the optimizer has none.
        """
        torch = require_torch()
        torch.set_num_threads(workers)
        self.module, self.copies = build(network)
        x, targets = torch.from_numpy(to_torch(samples.x)), _targets(experiment, network, samples)
        if layout == "channels_last":
            self.module = self.module.to(memory_format=torch.channels_last)
            x = x.contiguous(memory_format=torch.channels_last)
        self.module.train()
        self._x, self._targets = x, targets
        self._loss = _loss(experiment)
        self._optimizer = _optimizer(experiment, network, self.copies)
        self._clip_norm = experiment.optimizer.clip_norm

    def forward_backward(self) -> tuple[float, dict[str, Array]]:
        """Return the loss, and the gradients in our layout by our names."""
        self._optimizer.zero_grad()
        loss = self._loss(self.module(self._x), self._targets)
        loss.backward()
        gradients = {
            copy.name: copy.back(np.array(copy.parameter.grad.contiguous().numpy()))
            for copy in self.copies
        }
        return float(loss.detach()), gradients

    def step(self) -> None:
        """Do a whole step of training."""
        self._optimizer.zero_grad()
        loss = self._loss(self.module(self._x), self._targets)
        loss.backward()
        if self._clip_norm is not None:
            import torch

            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self._clip_norm)
        self._optimizer.step()


def _targets(experiment: Experiment, network: Network, samples: Samples) -> Any:
    """Return the targets as PyTorch's losses take them."""
    import torch

    targets = samples.targets
    if experiment.loss.type_name != "softmax_cross_entropy":
        like = np.zeros((len(targets), *network.output_shape), np.float32)
        targets = to_torch(one_hot(targets, like))
    return torch.from_numpy(targets)


def _loss(experiment: Experiment) -> Callable[[Any, Any], Any]:
    """Return the counterpart of our loss, a function of outputs and targets.

    Raises:
        OptionError: there is none.
    """
    import torch

    loss: Any = experiment.loss
    functional: Any = torch.nn.functional
    kind, reduction = loss.type_name, getattr(loss, "reduction", "mean")
    makers: dict[str, Callable[[], Callable[..., Any]]] = {
        "softmax_cross_entropy": lambda: partial(
            functional.cross_entropy, label_smoothing=loss.label_smoothing
        ),
        "binary_cross_entropy": lambda: functional.binary_cross_entropy_with_logits,
        "mse": lambda: functional.mse_loss,
        "mae": lambda: functional.l1_loss,
        "huber": lambda: partial(functional.huber_loss, delta=loss.delta),
    }
    if loss.is_by_class or getattr(loss, "pos_weight", None) is not None:
        raise OptionError("loss", f"{kind} with weights has no counterpart to compare with")
    if kind not in makers:
        raise OptionError("loss", f"{kind} has no counterpart in PyTorch to compare with")
    function = makers[kind]()
    if reduction == "mean":
        return function
    half = 2 if reduction == "half_sum" else 1

    def summed(outputs: Any, targets: Any) -> Any:
        return function(outputs, targets, reduction="sum") / (half * len(outputs))

    return summed


def _optimizer(experiment: Experiment, network: Network, copies: list[Copy]) -> Any:
    import torch

    ours: Any = experiment.optimizer
    spared = network.spared_from_decay if ours.decay_weights_only else set()
    groups: list[dict[str, Any]] = [
        {"params": [c.parameter for c in copies if c.name not in spared]},
        {"params": [c.parameter for c in copies if c.name in spared], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    shared = {"lr": ours.learning_rate, "weight_decay": ours.weight_decay}
    kind = ours.type_name
    if kind == "sgd":
        return torch.optim.SGD(groups, momentum=ours.momentum, nesterov=ours.nesterov, **shared)
    if kind in ("adam", "adamw"):
        maker = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        return maker(groups, betas=(ours.beta1, ours.beta2), eps=ours.epsilon, **shared)
    if kind == "rmsprop":
        return torch.optim.RMSprop(
            groups, alpha=ours.smoothing, eps=ours.epsilon, momentum=ours.momentum,
            centered=ours.centered, **shared,
        )  # fmt: skip
    if kind == "adagrad":
        start = ours.initial_accumulator
        return torch.optim.Adagrad(
            groups, eps=ours.epsilon, initial_accumulator_value=start, **shared
        )
    raise OptionError("optimizer", f"{kind} has no counterpart in PyTorch to compare with")
