"""Whole trainings of cnnrun as a PyTorch user would write them, to be timed beside ours.

The same network, data, split sizes, augmentation, optimizer, schedule, batches and epochs as
configs/lenet_mnist5k.yaml or configs/fashion_mnist.yaml, with a validation pass every epoch,
checkpoints and a final test. Prints the test accuracy.

    python benchmarks/torch_training.py lenet_mnist5k|fashion_mnist OUTPUT_FOLDER [EPOCHS]
"""

from __future__ import annotations

import gzip
import sys
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

MNIST5K = Path(__file__).parents[1] / "cnnrun" / "data" / "bundled" / "mnist5k.npz"
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # of Debian's dataset-fashion-mnist
EPOCHS, BATCH = 10, 64


class Images(Dataset):
    """Normalised images with labels, changed by `augment` where they are trained on."""

    def __init__(self, images, labels, augment=None):
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        return self.augment(image) if self.augment else image, self.labels[index]


def shift(image):
    """Move an image by up to a pixel."""
    down, right = torch.randint(-1, 2, (2,)).tolist()
    padded = nn.functional.pad(image, (1, 1, 1, 1), value=float(image.min()))
    return padded[:, 1 - down : 29 - down, 1 - right : 29 - right]


def flip(image):
    """Mirror every second image."""
    return image.flip(2) if torch.rand(()) < 0.5 else image


def mnist5k():
    """Return images and labels for training, images and labels for the test."""
    with np.load(MNIST5K) as data:
        return tuple(
            data[f"{split}_{kind}"] for split in ("train", "test") for kind in ("images", "labels")
        )


def fashion_mnist():
    """Return the same of Fashion-MNIST."""

    def read(name, header):
        with gzip.open(FASHION_MNIST / f"{name}.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    return tuple(
        part
        for split in ("train", "t10k")
        for part in (
            read(f"{split}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1),
            read(f"{split}-labels-idx1-ubyte", 8),
        )
    )


def lenet():
    """Return the network and the optimizer of configs/lenet_mnist5k.yaml."""
    model = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip
    return model, torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)


def small():
    """Return those of configs/fashion_mnist.yaml."""
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return model, torch.optim.Adam(model.parameters(), lr=2e-3)


JOBS = {
    "lenet_mnist5k": (mnist5k, lenet, shift),
    "fashion_mnist": (fashion_mnist, small, flip),
}


def load(read, augment):
    """Return the training, validation and test sets."""
    images, labels, test, test_labels = (torch.from_numpy(array.copy()) for array in read())
    images, test = (part.permute(0, 3, 1, 2).float() / 255 for part in (images, test))
    labels, test_labels = labels.long(), test_labels.long()
    order = torch.randperm(len(images))
    held = len(images) // 10
    train, val = order[held:], order[:held]
    mean, deviation = images[train].mean(), images[train].std()
    images, test = (images - mean) / deviation, (test - mean) / deviation
    return (
        Images(images[train], labels[train], augment),
        Images(images[val], labels[val]),
        Images(test, test_labels),
    )


def accuracy(model, data):
    """Return the share of right answers."""
    model.eval()
    with torch.no_grad():
        right = sum(
            int((model(x).argmax(1) == y).sum()) for x, y in DataLoader(data, batch_size=256)
        )
    return right / len(data)


def main(job, folder, epochs):
    """Train, keep the best weights by validation, and test."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    read, build, augment = JOBS[job]
    train, val, test = load(read, augment)
    model, optimizer = build()
    loader = DataLoader(train, batch_size=BATCH, shuffle=True)
    steps = len(loader)

    def factor(step):
        if step < steps:
            return (step + 1) / steps
        return (1 + cos(pi * (step - steps) / (steps * max(1, epochs - 1)))) / 2

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    best = 0.0
    for epoch in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
        found = accuracy(model, val)
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(state, folder / "last.pt")
        if found > best:
            best = found
            torch.save(state, folder / "best.pt")
    model.load_state_dict(torch.load(folder / "best.pt")["model"])
    print(f"test accuracy {accuracy(model, test):.4f}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else EPOCHS)
