"""Makes tests/golden/other_layers.npz with PyTorch.

pip install torch
python tools/make_golden_layers.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "engine"), str(TESTS)]

from test_other_layers_parity import CASES, GOLDEN, run_in_torch  # noqa: E402

arrays = {f"{name}:{key}": v for name in CASES for key, v in run_in_torch(name).items()}
np.savez_compressed(GOLDEN, **arrays)
print(f"{GOLDEN.name}: {len(arrays)} arrays, {GOLDEN.stat().st_size} bytes")
