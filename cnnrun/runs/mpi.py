"""The ranks of an MPI job: `mpiexec -n N cnnrun train FILE`.

mpi4py is imported only in a process that mpiexec has started: of all others, importing it would
make an MPI job of one, and take time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import WorkerError
from cnnrun.launchers import NEIGHBOURS, is_ranked
from cnnrun.runs.team import RankedTeam, Team

__all__ = ["abort", "join_team"]

YIELDING = ("MPIR_CVAR_POLLS_BEFORE_YIELD", "1")
"""Lets a rank of MPICH that waits leave its processor to others at once: where there are more ranks
than processors a step took half the time."""

PATIENCE = 0.01
"""Seconds between two looks whether the leader has come, which may check the network before."""


def join_team() -> Team:
    """Return who trains: this process alone, or with the other ranks of its MPI job.

    Raises:
        WorkerError: it is in one, and mpi4py is missing.
    """
    if not is_ranked():
        return Team()
    communicator = _world()
    return RankedTeam(MPIRanks(communicator)) if communicator.Get_size() > 1 else Team()


def abort(code: int) -> NoReturn:
    """End all ranks of the job with an exit code; this one has joined them before."""
    _world().Abort(code)
    os._exit(code)


def _world() -> Any:
    os.environ.setdefault(*YIELDING)
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise WorkerError(
            f"this process was started as a rank of an MPI job, which needs mpi4py and an MPI "
            f"library ({error}): pip install 'cnnrun[mpi]'"
        ) from None
    return MPI.COMM_WORLD


class MPIRanks:
    """The ranks of a communicator of mpi4py."""

    def __init__(self, communicator: Any) -> None:
        self._world = communicator
        self.rank, self.size = int(communicator.Get_rank()), int(communicator.Get_size())
        told = next((os.environ[name] for name in NEIGHBOURS if name in os.environ), "")
        self.neighbours = int(told) if told.isdecimal() else 1

    def gather(self, row: Array, sizes: Sequence[int]) -> Array:
        """Return the rows of all ranks, one behind the other."""
        rows = np.empty(sum(sizes), row.dtype)
        self._world.Allgatherv(row, [rows, sizes])
        return rows

    def exchange(
        self, row: Array, sent: Sequence[int], into: Array, received: Sequence[int]
    ) -> None:
        """Send a part of a row to each rank, and write what each sends here `into` another."""
        self._world.Alltoallv([row, sent], [into, received])

    def broadcast(self, value: Any) -> Any:
        """Return what the first rank gives."""
        arrival = self._world.Ibarrier()
        while not arrival.Test():
            time.sleep(PATIENCE)
        return self._world.bcast(value)

    def collect(self, value: Any) -> list[Any]:
        """Return what every rank gives."""
        return list(self._world.allgather(value))
