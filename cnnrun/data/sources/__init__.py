"""Where data sets come from; importing this package registers every source."""

from cnnrun.data.sources.bundled import Digits, Mnist5k
from cnnrun.data.sources.cifar import Cifar
from cnnrun.data.sources.cifar_sets import Cifar10, Cifar100
from cnnrun.data.sources.csv import Csv
from cnnrun.data.sources.idx import Idx
from cnnrun.data.sources.image_folder import ImageFolder
from cnnrun.data.sources.image_pairs import ImagePairs
from cnnrun.data.sources.medmnist import MedMnist
from cnnrun.data.sources.mnist import FashionMnist, Kmnist, Mnist
from cnnrun.data.sources.npz import Npz
from cnnrun.data.sources.synthetic import Synthetic

__all__ = [
    "Cifar",
    "Cifar10",
    "Cifar100",
    "Csv",
    "Digits",
    "FashionMnist",
    "Idx",
    "ImageFolder",
    "ImagePairs",
    "Kmnist",
    "MedMnist",
    "Mnist",
    "Mnist5k",
    "Npz",
    "Synthetic",
]
