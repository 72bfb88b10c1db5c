"""cnnrun: convolutional networks from YAML files, on a backprop engine that can be read.

What the command line can do, Python can do with the names below; docs/python.md shows each. They
are imported when they are first asked for, so that `import cnnrun` costs nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnrun import testing
    from cnnrun.bench import bench
    from cnnrun.config import (
        Experiment,
        check_data,
        describe_data,
        draw_data,
        dump_yaml,
        export_samples,
        init_data,
        init_experiment,
        init_layer,
        init_plugin,
        json_schema,
        load_experiment,
    )
    from cnnrun.engine import Network
    from cnnrun.explain import explain
    from cnnrun.inspection.api import inspect
    from cnnrun.preflight import check, check_run, tune_rate
    from cnnrun.report import write_gradcheck_page, write_report
    from cnnrun.runs import (
        Group,
        Model,
        Run,
        compare,
        list_runs,
        load_group,
        load_run,
        reproduce,
        resume,
        resume_seeds,
        summary,
        train,
        train_events,
        train_seeds,
    )
    from cnnrun.runs.explanation import explain_network
    from cnnrun.runs.gradient_check import gradcheck
    from cnnrun.sweeps import join_sweep, sweep

__all__ = [
    "Experiment",
    "Group",
    "Model",
    "Network",
    "Run",
    "__version__",
    "bench",
    "check",
    "check_data",
    "check_run",
    "compare",
    "describe_data",
    "draw_data",
    "dump_yaml",
    "explain",
    "explain_network",
    "export_samples",
    "gradcheck",
    "init_data",
    "init_experiment",
    "init_layer",
    "init_plugin",
    "inspect",
    "join_sweep",
    "json_schema",
    "list_runs",
    "load_experiment",
    "load_group",
    "load_run",
    "reproduce",
    "resume",
    "resume_seeds",
    "summary",
    "sweep",
    "testing",
    "train",
    "train_events",
    "train_seeds",
    "tune_rate",
    "write_gradcheck_page",
    "write_report",
]

__version__ = "0.1.0"

_HOMES = {
    "cnnrun.bench": ("bench",),
    "cnnrun.config": (
        "Experiment", "check_data", "describe_data", "draw_data", "dump_yaml", "export_samples",
        "init_data",
        "init_experiment", "init_layer", "init_plugin", "json_schema", "load_experiment",
    ),
    "cnnrun.engine": ("Network",),
    "cnnrun.explain": ("explain",),
    "cnnrun.inspection.api": ("inspect",),
    "cnnrun.preflight": ("check", "check_run", "tune_rate"),
    "cnnrun.report": ("write_gradcheck_page", "write_report"),
    "cnnrun.runs": (
        "Group", "Model", "Run", "compare", "list_runs", "load_group", "load_run", "reproduce",
        "resume", "resume_seeds", "summary", "train", "train_events", "train_seeds",
    ),
    "cnnrun.runs.explanation": ("explain_network",),
    "cnnrun.sweeps": ("join_sweep", "sweep"),
    "cnnrun.runs.gradient_check": ("gradcheck",),
}  # fmt: skip
"""By module, the names that come from it: the imports above, as they happen at run time."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of the surface when it is first asked for."""
    if name == "testing":
        return import_module("cnnrun.testing")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'cnnrun' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _FunctionBesideFolder:
    """A function with the name of a folder of the package, such as `cnnrun.gradcheck`.

    After importing a folder, Python sets it as an attribute of the package that it lies in. Here
    this is refused, so that the name always means the function. The function then shares the
    folder's names, because `import cnnrun.gradcheck.api as api` looks for them on the attribute.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, package: ModuleType, owner: type[ModuleType]) -> Any:
        function = getattr(import_module(_HOME_OF[self._name]), self._name)
        function.__dict__ = import_module(f"cnnrun.{self._name}").__dict__
        return function

    def __set__(self, package: ModuleType, folder: ModuleType) -> None:
        """Leave the folder where `import` finds it: in `sys.modules`."""


class _Package(ModuleType):
    bench = _FunctionBesideFolder("bench")
    explain = _FunctionBesideFolder("explain")
    gradcheck = _FunctionBesideFolder("gradcheck")


sys.modules[__name__].__class__ = _Package
