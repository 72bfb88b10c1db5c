"""The README's main job, configs/lenet_mnist5k.yaml, as a PyTorch user would write it.

The same network, data, split sizes, augmentation, optimizer, schedule, batches and epochs, with a
validation pass every epoch, checkpoints and a final test. Prints the test accuracy.

    python benchmarks/torch_lenet.py OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

DATA = Path(__file__).parents[1] / "cnnrun" / "data" / "bundled" / "mnist5k.npz"
EPOCHS, BATCH = 10, 64


class Digits(Dataset):
    """Normalised images with labels, moved by up to a pixel where they are trained on."""

    def __init__(self, images, labels, augment=False):
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.augment:
            down, right = torch.randint(-1, 2, (2,)).tolist()
            padded = nn.functional.pad(image, (1, 1, 1, 1), value=float(image.min()))
            image = padded[:, 1 - down : 29 - down, 1 - right : 29 - right]
        return image, self.labels[index]


def load():
    """Return the training, validation and test sets."""
    with np.load(DATA) as data:
        images = torch.from_numpy(data["train_images"]).permute(0, 3, 1, 2).float() / 255
        labels = torch.from_numpy(data["train_labels"].astype(np.int64))
        test = torch.from_numpy(data["test_images"]).permute(0, 3, 1, 2).float() / 255
        test_labels = torch.from_numpy(data["test_labels"].astype(np.int64))
    order = torch.randperm(len(images))
    train, val = order[400:], order[:400]
    mean, deviation = images[train].mean(), images[train].std()
    images, test = (images - mean) / deviation, (test - mean) / deviation
    return (
        Digits(images[train], labels[train], augment=True),
        Digits(images[val], labels[val]),
        Digits(test, test_labels),
    )


def accuracy(model, data):
    """Return the share of right answers."""
    model.eval()
    with torch.no_grad():
        right = sum(
            int((model(x).argmax(1) == y).sum()) for x, y in DataLoader(data, batch_size=256)
        )
    return right / len(data)


def main(folder):
    """Train, keep the best weights by validation, and test."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    train, val, test = load()
    model = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip
    loader = DataLoader(train, batch_size=BATCH, shuffle=True)
    steps = len(loader)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)

    def factor(step):
        if step < steps:
            return (step + 1) / steps
        return (1 + cos(pi * (step - steps) / (steps * (EPOCHS - 1)))) / 2

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    best = 0.0
    for epoch in range(EPOCHS):
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
    main(Path(sys.argv[1]))
