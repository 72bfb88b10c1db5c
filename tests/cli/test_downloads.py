"""What is shown of a download: one line for a file, or a bar on a terminal."""

from __future__ import annotations

import pytest

from cnnrun.cli.downloads import DownloadProgress
from cnnrun.transfers import Transfer, listening, tell

PIECES = [
    Transfer("a.gz", "one.example", 500, 1000),
    Transfer("a.gz", "one.example", 1000, 1000),
    Transfer("b.gz", "two.example", 10, None),
]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_download_is_shown_on_stderr(terminal, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with DownloadProgress() as progress, listening(progress):
        for piece in PIECES:
            tell(piece)
    tell(PIECES[0])  # nobody listens any more
    shown = capsys.readouterr()
    assert shown.out == ""
    if terminal:
        assert "a.gz" in shown.err
    else:
        lines = ["downloading a.gz from one.example", "downloading b.gz from two.example"]
        assert shown.err.splitlines() == lines
