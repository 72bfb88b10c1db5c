"""Broken configurations, with where the message must point and what it must say."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BROKEN", "GOOD", "Broken"]

GOOD = """\
name: good
seed: 1
data:
  dataset: digits
  validation: 0.1
network:
  - conv2d: {filters: 4, kernel_size: 3}
  - relu
  - max_pool2d: {pool_size: 2}
  - flatten
  - dense: {units: classes}
loss: softmax_cross_entropy
optimizer:
  sgd: {learning_rate: 0.05, momentum: 0.9}
schedule: constant
train:
  epochs: 2
  batch_size: 32
"""


@dataclass(frozen=True)
class Broken:
    """GOOD with `old` replaced by `new`.

    Attributes:
        place: `line:column` of the message; None where there is no such place.
        says: pieces of the message.
        shows_line: whether the message shows the line with a caret, as for what is not YAML.
    """

    name: str
    old: str
    new: str
    place: str | None
    says: tuple[str, ...]
    shows_line: bool = False

    @property
    def text(self) -> str:
        assert self.old in GOOD, self.name
        return GOOD.replace(self.old, self.new, 1)


BROKEN = [
    Broken("unknown section", "seed: 1", "sede: 1", "2:1", ("sede", "did you mean seed")),
    Broken("unknown layer", "- relu", "- rellu", "8:5", ("network[1]", "'rellu'", "relu")),
    Broken("unknown layer, nothing near", "- relu", "- wxyz", "8:5", ("'wxyz'", "known:")),
    Broken("unknown option", "filters: 4", "filter: 4", "7:14", ("filter", "did you mean filters")),
    Broken(
        "missing option",
        "filters: 4, ",
        "",
        "7:5",
        ("network[0].conv2d", "filters", "must be given"),
    ),
    Broken(
        "option of a bare layer", "- relu", "- relu: {slope: 1}", "8:12", ("slope", "no options")
    ),
    Broken(
        "text for a number", "filters: 4", "filters: four", "7:23", ("'four'", "whole number >= 1")
    ),
    Broken(
        "fraction for a whole number", "filters: 4", "filters: 4.5", "7:23", ("4.5", "whole number")
    ),
    Broken("boolean for a number", "filters: 4", "filters: true", "7:23", ("true", "whole number")),
    Broken("quoted number", "filters: 4", "filters: '4'", "7:23", ("'4'", "whole number")),
    Broken("zero filters", "filters: 4", "filters: 0", "7:23", ("0 is not", ">= 1")),
    Broken("negative stride", "kernel_size: 3}", "kernel_size: 3, stride: -1}", "7:50", ("-1",)),
    Broken(
        "list of three",
        "kernel_size: 3",
        "kernel_size: [3, 3, 3]",
        "7:39",
        ("[3, 3, 3]", "list of 2"),
    ),
    Broken(
        "wrong padding",
        "kernel_size: 3}",
        "kernel_size: 3, padding: sane}",
        "7:51",
        ("'sane'", "did you mean same"),
    ),
    Broken(
        "kernel does not fit",
        "kernel_size: 3",
        "kernel_size: 9",
        "7:5",
        ("network[0].conv2d", "kernel_size 9 does not fit an input of 8x8 (padding valid)"),
    ),
    Broken(
        "pool does not fit",
        "pool_size: 2",
        "pool_size: 7",
        "9:5",
        ("network[2].max_pool2d", "pool_size 7 does not fit an input of 6x6"),
    ),
    Broken(
        "groups do not divide",
        "kernel_size: 3}",
        "kernel_size: 3, groups: 3}",
        "7:5",
        ("groups 3",),
    ),
    Broken("dense on an image", "  - flatten\n", "", "10:5", ("network[3].dense", "flatten")),
    Broken(
        "conv after flatten",
        "  - flatten\n",
        "  - flatten\n  - conv2d: {filters: 2, kernel_size: 1}\n",
        "11:5",
        ("network[4].conv2d", "height x width x channels"),
    ),
    Broken(
        "wrong number of scores",
        "units: classes",
        "units: 7",
        "12:1",
        ("loss", "10 scores", "units: classes"),
    ),
    Broken(
        "units of another word",
        "units: classes",
        "units: clases",
        "11:20",
        ("'clases'", "did you mean classes"),
    ),
    Broken(
        "layer with two keys", "- relu", "- {relu: {}, tanh: {}}", "8:5", ("2 keys", "one layer")
    ),
    Broken("layer is a number", "- relu", "- 5", "8:5", ("name of one layer", "5")),
    Broken(
        "network is a mapping",
        "network:\n  - conv2d",
        "network:\n  conv2d",
        None,
        (),
        shows_line=True,
    ),
    Broken(
        "network is a word",
        GOOD[GOOD.index("network:") : GOOD.index("loss:")],
        "network: lenet\n",
        "6:10",
        ("network", "list of layers"),
    ),
    Broken(
        "network is empty",
        GOOD[GOOD.index("network:") : GOOD.index("loss:")],
        "network: []\n",
        "6:10",
        ("network", "is empty"),
    ),
    Broken(
        "unknown data set",
        "dataset: digits",
        "dataset: digit",
        "4:12",
        ("'digit'", "did you mean digits"),
    ),
    Broken(
        "data set without its path",
        "dataset: digits",
        "dataset: npz",
        "4:12",
        ("path", "must be given"),
    ),
    Broken(
        "missing file",
        "dataset: digits",
        "dataset: {npz: {path: nowhere.npz}}",
        "4:12",
        ("nowhere.npz", "no such file"),
    ),
    Broken(
        "missing folder",
        "dataset: digits",
        "dataset: {image_folder: {path: nowhere}}",
        "4:12",
        ("nowhere", "no such folder"),
    ),
    Broken("validation of all", "validation: 0.1", "validation: 1.0", "5:15", ("1.0", "< 1")),
    Broken(
        "unknown transform",
        "validation: 0.1",
        "augment: [{shfit: {pixels: 2}}]",
        "5:13",
        ("'shfit'", "did you mean shift"),
    ),
    Broken(
        "transform not in a list",
        "validation: 0.1",
        "augment: {shift: {pixels: 2}}",
        "5:12",
        ("list of transforms",),
    ),
    Broken(
        "unknown loss",
        "softmax_cross_entropy",
        "cross_entropy",
        "12:7",
        ("'cross_entropy'", "softmax_cross_entropy"),
    ),
    Broken("unknown optimizer", "sgd:", "sdg:", "14:3", ("'sdg'", "did you mean sgd")),
    Broken(
        "negative rate", "learning_rate: 0.05", "learning_rate: -0.05", "14:24", ("-0.05", "> 0")
    ),
    Broken(
        "infinite rate", "learning_rate: 0.05", "learning_rate: .inf", "14:24", (".inf", "finite")
    ),
    Broken(
        "rate is not a number", "learning_rate: 0.05", "learning_rate: .nan", "14:24", (".nan",)
    ),
    Broken(
        "rate too large for a number",
        "learning_rate: 0.05",
        "learning_rate: 1e999",
        "14:24",
        ("too large",),
    ),
    Broken(
        "nesterov without momentum",
        "momentum: 0.9",
        "nesterov: true",
        "14:40",
        ("nesterov", "momentum"),
    ),
    Broken("momentum of one", "momentum: 0.9", "momentum: 1", "14:40", ("1 is not", "< 1")),
    Broken(
        "unknown schedule",
        "schedule: constant",
        "schedule: cosin",
        "15:11",
        ("'cosin'", "did you mean cosine"),
    ),
    Broken(
        "epochs fall",
        "schedule: constant",
        "schedule: {multistep: {epochs: [5, 3]}}",
        "15:32",
        ("[5, 3]", "increase"),
    ),
    Broken("zero epochs", "epochs: 2", "epochs: 0", "17:11", ("0 is not", ">= 1")),
    Broken("off is a word", "epochs: 2", "epochs: off", "17:11", ("'off'",)),
    Broken("duplicate key", "seed: 1", "seed: 1\nseed: 2", "3:1", ("seed is given twice", "2:1")),
    Broken("merge key", "seed: 1", "seed: 1\n<<: {}", "3:1", ("merge keys",)),
    Broken("python tag", "seed: 1", "seed: !!python/object/apply:os.system [ls]", "2:7", ("tag",)),
    Broken(
        "unclosed bracket",
        "kernel_size: 3}",
        "kernel_size: 3",
        "7:13",
        (
            "not closed; } is missing",
            "\n  7 |   - conv2d: {filters: 4, kernel_size: 3\n    |             ^",
        ),
        shows_line=True,
    ),
    Broken("unclosed quote", "name: good", "name: 'good", "1:7", ("quote",), shows_line=True),
    Broken("tab", "  epochs: 2", "\tepochs: 2", "17:1", ("a tab",), shows_line=True),
    Broken("undefined alias", "seed: 1", "seed: *nothing", "2:7", ("alias",), shows_line=True),
    Broken("no colon", "seed: 1", "seed 1", "2:1", ("colon and a space",), shows_line=True),
    Broken("no colon, above", "name: good", "name good", "1:1", ("colon",), shows_line=True),
    Broken(
        "no space behind a colon", "  epochs: 2", "  epochs:2", "17:3", ("colon",), shows_line=True
    ),
    Broken("no space in braces", "filters: 4,", "filters:4,", "7:14", ("filters:4", "space")),
    Broken("no space behind a dash", "- conv2d", "-conv2d", "7:3", ("dash",), shows_line=True),
    Broken(
        "indented deeper",
        "  batch_size: 32",
        "   batch_size: 32",
        "18:4",
        ("deeper than line 17",),
        shows_line=True,
    ),
    Broken(
        "indented less",
        "  batch_size: 32",
        " batch_size: 32",
        "18:2",
        ("column 2", "one column"),
        shows_line=True,
    ),
    Broken("second colon", "name: good", "name: a: b", "1:8", ("second colon",), shows_line=True),
    Broken(
        "no comma",
        "filters: 4, kernel_size: 3",
        "filters: 4 kernel_size: 3",
        "7:36",
        ("comma",),
        shows_line=True,
    ),
    Broken(
        "bracket too many",
        "network:",
        "other: [1]]\nnetwork:",
        "6:11",
        ("no bracket is open",),
        shows_line=True,
    ),
    Broken("name with a slash", "name: good", "name: ../good", "1:7", ("'../good'", "letters")),
    Broken(
        "absurd size",
        "units: classes",
        "units: 1000000000000",
        "11:5",
        ("network[4].dense", "values"),
    ),
    Broken("huge whole number", "seed: 1", f"seed: {'9' * 5000}", "2:7", ()),
    Broken("negative seed", "seed: 1", "seed: -1", "2:7", ("-1", ">= 0")),
    Broken(
        "residual changes shape",
        "- relu",
        "- residual: {branch: [{conv2d: {filters: 8, kernel_size: 1}}]}",
        "8:5",
        ("network[1].residual", "shortcut"),
    ),
    Broken(
        "concat of two sizes",
        "- relu",
        "- concat: {branch: [{max_pool2d: {pool_size: 2}}]}",
        "8:5",
        ("network[1].concat", "agree in height and width"),
    ),
    Broken(
        "a skip of images that two does not divide",
        "- relu",
        "- max_pool2d: {pool_size: 2}\n  - concat: {branch: [{max_pool2d: {pool_size: 2}}, "
        "{conv2d_transpose: {filters: 1, kernel_size: 2, stride: 2}}]}",
        "9:5",
        ("network[2].concat", "3x3", "images of 7x7 or 10x10 fit"),
    ),
    Broken(
        "wrong layer in a branch",
        "- relu",
        "- residual: {branch: [relo]}",
        "8:25",
        ("network[1].residual.branch[0]", "'relo'"),
    ),
    Broken(
        "unknown initializer",
        "kernel_size: 3}",
        "kernel_size: 3, initializer: he}",
        "7:55",
        ("'he'", "he_normal"),
    ),
    Broken(
        "labels lost",
        "validation: 0.1",
        "validation: 0.1\n  targets: inputs",
        "13:1",
        ("loss", "softmax_cross_entropy takes labels", "targets: inputs", "mse"),
    ),
]
