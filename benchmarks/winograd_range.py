"""How far Winograd's float32 rounding shows on images whose values span a wide range.

python benchmarks/winograd_range.py
"""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels import columns, winograd

SHAPE = (2, 64, 64, 8)


def images(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return images by what they are like."""
    plain = np.abs(rng.standard_normal(SHAPE))
    sixteen_bits = np.minimum(np.exp(rng.normal(6, 1.5, SHAPE)), 65535)
    ct = np.where(rng.random(SHAPE) < 0.4, -1000, rng.normal(40, 30, SHAPE))
    ct[:, 20:24, 20:24], ct[:, 40, 40] = 1200, 3071  # bone, and metal
    bright_row, bright_pixel = plain.copy(), plain.copy()
    bright_row[:, 0] *= 1e4
    bright_pixel[0, 30, 30] = 1e6
    return {
        "activations": plain,
        "16 bits, raw": sixteen_bits,
        "16 bits, standardised": (sixteen_bits - sixteen_bits.mean()) / sixteen_bits.std(),
        "CT-like, raw": ct,
        "CT-like, standardised": (ct - ct.mean()) / ct.std(),
        "one row 10,000 times as bright": bright_row,
        "one pixel of 1e6": bright_pixel,
    }


def main() -> None:
    """Print a row for each kind of image."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((3, 3, 8, 16)) / 8
    window = Window.fit(SHAPE[1:3], (3, 3), padding="same")
    print("images                           largest/median   direct   Winograd   (error/median y)")
    for name, x in images(rng).items():
        outputs = []
        for kernels, dtype in ((columns, "f8"), (columns, "f4"), (winograd, "f4")):
            y = np.empty((*SHAPE[:3], w.shape[3]), dtype)
            kernels.convolve(x.astype(dtype), w.astype(dtype), window, y, Context().buffer)
            outputs.append(y)
        exact = outputs[0]
        direct, fast = (np.abs(y - exact).max() / np.median(np.abs(exact)) for y in outputs[1:])
        ratio = np.abs(x).max() / np.median(np.abs(x))
        print(f"{name:32} {ratio:14,.0f}  {direct:7.0e}    {fast:7.0e}")


if __name__ == "__main__":
    main()
