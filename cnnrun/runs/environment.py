"""What a run's result and speed may depend on: commit, versions, processor, number of workers."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

import cnnrun
from cnnrun.engine.kernels import accelerated

__all__ = ["ROUNDS", "default_workers", "earlier_environments", "environment", "now", "numpy_blas"]

ROUNDS = ("versions", "source_sha256", "blas_kernel", "cpu", "cpu_features")
"""What may change how sums are rounded."""

MOST_WORKERS = 32
"""The default never exceeds this: each worker takes memory, and few batches have more shards."""


def default_workers() -> int:
    """Return the number of processors this process may use, 32 at most."""
    affinity = getattr(os, "sched_getaffinity", None)  # which not every system has
    available = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(available, MOST_WORKERS)


def now() -> str:
    """Return the time as ISO 8601, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment() -> dict[str, Any]:
    """Return what the result may depend on besides the configuration."""
    blas = numpy_blas()
    return {
        "git": _git(),
        "versions": {
            "cnnrun": cnnrun.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            **({"numba": numba} if (numba := accelerated.version()) else {}),
            "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version') or ''}".strip(),
        },
        "source_sha256": _source(),
        "blas_kernel": blas.get("architecture"),
        "cpu": _cpu(),
        "cpu_features": _cpu_features(),
        "platform": platform.platform(),
    }


def numpy_blas() -> dict[str, Any]:
    """Return what threadpoolctl knows of NumPy's BLAS; nothing where it knows none.

    SciPy, which numba loads, brings another one, and either may come first.
    """
    known = [info for info in threadpool_info() if info.get("user_api") == "blas"]
    own = [info for info in known if "numpy" in Path(info.get("filepath") or "").parent.name]
    return dict(next(iter(own + known), {}))


def earlier_environments(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what computed parts of a run that goes on elsewhere, as its record keeps it.

    Args:
        before: the record so far.
        now: the environment in which it goes on.
    """
    last = {key: before[key] for key in ROUNDS if key in before}
    moved = any(value != now.get(key) for key, value in last.items())
    return [*before.get("earlier_environments", []), *([last] if moved else [])]


def _git() -> dict[str, Any] | None:
    """Return the commit of the working directory's repository, and whether it has changes."""
    try:
        commit, status = (
            subprocess.run(
                ["git", "--no-optional-locks", *arguments],  # a kill would leave a lock
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": bool(status)}


@cache
def _source() -> str:
    """Return a digest of this package's own code, which tells changes that no version does."""
    digest, package = hashlib.sha256(), Path(cnnrun.__file__).parent
    for file in sorted(package.rglob("*.py")):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode())
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _cpu_features() -> list[str]:
    """Return what NumPy chooses its loops by; nothing where it does not tell."""
    for core in ("numpy._core", "numpy.core"):
        try:
            features = import_module(f"{core}._multiarray_umath").__cpu_features__
        except (ImportError, AttributeError):
            continue
        return [name for name, there in features.items() if there]
    return []


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
