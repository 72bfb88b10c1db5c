"""Broken configurations are refused with place, rule and suggestion."""

from __future__ import annotations

import pytest
from broken_configs import BROKEN, GOOD

from cnnrun.config import load_experiment
from cnnrun.errors import CnnrunError, ConfigError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.yaml"


def test_the_good_one_loads(path):
    path.write_text(GOOD)
    assert load_experiment(path).name == "good"


def test_there_are_enough():
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("broken", BROKEN, ids=lambda b: b.name)
def test_message_has_place_rule_and_suggestion(path, broken):
    path.write_text(broken.text)
    with pytest.raises(CnnrunError) as caught:
        load_experiment(path)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    lines = 3 if broken.shows_line else 1
    assert len(message.splitlines()) == lines, "one mistake gives one line"
    place = f"{path}:{broken.place}: " if broken.place else f"{path}:"
    assert message.startswith(place)
    for piece in broken.says:
        assert piece in message


def test_several_mistakes_are_reported_together(path):
    text = GOOD.replace("filters: 4", "filters: 0").replace("seed: 1", "sede: 1")
    path.write_text(text.replace("epochs: 2", "epochs: two"))
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{path}:") for line in lines)


def test_missing_sections_are_reported_with_their_choices_and_all_other_mistakes(path):
    path.write_text("network: [{conv2d: {filters: 0, kernel_size: 3}}]\nepochs: 3\n")
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    filters, epochs, data, optimizer = str(caught.value).splitlines()
    assert f"{path}:1:30: network[0].conv2d.filters: 0" in filters
    assert f"{path}:2:1: epochs: unknown option; did you mean train.epochs?" in epochs
    assert "data must be given: its dataset is one of cifar, digits, " in data
    assert "optimizer must be given: one of adagrad, adam, " in optimizer
    path.write_text("name: x\n")
    with pytest.raises(ConfigError, match="network must be given: a list of layers, such as"):
        load_experiment(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: 1\n---\nb: 2\n", "document"),
        (b"- 1\n", "mapping"),
        (b"[" * 3000, "x.yaml"),
        (b"a: " + b"[" * 60 + b"]" * 60, "nested deeper"),
        (b"# " + b"x" * (1 << 20), "limit"),
        (
            b"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            b"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            b"e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
            "aliases",
        ),
        (b"a: &a [*a]\n", "nested deeper"),
    ],
)
def test_what_is_not_a_configuration_at_all(path, content, says):
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        load_experiment(path)


def test_a_missing_file(path):
    with pytest.raises(ConfigError, match="no such file"):
        load_experiment(path)
