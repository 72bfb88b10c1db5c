"""Every planted mistake is found by the stage meant for it; a plain check lets many pass."""

from __future__ import annotations

import numpy as np
import pytest
from plain_check import passes_plain_check

import cnnrun
from cnnrun.engine import LOSSES
from cnnrun.engine.layers import Conv2D
from cnnrun.gradcheck.mutants import LOSS_MUTANTS, MUTANTS, conditions
from cnnrun.gradcheck.selftest import check_loss_mutant, check_mutant

SURVIVE_A_PLAIN_CHECK = {
    "guided ReLU: masked by a positive error too",
    "the derivative of ReLU at 0 taken as 1",
    "backward writes into dy",
    "dx in float32",
    "batch norm: the variance taken as a constant",
    "batch norm: gamma's gradient of x, not of h",
    "layer norm: gamma forgotten in dx",
    "gradients added to those of the last step",
    "max pooling gives the error to all tied winners",
    "max pooling gives the error to the last tied winner",
    "padding of zeros may win the maximum",
    "skip: each path given the other's error",
    "bilinear upsampling: the error given to the nearest pixel",
}

DIAGNOSES = {
    "guided ReLU: masked by a positive error too": "as in guided backprop",
    "one border pixel of dx set to zero": "one element on the border is set to zero",
    "the whole border of dx missing": "the border is zero, what lies inside is right",
    "last row of the error forgotten": "the last row is zero",
    "one filter tap 1% off": "one element is 1% too large: tap row 1, tap column 2",
    "filter not rotated by 180 degrees": "missing rotation",
    "filter gradient rotated by 180 degrees": "missing rotation",
    "filter gradient transposed": "transposed",
    "weights not transposed in dx": "transposed",
    "max pooling sends the error to the first cell": "the first cell of each window",
    "max pooling gives the error to all tied winners": "given to all tied winners",
    "max pooling gives the error to the last tied winner": "the last tied winner takes it",
    "an edge window divided by the full N*N": "divided by the full N*N = 9",
    "average pooling without its 1/(N*N)": "the 1/(N*N) of a window of 4 is missing",
    "global average pooling without its 1/(H*W)": "of 20 pixels is missing",
    "overlapping windows assigned instead of accumulated": "assigned instead of accumulated",
    "overlapping maxima assigned instead of accumulated": "assigned instead of accumulated",
    "only the last sample in the filter gradient": "only the last of several samples",
    "mean instead of sum in the bias": "the mean over 90 samples and positions",
    "weight gradient scaled by the batch size": "the mean over 3 samples",
    "stride ignored in dx": "the stride is ignored",
    "dilation ignored in dx": "the dilation is ignored",
    "padding not cropped from dx": "the padding is not cropped",
    "softmax without the coupling of its outputs": "the coupling with the others is missing",
    "batch norm: the mean taken as a constant": "the term of the mean is missing",
    "batch norm: the variance taken as a constant": "the term of the variance is missing",
    "layer norm: gamma forgotten in dx": "gamma is missing",
}

SURVIVE_A_PLAIN_CHECK |= {
    mutant.name for mutant in MUTANTS if mutant.damage.__module__ == conditions.__name__
}  # in float64, on one fresh batch of small values, they are right

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)


def test_there_are_enough_of_them():
    assert len(MUTANTS) >= 25
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert DIAGNOSES.keys() | SURVIVE_A_PLAIN_CHECK <= {mutant.name for mutant in MUTANTS}


@each_mutant
@pytest.mark.parametrize("seed", [0, 5])
def test_it_is_found_by_the_stage_meant_for_it(mutant, seed):
    result = check_mutant(mutant, seed)
    assert result.killed, (mutant.stage, result.found_by)
    assert result.guilty == mutant.tensor
    assert DIAGNOSES.get(mutant.name, "") in (result.diagnosis or "")


@pytest.mark.parametrize("mutant", LOSS_MUTANTS, ids=lambda m: m.name)
@pytest.mark.parametrize("seed", [0, 5])
def test_a_mistake_in_a_loss_is_found(mutant, seed):
    result = check_loss_mutant(mutant, seed)
    assert result.killed, (mutant.stage, result.found_by)
    assert result.guilty == "outputs"


def test_every_loss_has_a_planted_mistake():
    assert {mutant.loss.type_name for mutant in LOSS_MUTANTS} == set(LOSSES)


@each_mutant
def test_what_a_plain_check_makes_of_it(mutant):
    """An upstream gradient of ones is never negative, and a random point has no ties."""
    x = np.random.default_rng(0).standard_normal((3, *mutant.case.input_shape))
    if "forgotten" in mutant.name and mutant.tensor == "b":
        return  # there is nothing to compare
    assert passes_plain_check(mutant.build(0), x) == (mutant.name in SURVIVE_A_PLAIN_CHECK)


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_missing_rotation_is_found_whatever_the_users_filter(symmetric):
    """A filter that looks the same upside down hides it from every numerical rule."""

    class Unrotated(Conv2D):
        def backward(self, dy, ctx):
            w = self.params["w"]
            kept = w.copy()
            w[...] = w[::-1, ::-1].copy()
            dx = np.array(super().backward(dy, ctx))
            w[...] = kept
            return dx

    layer = Unrotated(Conv2D.Config(1, 3, padding=1), (6, 6, 1))
    if symmetric:
        layer.params["w"][...] = 0.5
    report = cnnrun.gradcheck(layer)
    assert report.guilty.tensor == "x"
    assert "missing rotation" in report.diagnosis
