"""Augmentation: random changes of training images that leave their label true."""

from cnnrun.data.transforms.base import TRANSFORMS, Transform
from cnnrun.data.transforms.geometric import Crop, HorizontalFlip, Rotate, Shift, VerticalFlip, Zoom
from cnnrun.data.transforms.pixels import BrightnessContrast, Cutout, GaussianNoise

__all__ = [
    "TRANSFORMS",
    "BrightnessContrast",
    "Crop",
    "Cutout",
    "GaussianNoise",
    "HorizontalFlip",
    "Rotate",
    "Shift",
    "Transform",
    "VerticalFlip",
    "Zoom",
]
