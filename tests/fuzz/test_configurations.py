"""Mutated configurations and overrides are read or refused; what is read trains, or says why."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from experiments import TINY
from mutations import FRAGMENTS, LONG, VALUES, mutate_bytes, mutate_document, mutate_text, paths
from trials import Trials, program

from cnnrun.config import load_experiment

ROOT = Path(__file__).parents[2]
CONFIGS = [path.read_bytes() for path in sorted((ROOT / "configs").rglob("*.yaml"))]
SMALL = TINY.replace("[6, 6, 1]", "[5, 5, 1]").replace("90", "24").replace("30", "9")

PARTS: dict[str, tuple[Any, ...]] = {
    "optimizer": (
        {"sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}},
        {"adam": {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}},
        {"adamw": {"learning_rate": 0.1, "weight_decay": 0.1, "clip_norm": 1.0}},
        {"rmsprop": {"learning_rate": 0.1, "momentum": 0.5, "centered": True}},
        {"adagrad": {"learning_rate": 0.1, "initial_accumulator": 0.5}},
    ),
    "schedule": (
        {"constant": {"warmup_epochs": 0.5}},
        {"step": {"every_epochs": 1, "gamma": 0.5}},
        {"multistep": {"epochs": [1], "gamma": 0.5}},
        {"exponential": {"gamma": 0.9}},
        {"cosine": {"final_fraction": 0.1, "warmup_epochs": 1}},
        {"one_cycle": {"rising": 0.3}},
        {"reduce_on_plateau": {"patience": 0, "threshold": 0.1}},
    ),
    "augment": (
        {"shift": {"pixels": 1}}, {"crop": {"padding": 2}}, {"rotate": {"degrees": 10.0}},
        {"zoom": {"amount": 0.5}}, {"horizontal_flip": {"probability": 0.5}},
        {"brightness_contrast": {"brightness": 0.5, "contrast": 0.5}},
        {"gaussian_noise": {"std": 0.1}}, {"cutout": {"size": 2}},
    ),
    "network": (
        {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same", "stride": 1}},
        {"depthwise_conv2d": {"kernel_size": 3, "padding": 1}},
        {"conv2d_transpose": {"filters": 2, "kernel_size": 2, "stride": 2}},
        {"max_pool2d": {"pool_size": 2, "stride": 1}},
        {"avg_pool2d": {"pool_size": 2, "padding": 1}},
        {"upsample2d": {"factor": 2, "method": "bilinear"}},
        {"batch_norm": {"momentum": 0.1, "epsilon": 1e-5}}, {"layer_norm": {"epsilon": 1e-5}},
        {"leaky_relu": {"negative_slope": 0.1}}, {"elu": {"alpha": 1.0}}, "gelu", "silu", "tanh",
        "sigmoid", "softplus", "softmax", {"dropout": {"rate": 0.3}},
        {"conv2d": {"filters": 2, "kernel_size": 3, "initializer": {"constant": {"value": 1.0}}}},
        {"conv2d": {"filters": 2, "kernel_size": 3, "initializer": {"orthogonal": {"gain": 1.0}}}},
        {"residual": {"branch": [{"conv2d": {"filters": 4, "kernel_size": 3, "padding": "same"}}]}},
        {"concat": {"branch": [{"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}]}},
    ),
}  # fmt: skip

UNBOUNDED = {
    "learning_rate", "weight_decay", "epsilon", "clip_norm", "gamma", "negative_slope", "alpha",
    "value", "gain", "warmup_epochs", "initial_accumulator", "threshold",
}  # fmt: skip
WIDE = (1e-40, 1e-20, 0.5, 30.0, 1e4, 1e10, 1e20, 1e30, 3e38, 1e39)


def test_mutated_configurations_are_read_or_refused(tmp_path):
    trials, file = Trials("configurations"), tmp_path / "c.yaml"
    for rng in trials.seeds(400):
        content = rng.choice(CONFIGS)
        match rng.randrange(3):
            case 0:
                content = mutate_bytes(content, rng)
            case 1:
                text = mutate_text(content.decode(), rng)
                content = text.encode("utf-8", "surrogatepass")
            case 2:
                tree = mutate_document(yaml.safe_load(content), rng)
                content = yaml.safe_dump(tree).encode("utf-8", "surrogatepass")
        file.write_bytes(content)
        trials.attempt(lambda: load_experiment(file), content)
    trials.judge()


def test_mutated_overrides_are_read_or_refused(tmp_path):
    trials, file = Trials("overrides"), tmp_path / "c.yaml"
    for rng in trials.seeds(150):
        content = rng.choice(CONFIGS)
        file.write_bytes(content)
        given = [_override(yaml.safe_load(content), rng) for _ in range(rng.choice((1, 1, 2, 9)))]
        trials.attempt(lambda given=given: load_experiment(file, given), given)
    trials.judge()


@pytest.mark.parametrize("verb", ["train", "other"])
def test_what_is_read_trains_or_says_why_not(tmp_path, verb):
    trials, file = Trials(f"one step, {verb}"), tmp_path / "c.yaml"
    for rng in trials.seeds(40 if verb == "train" else 20):
        file.write_text(yaml.safe_dump(_experiment(rng)))
        runs = ("--runs-dir", tmp_path / "runs")
        words: tuple[object, ...] = (
            ("train", file, "--epochs", rng.choice((1, 2)), "--workers", 1, "--json", *runs)
            if verb == "train"
            else rng.choice(
                (
                    ("summary", file),
                    ("config", "show", file),
                    ("data", "info", file),
                    ("bench", file, "--seconds", 0.1, "--workers", 1, "--json"),
                    ("gradcheck", file, "--budget", 1),
                    ("inspect", file, "--output", tmp_path / "maps", "--no-png"),
                )
            )
        )
        trials.attempt(lambda words=words: program(*words), (words, file.read_text()))
    trials.judge()


def _override(tree: Any, rng: random.Random) -> str:
    """Return an override of a place of the tree, or of none, by something odd or not."""
    path = rng.choice(paths(tree))
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    match rng.randrange(6):
        case 0:
            name += rng.choice(
                (".x", "[0]", "[99999]", f"[{'9' * 5000}]", ".a" * 3000, "[0]" * 3000)
            )
        case 1:
            name = mutate_text(name, rng)
    match rng.randrange(4):
        case 0:
            value = rng.choice(FRAGMENTS)
        case 1:
            value = rng.choice(LONG)(rng.choice((10, 300, 3000)))
        case 2:
            value = yaml.safe_dump(rng.choice(VALUES), default_flow_style=True)
        case _:
            value = mutate_text(yaml.safe_dump(rng.choice(VALUES), default_flow_style=True), rng)
    return f"{name}={value}"


def _experiment(rng: random.Random) -> Any:
    """Return a small experiment with parts exchanged and a few values that are large or odd."""
    tree = yaml.safe_load(SMALL)
    tree["optimizer"] = rng.choice(PARTS["optimizer"])
    tree["schedule"] = rng.choice(PARTS["schedule"])
    tree["data"]["augment"] = rng.choices(PARTS["augment"], k=rng.randrange(3))
    tree["data"]["normalize"] = rng.choice(("none", "standard", "centered"))
    place = rng.randrange(4)
    tree["network"][place:place] = rng.choices(PARTS["network"], k=rng.randrange(3))
    numbers = [path for path in paths(tree) if type(_at(tree, path)) in (int, float)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        *above, key = rng.choice(numbers)
        node = _at(tree, above)
        if isinstance(node[key], float):
            wide = key in UNBOUNDED or rng.random() < 0.1
            node[key] = rng.choice(WIDE if wide else (0.0, 0.01, 0.3, 0.99, 1.0))
        elif rng.random() < 0.85:
            node[key] = rng.choice((1, 2, 3, 4))
        else:
            node[key] = rng.choice((0, 1, 2, 3, 10**9, 10**12, 10**15, 2**62, 2**63, 10**30))
    if rng.random() < 0.1:
        tree = mutate_document(tree, rng)
    return tree


def _at(tree: Any, path: Any) -> Any:
    for part in path:
        tree = tree[part]
    return tree
