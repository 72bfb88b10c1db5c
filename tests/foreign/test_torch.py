"""What is written for PyTorch is checked as pairs of functions are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnnrun
from cnnrun.errors import ConfigError
from cnnrun.foreign import plan_function
from cnnrun.foreign.inputs import read_inputs
from cnnrun.foreign.torch import open_torch, torch_function

torch = pytest.importorskip("torch")

HERE = Path(__file__).parent
KERNELS = ("Silu32", "Narrow", "silu")
X, XW, SCALE = {"x": "4x3"}, {"x": "4x3", "w": "3"}, {"x": "4x3", "w": "3", "b": "3"}
FLOAT32 = {"dtype": "float32"}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def opened(name, inputs, constants=None, **options):
    file = "torch_kernels.py" if name.startswith(KERNELS) else "torch_ops.py"
    return open_torch(f"{HERE / file}:{name}", read_inputs(inputs), constants or {}, **options)


def judged(function, inputs, seed=0, budget=100):
    check = plan_function(function, inputs, seed=seed, budget=budget)
    for _ in check.run():
        pass
    return check.report()


def checked(name, inputs, constants=None, *, seed=0, **options):
    return judged(*opened(name, inputs, constants, **options), seed)


@pytest.mark.parametrize(
    ("name", "inputs", "constants", "tensors"),
    [
        ("Scale", SCALE, {}, ["x", "w", "b"]),
        ("Scale.apply", SCALE, {}, ["x", "w", "b"]),
        ("pick", {"table": "5x3", "rows": "4:0..4"}, {}, ["table"]),
        ("Pick", {"table": "5x3", "rows": "4:0..4"}, {"power": 3}, ["table"]),
        ("hooked", XW, {}, ["x", "w"]),
        ("random", X, {}, ["x"]),
        ("dirty", X, {}, ["x"]),
        ("Counting", X, {}, ["x"]),
        ("block", {"input": "6x3"}, {},
         ["input", "0.b", "0.linear.weight", "0.norm.weight", "0.norm.bias"]),
        ("Block", {"x": "6x3"}, {"width": 3},
         ["x", "b", "linear.weight", "norm.weight", "norm.bias"]),
    ],
)  # fmt: skip
def test_what_is_right_passes(name, inputs, constants, tensors):
    report = checked(name, inputs, constants)
    assert report.passed, report
    assert {row.tensor for row in report.rows} == set(tensors)


@pytest.mark.parametrize(
    ("name", "inputs", "constants", "guilty", "message"),
    [
        ("ScaleWrong", SCALE, {}, "w", "adjoint identity fails for dw"),
        ("cube", X, {}, "x", ""),
        ("hooked_wrong", XW, {}, "hooked_wrong", ""),
        ("WrongBlock", {"x": "6x3"}, {"width": 3}, "b", ""),
        ("ScaleNone", SCALE, {}, "w", "dw is missing: it is None"),
        ("ScaleShape", SCALE, {}, None,
         "gradient of shape (2,) for its argument 2, which has shape (3,)"),
        ("ScaleFew", SCALE, {}, None, "returns 2 gradients where its forward has 3 arguments"),
        ("ScaleCrash", SCALE, {}, None, "crashes: RuntimeError at torch_ops.py:"),
        ("ScaleInPlace", SCALE, {}, None, "forward writes into its input x"),
        ("ScaleWritesUpstream", SCALE, {}, None, "backward writes into grad_output"),
        ("ScaleWritesInput", SCALE, {}, None, "backward writes into x"),
        ("ScaleAsIfContiguous", SCALE, {}, "x", "not contiguous in memory"),
        ("ScaleHidden", SCALE, {}, "x", "kept outside the cache"),
        ("Narrow", X, {}, None, "returns float32 though its inputs are float64"),
        ("NarrowHidden", X, {}, None, "check it by --dtype float32"),
        ("NarrowBackward", X, {}, "x", "check it by --dtype float32"),
        ("detached", X, {}, None, "cut off from the inputs"),
        ("infinite", X, {}, None, "returns inf at [0, 0]"),
        ("nothing", X, {}, None, "is its return statement missing?"),
        ("a_list_of_numbers", X, {}, None, "returns a float where a tensor is expected"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_and_said(name, inputs, constants, guilty, message):
    report = checked(name, inputs, constants)
    assert report.verdict == "fail"
    assert message in " ".join(finding.message for finding in report.findings)
    if guilty == "hooked_wrong":
        assert report.diagnosis == "constant ratio 0.5: a factor 2 is missing"
    else:
        assert report.guilty.tensor == guilty


@pytest.mark.parametrize("reference", [None, "silu", "silu_numpy", "backwards_by_name"])
def test_a_right_kernel_in_float32_passes(reference):
    own = opened("Silu32", XW, **FLOAT32, reference=reference)
    reports = [judged(*own, seed, 120) for seed in range(20)]
    assert all(report.passed for report in reports), [report.summary() for report in reports]
    assert ("good to about 1e-4" in " ".join(reports[0].notes)) == (reference is None)
    assert reports[0].tolerance == (1e-3 if reference is None else 1e-4)


@pytest.mark.parametrize("reference", [None, "silu"])
def test_a_kernel_in_float32_that_is_off_by_a_hundredth_is_found(reference):
    report = checked("Silu32Wrong", XW, **FLOAT32, reference=reference)
    assert (report.verdict, report.guilty.tensor) == ("fail", "w")


def test_the_forward_of_a_kernel_is_held_against_its_reference():
    report = checked("Silu32Other", XW, **FLOAT32, reference="silu")
    assert "is not that of the reference silu" in report.findings[0].message
    report = checked("Silu32", XW, **FLOAT32, reference="silu_sums")
    assert "returns outputs of shape (4, 3), the reference" in report.findings[0].message
    report = checked("Silu32", XW, **FLOAT32, reference="silu_narrow")
    assert "it has to compute in float64" in report.findings[0].message


def test_a_module_has_a_module_as_its_reference():
    layer = torch.nn.Linear(3, 2)
    inputs = read_inputs({"input": "4x3"})
    own = torch_function(layer, inputs, **FLOAT32, reference=torch.nn.Linear(3, 2))
    assert judged(*own).passed
    with pytest.raises(ConfigError, match="parameters weight, the kernel weight, bias"):
        torch_function(layer, inputs, **FLOAT32, reference=torch.nn.Linear(3, 2, bias=False))
    function = lambda input, weight, bias: input @ weight.T + bias  # noqa: E731
    own = torch_function(layer, inputs, **FLOAT32, reference=function)
    assert judged(*own).passed


def test_a_module_is_left_as_it_was():
    layer = torch.nn.BatchNorm1d(3)
    kept = {name: value.clone() for name, value in layer.state_dict().items()}
    function, inputs = torch_function(layer, read_inputs({"input": "6x3"}))
    assert judged(function, inputs).passed
    assert all(torch.equal(kept[name], value) for name, value in layer.state_dict().items())
    assert layer.weight.dtype == torch.float32
    assert inputs["weight"].given.tolist() == [1, 1, 1]


def test_a_parameter_that_forward_does_not_use_is_left_out_and_said():
    report = checked("Block", {"x": "6x3"}, {"width": 3})
    assert "forward does not use unused, which is left out" in report.notes


def test_sums_in_any_order_are_no_fault_where_they_are_usual():
    function, inputs = opened("ScaleNoisy", SCALE)
    assert judged(function, inputs).verdict == "fail"
    function.is_repeatable = False  # as on a GPU
    assert judged(function, inputs).passed


def test_a_frozen_call_draws_the_same_numbers_whatever_was_drawn_before():
    function, inputs = opened("random", X)
    function.is_frozen = True
    point = {"x": inputs["x"].draw(np.random.default_rng(0))}
    first = function.call(point).outputs[0]
    torch.rand(3)
    assert np.array_equal(first, function.call(point).outputs[0])


def test_an_argument_of_apply_behind_others_that_are_left_out_arrives():
    function, _ = opened("Affine", X, {"shift": 2.0})
    x = np.ones((4, 3))
    assert np.array_equal(function.call({"x": x}).outputs[0], x + 2)


def test_an_input_without_gradient_is_only_handed_in():
    report = checked("ScaleWrong", SCALE, no_gradient=["w"])
    assert report.passed
    assert [row.tensor for row in report.rows] == ["x", "b"]


@pytest.mark.parametrize(
    ("name", "inputs", "options", "message"),
    [
        ("Scale", SCALE, {"device": "cuda"}, "no CUDA device here; use --device cpu"),
        ("Scale", SCALE, {"device": "gpu"}, "it is cpu or cuda"),
        ("Scale", SCALE, {"dtype": "float16"}, "it is float64 or float32"),
        ("Scale", SCALE, {"reference": "hooked"}, "add --dtype float32"),
        ("Scale", SCALE, {"no_gradient": ["v"]}, "there are x, w, b"),
        ("Scale", XW, {}, "also needs b"),
        ("Missing", X, {}, "has nothing called Missing"),
        ("Block", X, {}, "required positional argument: 'width'.*--constant NAME=VALUE"),
        ("TWO", X, {}, "cannot be called: expected a torch.autograd.Function"),
        ("Scale,ScaleWrong", X, {}, "name one thing"),
        ("linear", {"input": "4x3", "weight": "3x3"}, {}, "leave out the input weight"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_said_before(name, inputs, options, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=message):
        opened(name, inputs, **options)


def test_without_pytorch_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match="install it: pip install torch"):
        opened("Scale", SCALE)


def test_nothing_imports_pytorch_or_jax_by_itself():
    code = (
        "import sys, cnnrun.foreign.torch, cnnrun.foreign.jax\n"
        "assert not {'torch', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_surface_takes_a_module_as_it_is():
    assert cnnrun.gradcheck(torch.nn.Linear(3, 2), inputs={"x": (4, 3)}).passed
