"""Whatever ends a command is one line on stderr and an exit code."""

from __future__ import annotations

import pytest

from cnnrun.cli.errors import reported


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (MemoryError(), "error: not enough memory; a smaller batch or network needs less", 2),
        (
            ImportError("_image.so: failed to map segment from shared object"),
            "error: not enough memory to load a library (_image.so: failed to map segment from "
            "shared object)",
            2,
        ),
        (ImportError("no x"), "internal error: ImportError: no x (--debug shows where)", 70),
        (OSError(28, "No space left on device", "f"), "error: f: No space left on device", 2),
    ],
)
def test_an_error_is_one_line_and_a_code(capsys, error, line, code):
    with pytest.raises(SystemExit) as end, reported(debug=False):
        raise error
    assert end.value.code == code
    assert capsys.readouterr().err == f"{line}\n"
