"""Hold the verdict of `cnnrun inspect` against networks that learn and networks that do not.

    python tools/flow_and_learning.py

Each of the networks is trained on `digits`. It has learnt if more than half of the test images are
right, and not if fewer than a quarter are. The verdict on its gradients, before and after the
training, must agree; the script ends with 1 where it does not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cnnrun import load_experiment, train
from cnnrun.config import build_network
from cnnrun.inspection.capture import capture
from cnnrun.inspection.flow import Flow, measure_flow
from cnnrun.inspection.objectives import BatchLoss

SAMPLES = 64
CONFIG = """\
name: x
data: {dataset: digits}
network: [relu]
optimizer: {sgd: {learning_rate: 0.05, momentum: 0.9}}
train: {epochs: 8, batch_size: 32}
"""
DENSE = "{dense: {units: 32%s}}"


def stack(activation: str, depth: int, initializer: str = "") -> list[str]:
    """Return dense layers, each with an activation behind it."""
    options = f", initializer: {initializer}" if initializer else ""
    hidden = [DENSE % options, activation] * depth
    return ["flatten", *hidden, "{dense: {units: classes}}"]


def convolutions(activation: str, depth: int, between: str = "") -> list[str]:
    """Return convolutions of 8 filters, each with an activation behind it."""
    layer = ["{conv2d: {filters: 8, kernel_size: 3, padding: same}}"]
    row = layer + ([between] if between else []) + [activation]
    return [*(row * depth), "{max_pool2d: {pool_size: 2}}", "flatten", "{dense: {units: classes}}"]


SMALL = "{constant: {value: 0.01}}"
LEARN = {
    **{f"relu {depth}": stack("relu", depth) for depth in (1, 2, 3, 4, 6, 8)},
    **{f"tanh {depth}": stack("tanh", depth) for depth in (1, 2, 4, 6)},
    **{f"sigmoid {depth}": stack("sigmoid", depth) for depth in (1, 2)},
    **{f"{name} 3": stack(name, 3) for name in ("elu", "gelu", "silu", "leaky_relu")},
    "convolutions, relu 2": convolutions("relu", 2),
    "convolutions, tanh 3": convolutions("tanh", 3),
    "convolutions, batch_norm 3": convolutions("relu", 3, "batch_norm"),
    "convolutions, sigmoid after batch_norm 3": convolutions("sigmoid", 3, "batch_norm"),
}
DO_NOT = {
    **{f"sigmoid {depth}": stack("sigmoid", depth) for depth in (5, 6, 7, 8, 9, 10, 12)},
    **{f"softmax {depth}": stack("softmax", depth) for depth in (3, 4, 5)},
    **{f"convolutions, sigmoid {depth}": convolutions("sigmoid", depth) for depth in (4, 5, 6, 8)},
    **{f"relu {depth}, small": stack("relu", depth, SMALL) for depth in (4, 6, 8)},
    **{f"tanh {depth}, small": stack("tanh", depth, SMALL) for depth in (7, 8, 10)},
}


def flows(layers: list[str], folder: Path) -> tuple[Flow, Flow, float]:
    """Return the flow before and after training, and the test accuracy."""
    path = folder / "x.yaml"
    path.write_text(CONFIG, "utf-8")
    experiment = load_experiment(path, [f"network=[{', '.join(layers)}]"])
    run = train(experiment, folder / "runs", workers=1)
    model = run.model("last")
    split = experiment.load_data().test
    x, labels = model.prepare(split.images[:SAMPLES]), split.labels[:SAMPLES]
    objective = BatchLoss(experiment.loss, labels)
    before, after = (
        measure_flow(capture(network, x, objective))
        for network in (build_network(experiment), model.network)
    )
    return before, after, float(run.record["test"]["accuracy"])


def main() -> int:
    """Train all, print a line for each, and return how to end."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for should_learn, networks in ((True, LEARN), (False, DO_NOT)):
            for name, layers in networks.items():
                before, after, accuracy = flows(layers, Path(folder))
                as_meant = accuracy > 0.5 if should_learn else accuracy < 0.25
                ok = as_meant and should_learn == before.is_healthy == after.is_healthy
                wrong += not ok
                healthy = f"before {before.is_healthy!s:5} after {after.is_healthy!s:5}"
                figures = f"accuracy {100 * accuracy:5.1f}%  healthy {healthy}"
                print(f"{'ok  ' if ok else 'FAIL'} {name:42} {figures}")
    print(f"{len(LEARN)} that should learn, {len(DO_NOT)} that should not; {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
