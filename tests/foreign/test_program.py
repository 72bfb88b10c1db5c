"""Programs as functions under test: the protocol, and every way of breaking it, in words."""

from __future__ import annotations

import os
import shlex
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.errors import ConfigError
from cnnrun.foreign.exchange import flat_constants, read_arrays, write_arrays
from cnnrun.foreign.function import FaultError
from cnnrun.foreign.inputs import read_inputs
from cnnrun.foreign.planning import plan_function
from cnnrun.foreign.program import open_program

SCRIPT = """
import os, sys, time
mode, source, target = sys.argv[1:]
if mode == "abort": os.abort()
if mode == "kill": os.kill(os.getpid(), 9)
if mode == "fail": sys.stderr.write("reading\\ncannot allocate w\\n\\n"); sys.exit(3)
if mode == "hang": print("waiting", flush=True); time.sleep(600)
if mode == "nothing": sys.exit(0)
if mode == "garbage": open(target, "wb").write(b"PK\\3\\4 and no more"); sys.exit(0)
if mode == "child":
    import subprocess
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(os.environ["NOTED"], "w").write(str(child.pid))
    time.sleep(600)
import numpy as np
given = np.load(source)
x, a = given["x"], given["a"]
out = {"y": a * np.sin(x)}
if "dy" in given: out["dx"] = a * np.cos(x) * given["dy"]
if mode == "npy": np.save(open(target, "wb"), x); sys.exit(0)
if mode == "single": out["y"] = out["y"].astype(np.float32)
if mode == "nan": out["y"][0, 1] = np.nan
if mode == "one": out["y"] = out["y"][0]
if mode == "unnamed": out = {"out": out["y"]}
if mode == "nodx": out.pop("dx", None)
if mode == "shape" and "dy" in given: out["dx"] = out["dx"].sum(axis=-1)
if mode == "lonely" and "dy" in given: out["dx"] = out["dx"][0]
if mode == "nandx" and "dy" in given: out["dx"][0, 2] = np.inf
if mode == "random": out["y"] = out["y"] + np.random.rand()
if mode == "carried": out["y"] = np.cumsum(out["y"], axis=0)
np.savez(target, **out)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "program with spaces.py"
    path.write_text(SCRIPT)
    return path


def command(script: Path, mode: str) -> str:
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {mode} {{input}} {{output}}"


def checked(script, mode, **options):
    """Return the report on a program, and the program."""
    function, inputs = open_program(
        command(script, mode), read_inputs({"x": "4"}), {"a": 1.5}, **options
    )
    check = plan_function(function, inputs)
    for _ in check.run():
        pass
    return check.report(), function.program


def test_a_program_gets_points_and_gives_outputs_and_gradients(script):
    function, _ = open_program(command(script, "right"), read_inputs({"x": "4"}), {"a": 1.5})
    points = [{"x": np.linspace(k, k + 1, 4)} for k in range(3)]
    call = function.call(points[0])
    outputs = [call.outputs, *function.call_many(points[1:])]
    for point, (y,) in zip(points, outputs, strict=True):
        assert np.array_equal(y, 1.5 * np.sin(point["x"]))
    dy = np.arange(4.0)
    gradients = [call.backward([dy]), *function.backward_many(points[1:], [[dy], [-dy]])]
    for point, sign, gradient in zip(points, (1, 1, -1), gradients, strict=True):
        assert np.array_equal(gradient["x"], 1.5 * np.cos(point["x"]) * sign * dy)
    assert function.program.starts == 4
    assert function.name == "program with spaces.py"


@pytest.mark.parametrize(
    ("mode", "words", "starts"),
    [
        ("abort", "crashes with SIGABRT: it gave up itself", 1),
        ("kill", "crashes with SIGKILL: the memory may have run out", 1),
        ("fail", "ends with exit code 3: .* (its last line: cannot allocate w)", 1),
        ("nothing", "wrote no file: write an .npz to the path given for {output}", 1),
        ("garbage", "is no .npz file: .*; write a zip file whose entries are y.npy", 1),
        ("npy", "wrote one array without a name (.npy): write an .npz", 1),
        ("single", "writes y as float32: compute and write float64", 1),
        ("nan", "returns nan at [1]", 1),
        ("one", "writes y of shape (4,) for 1 point: its first axis has to be the points", 1),
        ("unnamed", "wrote out: there is no y; write the output under that name", 1),
        ("random", "another y when it is started again on the same numbers: it is random", 2),
        ("carried", "another y for a point that comes second in the file", 2),
        ("nodx", "was given dy and wrote y: there is no dx; write it, or say --no-gradient x", 3),
        ("lonely", "writes dx of shape (4,); as x comes in, (1, 4), its first axis has to be", 3),
        ("shape", "dx has shape (), x has (4,)", 3),
        ("nandx", "dx is not finite: inf at [2]", 3),
    ],
)
def test_what_a_program_does_wrong_is_a_finding_that_says_what_to_change(
    script, mode, words, starts
):
    report, program = checked(script, mode)
    assert report.verdict == "fail"
    message = report.findings[0].message
    for part in words.split(".*"):
        assert part.strip() in message
    assert "Traceback" not in message
    assert program.starts == starts


def test_a_program_that_hangs_is_killed(script):
    start = time.monotonic()
    report, _ = checked(script, "hang", timeout=0.5)
    assert time.monotonic() - start < 60
    assert "did not end within 0.5 s and was killed" in report.findings[0].message
    assert "(its last line: waiting)" in report.findings[0].message


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are of POSIX")
def test_what_a_killed_program_started_is_killed_too(script, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTED", str(tmp_path / "child"))
    checked(script, "child", timeout=2)
    child = int((tmp_path / "child").read_text())
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if _is_zombie(child):
            return
        time.sleep(0.05)
    pytest.fail("the program's child is alive")


def _is_zombie(process: int) -> bool:
    """Return whether a process is dead, and only waits to be noticed by its parent."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("./no_such_program {input} {output}", "is not there: compile it first"),
        ("{folder}/plain.txt {input} {output}", "cannot be executed: chmod \\+x"),
        ("./conv in.npz {output}", "lacks \\{input\\}: say where"),
        ("", "lacks \\{input\\} and \\{output\\}"),
        ("conv '{input} {output}", "No closing quotation"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(tmp_path, command, message):
    (tmp_path / "plain.txt").write_text("x")
    command = command.replace("{folder}", str(tmp_path))
    with pytest.raises(ConfigError, match=message):
        open_program(command, read_inputs({"x": "4"}), {})


def test_a_file_that_is_no_program_is_refused_when_it_is_started(tmp_path):
    path = tmp_path / "conv"
    path.write_bytes(b"\x7fELF and no more")
    path.chmod(0o755)
    function, inputs = open_program(f"{path} {{input}} {{output}}", read_inputs({"x": "4"}), {})
    with pytest.raises(ConfigError, match=r"cannot be started: .*compiled for this machine"):
        plan_function(function, inputs)


@pytest.mark.parametrize(
    ("inputs", "constants", "options", "message"),
    [
        ({"dy": "4"}, {}, {}, "dy is what the program finds the upstream gradient under"),
        ({"x": "4"}, {"x": 1}, {}, "x is both an input and a constant"),
        ({"x": "4"}, {"mode": "same"}, {}, "constant mode='same': a program is handed numbers"),
        ({"x": "4"}, {"p": {"k": [[1], [2, 3]]}}, {}, "a program is handed numbers"),
        ({"x": "4"}, {}, {"no_gradient": ["w"]}, "no gradient of w: the inputs are x"),
        ({"x": "4"}, {}, {"timeout": 0}, "needs a time above 0 seconds"),
    ],
)
def test_what_cannot_be_handed_in_is_refused(script, inputs, constants, options, message):
    with pytest.raises(ConfigError, match=message):
        open_program(command(script, "right"), read_inputs(inputs), constants, **options)


def test_a_dict_is_handed_in_flat():
    flat = flat_constants({"conv_param": {"stride": 2, "pad": [1, 1]}, "scale": 0.5, "on": True})
    assert {name: (array.dtype.str, array.tolist()) for name, array in flat.items()} == {
        "conv_param.stride": ("<i8", 2),
        "conv_param.pad": ("<i8", [1, 1]),
        "scale": ("<f8", 0.5),
        "on": ("<i8", 1),
    }


def test_files_are_plain_enough_for_a_few_lines_of_c(tmp_path):
    path = tmp_path / "input.npz"
    arrays = {
        "x": np.arange(6.0).reshape(2, 3).T,
        "half": np.ones(2, np.float32),
        "labels": np.arange(3, dtype=np.int32),
        "stride": np.asarray(2),
    }
    write_arrays(path, arrays)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.flag_bits == 0
            content = archive.read(entry)
            assert content[:8] == b"\x93NUMPY\1\0"
            assert b"'fortran_order': False" in content[:128]
            # its sizes stand in the header before it, and nothing extra
            header = path.read_bytes()[entry.header_offset :][:30]
            assert int.from_bytes(header[18:22], "little") == len(content)
            assert header[28:30] == b"\0\0"
    loaded = read_arrays(path)
    for name, array in arrays.items():
        assert loaded[name].dtype.str == ("<f8" if array.dtype.kind == "f" else "<i8")
        assert np.array_equal(loaded[name], array)


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "output.npz", y=np.array([{}], dtype=object))
    with pytest.raises(FaultError, match=r"is no \.npz file"):
        read_arrays(tmp_path / "output.npz")


class Inside:
    """Stands for a program, and answers without a start: y is made by a function of a point."""

    def __init__(self, outputs, gradients, seconds=1e-6):
        self.outputs, self.gradients = outputs, gradients
        self.timeout, self.seconds_per_point, self.seconds = 10.0, seconds, 0.0
        self.starts, self.points = 0, []

    def run(self, arrays):
        count = len(arrays["x"])
        self.starts += 1
        self.points.append(count)
        self.seconds = count * self.seconds_per_point
        answer = self.gradients if any(name.startswith("dy") for name in arrays) else self.outputs
        points = [{n: a[k] for n, a in arrays.items()} for k in range(count)]
        each = [answer(point) for point in points]
        return {name: np.stack([np.asarray(one[name]) for one in each]) for name in each[0]}


def inside(script, program, specs):
    function, inputs = open_program(command(script, "right"), read_inputs(specs), {})
    function.program = program
    return function, inputs


def test_a_wrong_gradient_is_found_in_few_starts(script):
    sine = Inside(
        lambda p: {"y": np.sin(p["x"])}, lambda p: {"dx": 1.01 * np.cos(p["x"]) * p["dy"]}
    )
    function, inputs = inside(script, sine, {"x": "4"})
    check = plan_function(function, inputs)
    for _ in check.run():
        pass
    report = check.report()
    assert report.guilty.tensor == "x"
    assert report.diagnosis == "constant ratio 1.01"
    assert [len(tensor.elements) for row in report.rows for _, tensor in row.points] == [4, 4]
    assert sine.starts <= 25


def test_few_starts_compare_all_elements_at_kinks_too(script):
    relu = Inside(
        lambda p: {"y": np.maximum(p["x"], 0) @ p["w"]},
        lambda p: {
            "dx": (p["dy"] @ p["w"].T) * (p["x"] > 0),
            "dw": np.maximum(p["x"], 0).T @ p["dy"],
        },
    )
    x = np.random.default_rng(0).standard_normal((4, 5))
    x[1, 2], x[3, 3] = 0.0, 4e-6  # on the kink, and so near that a smaller step is needed
    function, inputs = inside(script, relu, {"x": x, "w": "5x3"})
    check = plan_function(function, inputs)
    for _ in check.run():
        pass
    report = check.report()
    assert report.verdict == "pass"
    at_given = next(t for label, t in report.rows[0].points if label == "given numbers")
    assert [element.index for element in at_given.of("kink")] == [(1, 2)]
    assert len(at_given.elements) == 20
    assert sum(relu.points) > 400
    assert relu.starts <= 60


def test_several_outputs_have_upstreams_of_their_own(script):
    two = Inside(
        lambda p: {"y0": p["x"] ** 2, "y1": p["x"].sum()},
        lambda p: {"dx": 2 * p["x"] * p["dy0"] + p["dy1"]},
    )
    function, inputs = inside(script, two, {"x": "3"})
    check = plan_function(function, inputs)
    for _ in check.run():
        pass
    assert check.report().verdict == "pass"


def test_a_start_holds_no_more_points_than_memory_and_time_allow(script, monkeypatch):
    def points_of(program, count):
        function, _ = inside(script, program, {"x": "1000"})
        outputs = function.call_many([{"x": np.full(1000, float(k))} for k in range(count)])
        assert [float(own[0][0]) for own in outputs] == list(range(count))
        return program.points

    slow = Inside(lambda p: {"y": p["x"]}, None, seconds=1.0)
    assert max(points_of(slow, 7)[1:]) <= 2  # a quarter of 10 s
    monkeypatch.setattr("cnnrun.foreign.program.BATCH_BYTES", 10 * 16_000)
    quick = Inside(lambda p: {"y": p["x"]}, None)
    function, _ = inside(script, quick, {"x": "1000"})
    function.call({"x": np.zeros(1000)})
    function.call_many([{"x": np.zeros(1000)}] * 25)
    assert quick.points == [1, 10, 10, 5]


@pytest.mark.parametrize(
    ("mode", "code", "words"),
    [("nothing", 1, "wrote no file"), ("nandx", 1, "dx is not finite: inf at [2]")],
)
def test_a_program_that_fails_ends_the_command_with_a_finding(script, mode, code, words):
    words_of_command = ["gradcheck", "--program", command(script, mode), "--input", "x=4"]
    result = CliRunner().invoke(app, [*words_of_command, "--constant", "a=1.5"])
    assert result.exit_code == code
    assert words in " ".join(result.output.split())


def test_a_command_without_a_program_ends_with_2():
    words = ["gradcheck", "--program", "./no_such {input} {output}", "--input", "x=4"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert isinstance(result.exception, ConfigError | SystemExit)
