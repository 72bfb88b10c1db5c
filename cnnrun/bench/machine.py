"""Describes the machine and the libraries that a figure was measured with."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import cnnrun
from cnnrun.engine.kernels import accelerated
from cnnrun.runs.environment import numpy_blas

__all__ = ["describe_machine"]


def describe_machine(workers: int) -> dict[str, Any]:
    """Return processor, cores, workers and versions, as JSON takes them; numba's may be None."""
    affinity = getattr(os, "sched_getaffinity", None)
    blas = numpy_blas()
    return {
        "processor": _processor(),
        "cores": len(affinity(0)) if affinity else os.cpu_count() or 1,
        "workers": workers,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": accelerated.version(),
        "blas": " ".join(
            str(blas[key]) for key in ("internal_api", "version", "architecture") if blas.get(key)
        ),
        "cnnrun": cnnrun.__version__,
    }


def _processor() -> str:
    """Return the processor's name, where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
