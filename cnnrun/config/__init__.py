"""The configuration language: YAML text in, validated experiments out."""

from cnnrun.config.arrays import read_arrays
from cnnrun.config.checking import check_data
from cnnrun.config.data_list import ListedData, list_data
from cnnrun.config.data_templates import DataStart, init_data
from cnnrun.config.description import describe_data, draw_data
from cnnrun.config.experiment import EarlyStopping, Experiment, TrainOptions, metrics_named
from cnnrun.config.export import export_samples
from cnnrun.config.keys import keys_meant_in, keys_of, read_config_tree
from cnnrun.config.loading import (
    build_network,
    load_experiment,
    named_dataset,
    read_dataset,
    read_layer,
)
from cnnrun.config.metrics import METRICS, MetricName, metrics_of, require_metric
from cnnrun.config.plugin_faults import describe_fault
from cnnrun.config.plugins import (
    OWN_PLUGINS,
    Plugin,
    load_plugin,
    load_plugins,
    loaded_plugins,
)
from cnnrun.config.resolved import dump_yaml, to_dict
from cnnrun.config.schema import json_schema
from cnnrun.config.templates import init_experiment, init_layer, init_plugin

__all__ = [
    "METRICS",
    "OWN_PLUGINS",
    "DataStart",
    "EarlyStopping",
    "Experiment",
    "ListedData",
    "MetricName",
    "Plugin",
    "TrainOptions",
    "build_network",
    "check_data",
    "describe_data",
    "describe_fault",
    "draw_data",
    "dump_yaml",
    "export_samples",
    "init_data",
    "init_experiment",
    "init_layer",
    "init_plugin",
    "json_schema",
    "keys_meant_in",
    "keys_of",
    "list_data",
    "load_experiment",
    "load_plugin",
    "load_plugins",
    "loaded_plugins",
    "metrics_named",
    "metrics_of",
    "named_dataset",
    "read_arrays",
    "read_config_tree",
    "read_dataset",
    "read_layer",
    "require_metric",
    "to_dict",
]
