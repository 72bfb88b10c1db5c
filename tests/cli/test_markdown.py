"""`runs compare --markdown`: a table for a pull request, in which names are text."""

from __future__ import annotations

import pytest
from experiments import tiny
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.untrusted import markdown_table, markdown_text


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("markdown")
    for epochs in (1, 2):
        cnnrun.train(tiny(folder, f"train.epochs={epochs}"), folder / "runs", workers=1)
    return folder / "runs"


def test_a_comparison_is_a_table_and_its_verdict(runs_dir):
    words = ["runs", "compare", "tiny-0001", "tiny-0002", "--runs-dir", str(runs_dir)]
    result = CliRunner().invoke(app, [*words, "--markdown"])
    assert result.exit_code == 0, result.output
    table, verdict = result.output.split("\n\n")
    lines = table.splitlines()
    assert lines[0] == "|  | tiny-0001 | tiny-0002 |"
    assert lines[1:3] == ["| --- | ---: | ---: |", "| train.epochs | 1 | 2 |"]
    accuracies = [run.record["test"]["accuracy"] for run in cnnrun.list_runs(runs_dir)]
    cells = " | ".join(f"{accuracy:.2%}" for accuracy in accuracies)
    assert f"| test\\_accuracy | {cells} |" in lines
    assert {line.count(" | ") for line in lines} == {2}
    assert "of 30 test samples tiny-0001 alone has" in verdict


def test_markup_in_names_is_spelled_out():
    assert markdown_text("[a](b) <i>*c*|\n`d`") == r"\[a\](b) \<i\>\*c\*\| \`d\`"
    assert markdown_text("\x1b[31m") == r"\\x1b\[31m"
    assert markdown_table(["", "a|b"], [["c", "1"]]) == "|  | a\\|b |\n| --- | ---: |\n| c | 1 |\n"
