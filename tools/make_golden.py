"""Makes tests/golden/convolution.npz and pooling.npz: what PyTorch computes, in float64.

Run `python tools/make_golden.py` where PyTorch is installed, after the geometries have changed.
"""

import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))


def main():
    import torch
    import yardstick
    from geometries import CONVOLUTIONS, POOLINGS

    print(f"PyTorch {torch.__version__}")
    for name, cases in (("convolution", CONVOLUTIONS), ("pooling", POOLINGS)):
        arrays = {}
        for case in cases:
            drawn = case.draw()
            found = yardstick.run(case.layer, drawn, case.options)
            arrays |= {f"{case}/{key}": array for key, array in {**drawn, **found}.items()}
        path = TESTS / "golden" / f"{name}.npz"
        np.savez_compressed(path, **arrays)
        print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
