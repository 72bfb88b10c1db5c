"""cnnrun: convolutional networks from YAML files, on a backprop engine that can be read."""

__all__ = ["__version__"]

__version__ = "0.1.0"
