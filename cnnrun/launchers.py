"""Whether mpiexec, or another launcher, has started this process as one of several ranks."""

from __future__ import annotations

import os

__all__ = ["NEIGHBOURS", "RANKS", "SIZES", "is_ranked"]

RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")
"""The environment variables by which MPICH, PMIx and Open MPI tell a process its rank."""

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
"""Those that tell how many there are; a single task of Slurm's is no MPI job."""

NEIGHBOURS = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE")
"""Those that tell how many are on this machine."""


def is_ranked() -> bool:
    """Return whether this process is one of several ranks."""
    is_alone = any(os.environ.get(name) == "1" for name in SIZES)
    return any(name in os.environ for name in RANKS) and not is_alone
