"""The order of the command line's words, and exceptions as exit codes."""

from __future__ import annotations

import pytest

from cnnrun.cli.arguments import arrange
from cnnrun.cli.errors import reported
from cnnrun.errors import ConfigError, DivergedError


@pytest.mark.parametrize(
    ("given", "expected", "debug"),
    [
        (["train", "c.yaml"], ["train", "c.yaml"], False),
        (["--json", "train", "c.yaml"], ["train", "c.yaml", "--json"], False),
        (["--runs-dir", "x", "-q", "train"], ["train", "--runs-dir", "x", "-q"], False),
        (["--runs-dir=x", "train"], ["train", "--runs-dir=x"], False),
        (["train", "--resume"], ["train", "--resume=last"], False),
        (["train", "--resume", "--json"], ["train", "--resume=last", "--json"], False),
        (["train", "--resume", "r-0001"], ["train", "--resume", "r-0001"], False),
        (["train", "--debug", "c.yaml"], ["train", "c.yaml"], True),
        (["predict", "--", "--debug", "--resume"], ["predict", "--", "--debug", "--resume"], False),
        (["--version"], ["--version"], False),
        ([], [], False),
    ],
)
def test_words_in_any_order(given, expected, debug):
    assert arrange(given) == (expected, debug)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ConfigError("no such key"), 2, "error: no such key"),
        (DivergedError("loss is nan"), 3, "error: loss is nan"),
        (FileNotFoundError(2, "No such file", "x.yaml"), 2, "error: x.yaml: No such file"),
        (MemoryError(), 2, "error: not enough memory"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (ZeroDivisionError("1/0"), 70, "internal error: ZeroDivisionError: 1/0"),
    ],
)
def test_an_exception_is_a_message_and_a_code(capfd, error, code, text):
    with pytest.raises(SystemExit) as stopped, reported(debug=False):
        raise error
    assert stopped.value.code == code
    assert capfd.readouterr().err.startswith(text)


def test_debug_shows_the_traceback(capfd):
    with pytest.raises(SystemExit), reported(debug=True):
        raise ConfigError("no such key")
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert err.endswith("error: no such key\n")
