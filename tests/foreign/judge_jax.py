"""Prints, as JSON, what the check says of each JAX function: `[passed, guilty tensors, findings]`.

It is a process of its own, since JAX warns every process that imported it and forks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cnnrun.errors import CnnrunError
from cnnrun.foreign import plan_function
from cnnrun.foreign.inputs import read_inputs
from cnnrun.foreign.jax import jax_function, open_jax

OPS = Path(__file__).with_name("jax_ops.py")
X, PICK = {"x": "4x3"}, {"table": "5x3", "rows": "4:0..4"}
OWN = {
    "pick": (PICK, {"power": 3}),
    "softplus": ({"x": "4x3", "w": "3"}, {}),
    "softplus_wrong": ({"x": "4x3", "w": "3"}, {}),
    **{
        name: (X, {})
        for name in (
            "other_rule", "wrong_shape", "crash", "no_gradient", "narrow", "narrow_hidden",
            "nothing", "missing",
        )
    },
}  # fmt: skip


def verdict(function, inputs, seed=0):
    check = plan_function(function, inputs, seed=seed, budget=60)
    for _ in check.run():
        pass
    report = check.report()
    guilty = [report.guilty.tensor] if report.guilty else []
    return [report.passed, guilty, " ".join(one.message for one in report.findings)]


def own_functions():
    judged = {}
    for name, (inputs, constants) in OWN.items():
        try:
            judged[name] = verdict(*open_jax(f"{OPS}:{name}", read_inputs(inputs), constants))
        except CnnrunError as error:
            judged[name] = [False, [], str(error)]
    return judged


def corpus():
    from homework.wrong_in_jax import RIGHT, WRONG

    judged = {}
    for rule in (*RIGHT, *WRONG[::2]):
        inputs = read_inputs({name: list(shape) for name, shape in rule.inputs.items()})
        judged[rule.name] = [
            list(rule.guilty),
            *verdict(jax_function(rule.function, inputs), inputs),
        ]
    return judged


if __name__ == "__main__":
    import jax

    answer = own_functions()
    wide = jax.config.jax_enable_x64
    print(json.dumps({"own": answer, "stays_wide": wide, "corpus": corpus()}, default=str))
    sys.exit(0)
