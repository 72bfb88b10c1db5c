"""cnnrun: convolutional networks from YAML files, on a backprop engine that can be read."""

from typing import Any

__all__ = ["__version__", "gradcheck"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `gradcheck` when it is first asked for."""
    if name != "gradcheck":
        raise AttributeError(f"module 'cnnrun' has no attribute {name!r}")
    import cnnrun.gradcheck

    return cnnrun.gradcheck
