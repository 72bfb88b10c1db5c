"""`data check`: copies to the pixel and nearly, contradictions, blank images, missing classes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnrun
from cnnrun.data import DATASETS, Split
from cnnrun.data.checks import Pool, check_classes, check_copies
from cnnrun.data.checks.likeness import likeness
from cnnrun.data.checks.search import close_pairs
from cnnrun.data.checks.signatures import reduced, spectra

RNG = np.random.default_rng(0)
MNIST = DATASETS.get("mnist5k")().load(Path()).train
BREAST = Path(__file__).parents[3] / "shared" / "data" / "breastmnist.npz"
NAMES = tuple("0123456789")


def check(task="classification", names=NAMES, **splits):
    """Return the findings about copies in splits of (images, labels)."""
    parts = {name: Split(np.asarray(x), np.asarray(y)) for name, (x, y) in splits.items()}
    return check_copies(Pool(parts, task, names))


def digits(*indices):
    """Return images of MNIST with their labels."""
    return MNIST.images[[*indices]], MNIST.labels[[*indices]]


def levels(pixels):
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def compressed(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(file, "JPEG", quality=85)
    with Image.open(file) as image:
        return np.asarray(image)[..., None]


NEAR = {
    "brighter": lambda x: levels(x.astype(float) + 20),
    "of less contrast": lambda x: levels(x * 0.7 + 10),
    "moved down": lambda x: np.roll(x, 1, axis=0),
    "moved up and left": lambda x: np.roll(x, (-1, -1), axis=(0, 1)),
    "noisy": lambda x: levels(x + RNG.normal(0, 4, x.shape)),
    "compressed": compressed,
}
TURNED = {
    "mirrored": lambda x: x[:, ::-1],
    "upside down": lambda x: x[::-1, ::-1],
    "turned to the left": np.rot90,
    "turned and mirrored": lambda x: np.rot90(x)[::-1],
}


@pytest.mark.parametrize("change", [*NEAR, *TURNED])
def test_planted_copies_are_told_from_other_images(change):
    images, labels = MNIST.images[:300], MNIST.labels[:300]
    chosen = RNG.choice(300, 20, replace=False)
    copies = np.stack([{**NEAR, **TURNED}[change](image) for image in images[chosen]])
    (finding,) = check(train=(images, labels), test=(copies, labels[chosen]))
    assert (finding.severity, finding.kind) == (
        ("error", "near_copies_across") if change in NEAR else ("warning", "turned_copies_across")
    )
    pairs = {(pair.first.index, pair.second.index) for pair in finding.pairs}
    assert pairs == set(zip(chosen.tolist(), range(20), strict=True))


def test_copies_to_the_pixel_are_told_with_the_image_that_is_in_train():
    findings = check(train=digits(0, 1, 2, 0, 0), val=digits(3, 1), test=digits(4, 0, 3))
    assert {finding.message: [*map(str, finding.pairs)] for finding in findings} == {
        "3 images of train with a copy to the pixel in the same split": [
            "train 0 = train 3  (0)", "train 0 = train 4  (0)",
        ],
        "1 image of val with a copy to the pixel in train": ["train 1 = val 1  (0)"],
        "1 image of test with a copy to the pixel in train": ["train 0 = test 1  (0)"],
        "1 image of test with a copy to the pixel in val": ["val 0 = test 2  (0)"],
    }  # fmt: skip
    severities = {finding.kind: finding.severity for finding in findings if finding.pairs}
    assert severities["copies"] == "warning"
    assert [finding.severity for finding in findings].count("error") == 2


@pytest.mark.parametrize(
    ("task", "labels", "conflicts"),
    [
        ("classification", [3, 3, 4], ["train 0 = train 2"]),
        ("multi_label", np.eye(10, dtype=np.float32)[[3, 3, 4]], ["train 0 = train 2"]),
        ("regression", np.array([[3], [3], [4]], np.float32), ["train 0 = train 2"]),
        ("image", MNIST.images[:3], []),
    ],
)
def test_the_same_image_with_two_labels_is_an_error_where_labels_say_what_it_is(
    task, labels, conflicts
):
    findings = check(task, train=(MNIST.images[[7, 7, 7]], labels))
    told = [finding for finding in findings if finding.kind == "conflicting_labels"]
    assert [str(pair).split("  ")[0] for finding in told for pair in finding.pairs] == conflicts
    assert all(finding.severity == "error" for finding in told)
    assert str(findings[0].pairs[0]).count("3") == (0 if task == "image" else 1)


def test_a_digit_upside_down_may_have_another_label():
    image = MNIST.images[MNIST.labels == 6][:1]
    findings = check(train=(image, [6]), test=(image[:, ::-1, ::-1], [9]))
    assert [finding.kind for finding in findings] == ["turned_copies_across"]


def test_blank_images_are_told_and_are_nobodys_copies():
    blank = np.stack([np.zeros((28, 28, 1), np.uint8), np.full((28, 28, 1), 9, np.uint8)])
    blank = np.concatenate([blank, blank[:1]])
    blank[1, 3, 3] = 10
    images = np.concatenate([MNIST.images[:5], blank])
    (finding,) = check(train=(images, np.zeros(8, int)))
    assert (finding.kind, finding.severity) == ("blank_images", "warning")
    assert [*map(str, finding.details)] == ["train 5", "train 6", "train 7"]


@pytest.mark.parametrize("shape", [(5, 40, 3, 1), (5, 9, 40, 3), (5, 100, 70, 3), (5, 28, 28, 4)])
def test_images_of_any_shape_and_range_are_compared(shape):
    images = RNG.uniform(0, 1, shape).astype(np.float32)
    images = reduced(images, -(-shape[1] // 3), -(-shape[2] // 3)).repeat(3, 1).repeat(3, 2)
    images = images[:, : shape[1], : shape[2]]
    splits = {
        "train": Split(images, np.arange(5), 1.0),
        "test": Split(np.concatenate([images[:1], images[1:2] * 0.9]), np.arange(2), 1.0),
    }
    kinds = [finding.kind for finding in check_copies(Pool(splits, "classification", NAMES))]
    assert kinds == ["copies_across", "near_copies_across"][: 1 if shape[2] == 3 else 2]


@pytest.mark.parametrize(("low", "high"), [(-1000.0, 400.0), (-255.0, 0.0), (-400.0, -100.0)])
def test_what_is_found_does_not_depend_on_which_pixels_mean_0_and_1(low, high):
    images = MNIST.images[:40]
    faint = levels(images[:1] + RNG.normal(0, 5, images[:1].shape))
    images = np.concatenate([images, faint, images[:1] * 0])
    scaled = low + images.astype(np.float32) / 255 * (high - low)
    labels = np.zeros(len(images), int)
    moved = Split(scaled, labels, maximum=high, minimum=low)
    told, expected = (
        check_copies(Pool({"train": split}, "classification", NAMES))
        for split in (moved, Split(images, labels))
    )
    assert [finding.kind for finding in expected] == ["near_copies", "blank_images"]
    assert [finding.message for finding in told] == [finding.message for finding in expected]
    read = Pool({"train": moved}, "classification", NAMES).read(np.arange(3))
    np.testing.assert_allclose(read, images[:3] / 255, atol=1e-5)


def test_images_of_other_colours_are_other_images():
    image = MNIST.images[:1].repeat(3, axis=3) * np.array([1, 0, 0], np.uint8)
    assert not check(train=(image, [0]), test=(image[..., ::-1], [0]))


def test_a_film_is_told_without_every_pair_of_its_pictures():
    film = levels(MNIST.images[:1] + RNG.normal(0, 3, (120, 28, 28, 1)))
    near, across, note = check(train=(film[:119], [0] * 119), test=(film[119:], [0]))
    kinds = {finding.kind: finding for finding in (near, across, note)}
    assert kinds.keys() == {"near_copies", "near_copies_across", "many_copies"}
    assert kinds["near_copies"].count == 119
    assert len(kinds["near_copies"].pairs) < 119 * 118 / 4
    assert kinds["near_copies_across"].count == 1


# ---- the parts


def test_close_vectors_are_found_as_by_comparing_all():
    points = RNG.normal(size=(3000, 40)).astype(np.float32) * np.linspace(1, 0.1, 40)
    points = points.astype(np.float32)
    distance = 3.0
    expected = {
        (i, j)
        for i in range(3000)
        for j in np.flatnonzero(np.linalg.norm(points[i + 1 :] - points[i], axis=1) < distance)
        + i
        + 1
    }
    blocks = [*close_pairs(points, distance)]
    pairs = np.sort(np.concatenate([np.stack(block, axis=1) for block in blocks]), axis=1)
    assert len(expected) > 50
    assert sorted(map(tuple, pairs.tolist())) == sorted(expected)
    assert not [*close_pairs(points[:1], distance)]


def test_the_look_hardly_changes_when_a_picture_is_moved_or_turned():
    images = MNIST.images[:50].astype(np.float32) / 255
    looks = spectra(images)
    np.testing.assert_allclose(np.linalg.norm(looks, axis=1), 1, rtol=1e-5)
    for change in (lambda x: x[:, ::-1], lambda x: np.rot90(x, axes=(1, 2)), lambda x: x * 0.5):
        np.testing.assert_allclose(spectra(change(images)), looks, atol=1e-4)
    moved = np.linalg.norm(spectra(np.roll(images, 1, axis=2)) - looks, axis=1)
    others = np.linalg.norm(looks[1:] - looks[:-1], axis=1)
    assert moved.max() < 0.13 < others.min()


def test_a_likeness_is_that_of_the_two_laid_over_each_other():
    first = RNG.uniform(0.2, 0.8, (1, 12, 12, 1)).astype(np.float32)
    noise = RNG.normal(0, 0.01, first.shape).astype(np.float32)
    like = likeness(first, first + noise)
    inside = (first[0, 1:-1, 1:-1], noise[0, 1:-1, 1:-1])
    assert like.difference[0] == pytest.approx(inside[1].std() / inside[0].std(), rel=0.1)
    assert like.alike[0]
    assert not like.turned[0]
    assert not likeness(first, 0.5 + 0.2 * (first - 0.5)).alike[0], "a shadow of it"
    assert not likeness(first, 1 - first).alike[0], "its negative"


def test_averaging_down_keeps_the_mean_of_every_cell():
    image = np.arange(24.0).reshape(1, 4, 6, 1)
    np.testing.assert_allclose(
        reduced(image, 2, 3)[0, :, :, 0], [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
    )
    assert reduced(image, 3, 4).mean() == pytest.approx(image.mean(), rel=0.1)
    assert reduced(image, 4, 6).shape == image.shape


# ---- classes


def test_missing_and_rare_classes_and_imbalance_are_told():
    labels = np.repeat([0, 1, 3], [60, 20, 3])
    blank = np.zeros((len(labels), 2, 2, 1), np.uint8)
    splits = {"train": Split(blank, labels), "test": Split(blank, labels % 2 * 2)}
    findings = check_classes(Pool(splits, "classification", ("a", "b", "c", "d")))
    assert [(f.severity, f.message, f.details) for f in findings] == [
        ("warning", "1 class of 4 without a sample in train", ("c",)),
        ("note", "1 class with fewer than 5 samples in train", ("d: 3",)),
        (
            "note",
            "the largest class of train has 20 times the samples of the smallest",
            ("a: 60", "d: 3"),
        ),
        ("warning", "2 classes of 4 without a sample in test", ("b", "d")),
    ]
    several = Split(blank, np.eye(4, dtype=np.float32)[labels])
    assert check_classes(Pool({"train": several}, "multi_label", tuple("abcd"))) == findings[:3]
    assert not check_classes(Pool(splits, "image", ()))


# ---- real sets


@pytest.mark.parametrize("name", ["mnist5k", "digits"])
def test_nothing_is_reported_of_the_bundled_sets(name):
    check = cnnrun.check_data(name)
    assert check.passed
    assert check.findings == ()
    assert [*check.samples] == ["train", "val", "test"]


@pytest.mark.skipif(not BREAST.is_file(), reason="needs breastmnist.npz")
def test_a_test_image_of_breastmnist_is_in_train(tmp_path):
    config = tmp_path / "breast.yaml"
    config.write_text(f"""
data: {{dataset: {{npz: {{path: {BREAST}, class_names: [malignant, benign]}}}}}}
network: [flatten, {{dense: {{units: classes}}}}]
optimizer: sgd
train: {{epochs: 1}}
""")
    check = cnnrun.check_data(config)
    assert not check.passed
    assert check.samples == {"train": 546, "val": 78, "test": 156}
    (exact,) = [finding for finding in check.findings if finding.kind == "copies_across"]
    assert [*map(str, exact.pairs)] == ["train 115 = test 76  (malignant / benign)"]
    near = {str(pair).split("  ")[0] for finding in check.findings for pair in finding.pairs}
    assert {"train 481 ~ test 7", "train 228 ~ train 371", "train 488 ~ val 76"} <= near


def test_pairs_across_blocks_are_found():
    vectors = np.random.default_rng(3).normal(size=(1300, 3)).astype(np.float32)
    squares = np.square(vectors[:, None] - vectors).sum(axis=2)
    i, j = np.nonzero(np.triu(squares < 0.3**2, 1))
    assert len(i) > 1000
    pairs = [np.sort(np.column_stack(part), axis=1) for part in close_pairs(vectors, 0.3)]
    close = {tuple(pair) for part in pairs for pair in part.tolist()}
    assert close == set(zip(i.tolist(), j.tolist(), strict=True))
