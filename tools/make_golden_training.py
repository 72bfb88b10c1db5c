"""Makes tests/golden/training.npz: the weights after 50 steps of PyTorch.

pip install torch
python tools/make_golden_training.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS / "engine"))

from test_training_parity import GOLDEN, OPTIMIZERS, train_in_torch  # noqa: E402

arrays = {f"{name}/{k}": v for name in OPTIMIZERS for k, v in train_in_torch(name).items()}
np.savez_compressed(GOLDEN, **arrays)
print(f"{GOLDEN.name}: {len(arrays)} arrays, {GOLDEN.stat().st_size} bytes")
