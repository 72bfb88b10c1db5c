"""Data sets: where images come from, and how they become batches."""

from cnnrun.data import sources
from cnnrun.data.ahead import Feed, feed
from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    Task,
    has_labels,
)
from cnnrun.data.image_files import load_images
from cnnrun.data.images import Fit, write_image
from cnnrun.data.indices import Indices, read_indices
from cnnrun.data.ordering import epoch_order
from cnnrun.data.pipeline import DataOptions, PreparedData, prepare
from cnnrun.data.samples import Samples, Statistics
from cnnrun.data.transforms import TRANSFORMS, Transform

__all__ = [
    "DATASETS",
    "TRANSFORMS",
    "DataOptions",
    "Dataset",
    "DatasetInfo",
    "DatasetSource",
    "Feed",
    "Fit",
    "Indices",
    "PreparedData",
    "Samples",
    "Split",
    "Statistics",
    "Task",
    "Transform",
    "epoch_order",
    "feed",
    "has_labels",
    "load_images",
    "prepare",
    "read_indices",
    "sources",
    "write_image",
]
