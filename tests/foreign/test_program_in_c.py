"""The example in C, where there is a compiler: right, wrong in three ways, failing in four."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

import cnnrun
from cnnrun.foreign.inputs import read_inputs
from cnnrun.foreign.planning import plan_function
from cnnrun.foreign.program import open_program

EXAMPLES = Path(__file__).parents[2] / "examples"
COMPILER = shutil.which("cc")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler (cc)")

FAILING = """
    #include <unistd.h>
    #include "npz.h"
    int main(int count, char **words) {
        if (HOW == 1) abort();
        if (HOW == 2) sleep(600);
        Npz in = npz_read(words[count - 2]), out = {0};
        Array *x = npz_get(&in, "x");
        double *y = npz_add(&out, "y", x->ndim - (HOW == 3), x->shape + (HOW == 3));
        if (HOW == 4) y[0] = 0.0 / y[1];
        npz_write(&out, words[count - 1]);
        return 0;
    }
"""


def compiled(folder: Path, source: Path, *flags: str) -> str:
    """Return the command that runs a program, once it is compiled without a warning."""
    program = folder / "conv"
    strict = ["-O2", "-std=c99", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
    own = ["-D_POSIX_C_SOURCE=200809L", f"-I{EXAMPLES}", *flags]
    subprocess.run([COMPILER, *strict, *own, "-o", program, source], check=True)
    return f"{program} {{input}} {{output}}"


def checked(command: str, **options):
    """Return the report on a convolution, and the number of starts."""
    inputs = read_inputs({"x": "2x3x5x5", "w": "2x3x3x3", "b": "2"})
    function, inputs = open_program(command, inputs, {"stride": 2, "pad": 1}, **options)
    check = plan_function(function, inputs)
    for _ in check.run():
        pass
    return check.report(), function.program.starts


def test_the_right_one_passes_in_few_starts(tmp_path):
    report, starts = checked(compiled(tmp_path, EXAMPLES / "conv.c"))
    assert report.verdict == "pass"
    sizes = {row.tensor: len(row.points[0][1].elements) for row in report.rows}
    assert sizes == {"x": 150, "w": 54, "b": 2}
    assert starts <= 30


@pytest.mark.parametrize(("mistake", "tensor"), [(1, "x"), (2, "x"), (3, "b")])
def test_a_mistake_is_found_and_localised(tmp_path, mistake, tensor):
    report, starts = checked(compiled(tmp_path, EXAMPLES / "conv.c", f"-DMISTAKE={mistake}"))
    assert {row.tensor for row in report.rows if row.verdict == "fail"} == {tensor}
    assert report.guilty.tensor == tensor
    assert starts <= 70


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (1, "conv crashes with SIGABRT: it gave up itself"),
        (2, "conv did not end within 0.5 s and was killed: does it wait for input"),
        (3, "conv writes y of shape (2, 3, 5, 5) for 1 point: its first axis has to be the points"),
        (4, "conv returns nan at [0, 0, 0, 0]"),
    ],
)
def test_a_program_that_fails_is_answered_in_words(tmp_path, how, words):
    source = tmp_path / "failing.c"
    source.write_text(FAILING)
    report, starts = checked(compiled(tmp_path, source, f"-DHOW={how}"), timeout=0.5)
    assert report.verdict == "fail"
    assert words in report.findings[0].message.replace("-nan", "nan")
    assert starts == 1


def test_what_numpy_writes_is_read_and_what_c_writes_numpy_reads(tmp_path):
    compiled(tmp_path, EXAMPLES / "conv.c")
    given = {"x": np.ones((1, 1, 1, 3, 3)), "w": np.ones((1, 1, 1, 3, 3)), "b": np.zeros((1, 1))}
    np.savez(tmp_path / "in.npz", stride=np.int64(1), pad=np.int64(1), **given)
    subprocess.run([tmp_path / "conv", tmp_path / "in.npz", tmp_path / "out.npz"], check=True)
    with np.load(tmp_path / "out.npz") as written:
        assert written["y"][0, 0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    with zipfile.ZipFile(tmp_path / "out.npz") as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("damage", ["cut", "compressed", "single"])
def test_the_reader_in_c_refuses_what_it_cannot_read(tmp_path, damage):
    compiled(tmp_path, EXAMPLES / "conv.c")
    path = tmp_path / "input.npz"
    arrays = {"x": np.zeros((1, 1, 1, 3, 3), np.float32 if damage == "single" else np.float64)}
    (np.savez_compressed if damage == "compressed" else np.savez)(path, **arrays)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:60])
    done = subprocess.run(
        [tmp_path / "conv", path, tmp_path / "out.npz"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert {"cut": "cut short", "compressed": "compressed", "single": "neither float64"}[
        damage
    ] in done.stderr


def test_a_program_is_like_a_layer_with_the_stride_of_its_constants(tmp_path):
    command = compiled(tmp_path, EXAMPLES / "conv.c", "-DMISTAKE=2")
    sizes = read_inputs({"x": "2x3x5x5", "w": "2x3x3x3", "b": "2"})
    function, inputs = open_program(command, sizes, {"stride": 2, "pad": 1})
    report = cnnrun.gradcheck(function, inputs=inputs, like="conv2d")
    assert "the stride is ignored in dx" in str(report.diagnosis)
