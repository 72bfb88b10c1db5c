"""The layers, one file each; importing this package registers every one that has a file here.

The names below are those that other modules import from here.
"""

from importlib import import_module
from pkgutil import iter_modules

from cnnrun.engine.layers.avg_pool2d import AvgPool2D
from cnnrun.engine.layers.batch_norm import BatchNorm
from cnnrun.engine.layers.concat import Concat
from cnnrun.engine.layers.conv2d import Conv2D
from cnnrun.engine.layers.conv2d_transpose import Conv2DTranspose
from cnnrun.engine.layers.dense import Dense
from cnnrun.engine.layers.depthwise_conv2d import DepthwiseConv2D
from cnnrun.engine.layers.dropout import Dropout
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.layers.elu import ELU
from cnnrun.engine.layers.flatten import Flatten
from cnnrun.engine.layers.gelu import GELU
from cnnrun.engine.layers.global_avg_pool2d import GlobalAvgPool2D
from cnnrun.engine.layers.layer_norm import LayerNorm
from cnnrun.engine.layers.leaky_relu import LeakyReLU
from cnnrun.engine.layers.max_pool2d import MaxPool2D
from cnnrun.engine.layers.relu import ReLU
from cnnrun.engine.layers.residual import Residual
from cnnrun.engine.layers.sigmoid import Sigmoid
from cnnrun.engine.layers.silu import SiLU
from cnnrun.engine.layers.softmax import Softmax
from cnnrun.engine.layers.softplus import Softplus
from cnnrun.engine.layers.tanh import Tanh
from cnnrun.engine.layers.upsample2d import Upsample2D

__all__ = [
    "ELU",
    "GELU",
    "AvgPool2D",
    "BatchNorm",
    "Concat",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Elementwise",
    "Flatten",
    "GlobalAvgPool2D",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2D",
    "ReLU",
    "Residual",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "Upsample2D",
]

for _module in iter_modules(__path__):  # a new layer costs its file, and no line here
    import_module(f"{__name__}.{_module.name}")
