"""The configuration language: YAML text in, validated experiments out."""

from cnnrun.config.arrays import read_arrays
from cnnrun.config.experiment import Experiment, TrainOptions
from cnnrun.config.loading import build_network, load_experiment, read_layer
from cnnrun.config.plugins import load_installed_plugins, load_plugin
from cnnrun.config.resolved import dump_yaml, to_dict
from cnnrun.config.schema import json_schema

__all__ = [
    "Experiment",
    "TrainOptions",
    "build_network",
    "dump_yaml",
    "json_schema",
    "load_experiment",
    "load_installed_plugins",
    "load_plugin",
    "read_arrays",
    "read_layer",
    "to_dict",
]
