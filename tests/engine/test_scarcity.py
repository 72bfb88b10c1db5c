"""Where the system gives no more threads, processes or memory, that is said, and nothing hangs."""

from __future__ import annotations

import errno
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from cnnrun.engine import Executor, Network, kernels
from cnnrun.engine.execution.shared_memory import can_fork
from cnnrun.engine.kernels import accelerated
from cnnrun.engine.layers import BatchNorm, Dense, Flatten
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.errors import WorkerError

LAYERS = [BatchNorm.Config(), Flatten.Config(), Dense.Config(3)]
X, LABELS = np.ones((8, 2, 2, 1), np.float32), np.zeros(8, np.int64)


@pytest.fixture(params=[0])
def convolution_method(request):
    """These tests need no variants of the kernels."""


def test_shards_that_wait_for_one_that_gets_no_thread_are_let_go(monkeypatch):
    submit = ThreadPoolExecutor.submit

    def submit_two(pool, run, place):
        if place == 2:
            raise RuntimeError("can't start new thread")
        return submit(pool, run, place)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit_two)
    network = Network(LAYERS, (2, 2, 1))
    with (
        Executor(network, SoftmaxCrossEntropy(), shard_size=2) as executor,
        pytest.raises(WorkerError, match=r"for each of 4 shards .can't start new thread"),
    ):
        executor.step(X, LABELS, seed=0, step=0)


@pytest.mark.skipif(not can_fork(), reason="workers are threads here")
def test_a_worker_process_that_cannot_be_started_is_said_so(monkeypatch):
    def start(process):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(multiprocessing.get_context("fork").Process, "start", start)
    network = Network(LAYERS, (2, 2, 1))
    with (
        Executor(network, SoftmaxCrossEntropy(), workers=2, shard_size=4) as executor,
        pytest.raises(WorkerError, match=r"no worker process can be started .Resource"),
    ):
        executor.step(X, LABELS, seed=0, step=0)


@pytest.mark.parametrize(
    "said", [OSError("Could not find/load libllvmlite.so"), SystemError("error"), MemoryError()]
)
def test_numpy_computes_where_numba_finds_no_room_to_load_its_library(monkeypatch, said):
    name = "cnnrun.engine.kernels.compiled"

    class Finder:
        def find_spec(self, module: str, *_: object) -> ModuleSpec | None:
            if module == name:
                raise said
            return None

    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    accelerated.kernels.cache_clear()
    try:
        assert accelerated.kernels() is None
        assert accelerated.version() is None
    finally:
        accelerated.kernels.cache_clear()
