"""What is wrong with a text that is not YAML, in words of our own, with the line and a caret."""

from __future__ import annotations

import re

import yaml

from cnnrun.errors import shortened

__all__ = ["explain_syntax"]

LINE_SHOWN = 76
COLON = re.compile(r":(\s|$)")
DASH_WITHOUT_SPACE = re.compile(r"\s*-[\w'\"{\[]")

Place = tuple[int, int]  # line and column, from 0


def explain_syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> str:
    """Return where a text is wrong and what would be right, and show its line."""
    lines = text.splitlines() or [""]
    place, words = _explained(error, lines)
    number, column = min(place[0], len(lines) - 1), place[1]
    if place[0] >= len(lines):  # the end of the file is shown behind its last line
        column = len(lines[number])
    shown, caret = _window(lines[number], column)
    mark = f"{number + 1}"
    return (
        f"{file}:{number + 1}:{column + 1}: {words}\n"
        f"  {mark} | {shown}\n  {' ' * len(mark)} | {' ' * caret}^"
    )


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of a line that is shown, and where the caret stands in it."""
    start = max(0, min(column - LINE_SHOWN // 2, len(line) - LINE_SHOWN))
    part = line[start : start + LINE_SHOWN].replace("\t", " ").rstrip()
    return part, column - start


def _explained(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[Place, str]:
    """Return the place to look at, and what is wrong there."""
    problem, context = error.problem or error.context or "", error.context or ""
    here = _place(error.problem_mark or error.context_mark)
    opened = _place(error.context_mark or error.problem_mark)
    if problem == "mapping values are not allowed here":
        return _stray_colon(here, lines)
    if problem == "could not find expected ':'":
        return opened, (
            "a key needs a colon and a space behind it, as in `epochs: 3`, and an item of a list a "
            "dash and a space before it"
        )
    if problem.startswith("expected <block end>"):
        return _stray_line(here, opened, problem, lines)
    if "quoted scalar" in context and problem.startswith("found unexpected"):
        return opened, "the quote that is opened here is not closed"
    if match := re.match(r"expected ',' or '([]}])', but got", problem):
        closing = match[1]
        if here[0] == opened[0]:
            return here, f"a comma is missing here, or a {closing} before"
        return opened, f"the bracket that is opened here is not closed; {closing} is missing"
    if problem.startswith("expected the node content"):
        what = problem.partition("found ")[2].strip("'")
        end = "the end of the file" if what == "<stream end>" else what
        return here, f"a value, or a closing bracket, is missing before {end}"
    for beginning, words in PLAIN:
        if match := re.match(beginning, problem):
            return here, shortened(match.expand(words), 200)
    return here, shortened(problem, 200)


PLAIN = (
    (r"found character '\\t'", "a tab; YAML is indented with spaces"),
    (r"found character '(.)'", r"a value cannot begin with \1; put it in quotes"),
    (r"found undefined alias ('.*')", r"no anchor is called \1, so it is no alias; quote a text "
     r"that begins with *"),
    (r"second occurrence", "this anchor is given twice"),
    (r"but found another document", "a second document begins; a configuration is one"),
    (r"found unknown escape character '(.*)'", r"the escape \\\1 means nothing in double quotes; "
     "single quotes take a text as it is"),
    (r"sequence entries are not allowed", "a list begins in a line of its own, each item after a "
     "dash"),
)  # fmt: skip
"""Problems that need no more than other words."""


def _stray_colon(here: Place, lines: list[str]) -> tuple[Place, str]:
    """Explain a colon where no key can stand: in a value, or behind a line that has one already."""
    number, column = here
    before = lines[number][:column]
    if COLON.search(before):
        return here, "a second colon in one line; put the value in quotes, or into lines of its own"
    above = _line_above(number, lines)
    if above is None:
        return here, "a colon, but no key before it"
    if not COLON.search(lines[above]):
        start = len(lines[above]) - len(lines[above].lstrip(" -"))
        return (above, start), "a key needs a colon and a space behind it, as in `epochs: 3`"
    start = len(before) - len(before.lstrip())
    return (number, start), (
        f"indented deeper than line {above + 1}, which has a value already; the keys of a section "
        "begin in one column"
    )


def _stray_line(here: Place, opened: Place, problem: str, lines: list[str]) -> tuple[Place, str]:
    """Explain a line that fits no section above it."""
    what = problem.partition("found ")[2].strip("'")
    if what in (*"]},:", "<scalar>"):
        rule = "; no bracket is open" if what in "]}" else ""
        shown = "more text" if what == "<scalar>" else what
        return here, f"{shown} cannot stand here{rule}"
    above = _line_above(here[0], lines)
    if above is not None and DASH_WITHOUT_SPACE.match(lines[above]):
        return (above, lines[above].index("-")), "a dash needs a space behind it, as in `- relu`"
    if here[1] == opened[1]:
        return here, "a list and keys with values are mixed here; indent what belongs to the other"
    return here, (
        f"begins in column {here[1] + 1}, where nothing above begins that it could belong to; the "
        "keys of a section, and the items of a list, begin in one column"
    )


def _line_above(number: int, lines: list[str]) -> int | None:
    """Return the number of the nearest line above with more than a comment."""
    above = range(number - 1, -1, -1)
    return next((i for i in above if lines[i].strip() and lines[i].strip()[0] != "#"), None)


def _place(mark: yaml.Mark | None) -> Place:
    return (mark.line, mark.column) if mark else (0, 0)
