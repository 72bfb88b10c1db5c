"""Where data sets come from; importing this package registers every source."""

from cnnrun.data.sources.bundled import Digits, Mnist5k
from cnnrun.data.sources.cifar import Cifar
from cnnrun.data.sources.idx import Idx
from cnnrun.data.sources.image_folder import ImageFolder
from cnnrun.data.sources.npz import Npz
from cnnrun.data.sources.synthetic import Synthetic

__all__ = ["Cifar", "Digits", "Idx", "ImageFolder", "Mnist5k", "Npz", "Synthetic"]
