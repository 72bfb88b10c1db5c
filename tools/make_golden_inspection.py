"""Makes tests/golden/inspection.npz with PyTorch.

pip install torch
python tools/make_golden_inspection.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "inspection")]

from test_capture import GOLDEN, NETWORKS, OBJECTIVES, in_torch  # noqa: E402

arrays = {
    f"{name}:{objective}:{key}": array
    for name in NETWORKS
    for objective in OBJECTIVES
    for key, array in in_torch(name, objective).items()
}
np.savez_compressed(GOLDEN, **arrays)
print(f"{GOLDEN.name}: {len(arrays)} arrays, {GOLDEN.stat().st_size} bytes")
