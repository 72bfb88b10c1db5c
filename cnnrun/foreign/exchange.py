"""The files through which a program under test gets its arrays and gives back its own.

They are `.npz` files as a few lines of C can read them: nothing is compressed, every array is
float64 or int64, little-endian, in C order.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError, excerpt
from cnnrun.foreign.function import FaultError

__all__ = ["flat_constants", "plain", "read_arrays", "write_arrays"]


def plain(array: Array) -> Array:
    """Return an array as float64 if it has fractions, else as int64: little-endian, in C order."""
    return np.asarray(array, "<f8" if array.dtype.kind == "f" else "<i8", order="C")


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays by name; two calls with the same arrays write the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, plain(array), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())


def read_arrays(path: Path) -> dict[str, Array]:
    """Return what a program has written, never unpickling anything.

    Raises:
        FaultError: there is no file, or it cannot be read.
    """
    if not path.exists():
        raise FaultError("it wrote no file: write an .npz to the path given for {output}")
    try:
        with open(path, "rb") as file:
            loaded: Any = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise FaultError(
                    "it wrote one array without a name (.npy): write an .npz, which is a zip file "
                    "with an entry y.npy, dx.npy, ... for each array"
                )
            with loaded:
                return {name: np.asarray(loaded[name]) for name in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError) as error:
        problem: Exception = error
    except (MemoryError, zipfile.BadZipFile, zlib.error, SyntaxError) as error:
        problem = error
    size = path.stat().st_size if path.is_file() else 0
    raise FaultError(
        f"what it wrote ({size:,} bytes) is no .npz file: {excerpt(str(problem), 100)}; write a "
        "zip file whose entries are y.npy, dx.npy, ..., each with the header of a .npy file"
    )


def flat_constants(constants: Mapping[str, Any]) -> dict[str, Array]:
    """Return numbers and arrays by name; what is inside a dict is called `conv_param.stride`.

    Raises:
        ConfigError: one is neither a number nor an array of numbers.
    """
    flat: dict[str, Array] = {}
    for name, value in constants.items():
        if isinstance(value, Mapping):
            inner = flat_constants(value)
            flat.update({f"{name}.{key}": array for key, array in inner.items()})
            continue
        try:
            array = np.asarray(value)
        except ValueError:  # rows of several lengths
            array = np.asarray(None)
        if array.dtype.kind not in "biuf":
            raise ConfigError(
                f"constant {name}={excerpt(value)}: a program is handed numbers and arrays of "
                f"numbers; give a number instead, as in {name}=1, or leave it out"
            )
        flat[name] = plain(array)
    return flat
