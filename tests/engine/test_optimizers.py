"""Optimizers against hand-worked steps and PyTorch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from cnnrun.engine.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, RMSprop, base
from cnnrun.engine.optimizers.base import global_norm
from cnnrun.errors import OptionError

CASES = [
    (SGD(0.1), "SGD", {}),
    (SGD(0.1, weight_decay=0.02, momentum=0.9), "SGD", {"momentum": 0.9, "weight_decay": 0.02}),
    (SGD(0.1, momentum=0.8, nesterov=True), "SGD", {"momentum": 0.8, "nesterov": True}),
    (SGD(0.1, momentum=0.9, clip_norm=0.5), "SGD", {"momentum": 0.9}),
    (Adam(0.1), "Adam", {}),
    (
        Adam(0.1, weight_decay=0.1, beta1=0.8, beta2=0.99),
        "Adam",
        {"weight_decay": 0.1, "betas": (0.8, 0.99)},
    ),
    (AdamW(0.1), "AdamW", {"weight_decay": 0.01}),
    (RMSprop(0.1), "RMSprop", {}),
    (
        RMSprop(0.1, momentum=0.9, centered=True, weight_decay=0.1),
        "RMSprop",
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
    ),
    (Adagrad(0.1, initial_accumulator=0.1), "Adagrad", {"initial_accumulator_value": 0.1}),
]


def start():
    rng = np.random.default_rng(0)
    return {"w": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}


def gradients(step):
    rng = np.random.default_rng(100 + step)
    return {"w": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}


def walk(optimizer, steps=20, **options):
    parameters = start()
    state = optimizer.initial_state(parameters)
    for step in range(1, steps + 1):
        rate = optimizer.learning_rate
        optimizer.update(
            parameters, gradients(step), state, learning_rate=rate, step=step, **options
        )
    return parameters


def test_every_optimizer_has_a_case():
    assert {optimizer.type_name for optimizer, *_ in CASES} == set(OPTIMIZERS)


@pytest.mark.parametrize(("optimizer", "name", "options"), CASES)
def test_against_pytorch(optimizer, name, options):
    torch = pytest.importorskip("torch")
    theirs = {k: torch.nn.Parameter(torch.tensor(v)) for k, v in start().items()}
    other = getattr(torch.optim, name)(theirs.values(), lr=0.1, **options)
    for step in range(1, 21):
        for key, gradient in gradients(step).items():
            theirs[key].grad = torch.tensor(gradient)
        if optimizer.clip_norm:
            torch.nn.utils.clip_grad_norm_(theirs.values(), optimizer.clip_norm)
        other.step()
    for key, value in walk(optimizer).items():
        np.testing.assert_allclose(value, theirs[key].detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("optimizer", "name", "options"), CASES)
def test_the_size_of_chunks_does_not_matter(optimizer, name, options, monkeypatch):
    whole = walk(optimizer)
    monkeypatch.setattr(base, "CHUNK", 5)
    for key, value in walk(optimizer).items():
        np.testing.assert_allclose(value, whole[key], rtol=1e-14)


@pytest.mark.parametrize(("optimizer", "name", "options"), CASES)
def test_the_order_in_memory_does_not_matter(optimizer, name, options):
    plain, columns = start(), {key: np.asfortranarray(value) for key, value in start().items()}
    for parameters in (plain, columns):
        state = optimizer.initial_state(parameters)
        for step in (1, 2):
            optimizer.update(parameters, gradients(step), state, learning_rate=0.1, step=step)
    assert not np.array_equal(plain["w"], start()["w"])
    for key, value in plain.items():
        np.testing.assert_array_equal(columns[key], value)


def test_clipping_scales_the_whole_gradient_and_returns_its_norm():
    parameters = {"a": np.zeros(1), "b": np.zeros(1)}
    given = {"a": np.array([3.0]), "b": np.array([4.0])}
    norm = SGD(1.0, clip_norm=1.0).update(parameters, given, {}, learning_rate=1.0, step=1)
    assert norm == 5.0
    assert parameters["a"][0] == pytest.approx(-0.6, rel=1e-6)
    assert parameters["b"][0] == pytest.approx(-0.8, rel=1e-6)


def test_clipping_leaves_small_gradients_alone():
    parameters = {"a": np.zeros(1)}
    optimizer = SGD(1.0, clip_norm=1.0)
    optimizer.update(parameters, {"a": np.array([0.5])}, {}, learning_rate=1.0, step=1)
    assert parameters["a"][0] == -0.5


def test_a_known_norm_is_taken_at_its_word():
    parameters = {"a": np.zeros(1)}
    optimizer = SGD(1.0, clip_norm=1.0)
    optimizer.update(parameters, {"a": np.array([3.0])}, {}, learning_rate=1.0, step=1, norm=6.0)
    assert parameters["a"][0] == pytest.approx(-0.5, rel=1e-6)


def test_the_rate_is_the_one_of_the_step():
    halved, plain = ({"p": np.array([1.0])} for _ in range(2))
    for parameters, rate in ((halved, 0.05), (plain, 0.1)):
        SGD(0.1).update(parameters, {"p": np.array([2.0])}, {}, learning_rate=rate, step=1)
    assert halved["p"][0] == pytest.approx(0.9)
    assert plain["p"][0] == pytest.approx(0.8)


def test_adams_first_step_is_the_rate_whatever_the_gradient():
    for gradient in (1e-3, 1.0, 1e3):
        parameters = {"p": np.array([1.0])}
        optimizer = Adam(0.1)
        state = optimizer.initial_state(parameters)
        optimizer.update(parameters, {"p": np.array([gradient])}, state, learning_rate=0.1, step=1)
        assert parameters["p"][0] == pytest.approx(0.9, rel=1e-5)


def test_adamw_decays_apart_from_the_gradient():
    parameters = {"p": np.array([2.0])}
    optimizer = AdamW(0.1, weight_decay=0.5)
    state = optimizer.initial_state(parameters)
    optimizer.update(parameters, {"p": np.array([0.0])}, state, learning_rate=0.1, step=1)
    assert parameters["p"][0] == pytest.approx(2.0 * (1 - 0.1 * 0.5), rel=1e-15)


def test_an_update_allocates_nothing_large():
    parameters = {"w": np.ones((1000, 1000), np.float32)}  # 4 MB
    given = {"w": np.ones((1000, 1000), np.float32)}
    for optimizer, *_ in CASES:
        state = optimizer.initial_state(parameters)
        tracemalloc.start()
        optimizer.update(parameters, given, state, learning_rate=0.1, step=1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20


def test_a_hand_worked_step():
    parameters = {"p": np.array([1.0])}
    optimizer = SGD(0.5, weight_decay=0.1, momentum=0.5)
    state = optimizer.initial_state(parameters)
    for step in (1, 2):
        optimizer.update(parameters, {"p": np.array([2.0])}, state, learning_rate=0.5, step=step)
    # v = 2 + 0.1 = 2.1, p = -0.05; then v = 1.05 + 2 - 0.005 = 3.045, p = -1.5725
    assert parameters["p"][0] == pytest.approx(-1.5725, rel=1e-15)


def first_step(optimizer, gradient):
    """Return how far a parameter moves in its first step of rate 1."""
    parameters = {"p": np.array([0.0])}
    state = optimizer.initial_state(parameters)
    optimizer.update(parameters, {"p": np.array([gradient])}, state, learning_rate=1.0, step=1)
    return -parameters["p"][0]


def test_adagrads_sum_starts_where_it_is_told_to():
    assert first_step(Adagrad(initial_accumulator=5.0), 2.0) == pytest.approx(2 / 3)  # sqrt(5 + 4)


def test_a_centred_step_of_rmsprop_by_hand():
    # square 4/4 = 1, mean 2/4 = 0.5, spread 1 - 0.25
    assert first_step(RMSprop(smoothing=0.75, centered=True), 2.0) == pytest.approx(2 / 0.75**0.5)


def test_decay_spares_what_it_is_asked_to():
    decayed = SGD(0.1, weight_decay=0.5, decay_weights_only=True)
    spared, plain, all_decayed = (
        walk(decayed, spared={"b"}), walk(SGD(0.1)), walk(SGD(0.1, weight_decay=0.5))
    )  # fmt: skip
    np.testing.assert_array_equal(spared["b"], plain["b"])
    np.testing.assert_array_equal(spared["w"], all_decayed["w"])
    assert not np.allclose(spared["w"], plain["w"])


def test_global_norm():
    assert global_norm({"a": np.array([3.0]), "b": np.array([[4.0]])}) == 5.0
    assert np.isfinite(global_norm({"a": np.full(10, 1e30, np.float32)}))
    assert not np.isfinite(global_norm({"a": np.array([1.0, np.nan])}))


@pytest.mark.parametrize(("optimizer", "name", "options"), CASES)
def test_float32_stays_float32(optimizer, name, options):
    parameters = {k: v.astype(np.float32) for k, v in start().items()}
    state = optimizer.initial_state(parameters)
    given = {k: v.astype(np.float32) for k, v in gradients(1).items()}
    optimizer.update(parameters, given, state, learning_rate=0.1, step=1)
    assert {a.dtype for a in (*parameters.values(), *state.values())} == {np.dtype(np.float32)}


def test_nesterov_needs_momentum():
    with pytest.raises(OptionError, match="momentum"):
        SGD(nesterov=True)


@pytest.mark.parametrize("optimizer", [case[0] for case in CASES], ids=repr)
def test_what_overflows_is_not_warned_of(optimizer):
    parameters = {"w": np.full(5, 1e30, np.float32)}
    state = optimizer.initial_state(parameters)
    for step in (1, 2):
        gradient = {"w": np.full(5, 3e38, np.float32)}
        optimizer.update(parameters, gradient, state, learning_rate=1e38, step=step)
