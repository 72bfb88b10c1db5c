"""Puts sections into one page that needs nothing else, with every number in it as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrun.pages import Html, render_template
from cnnrun.report.blocks import Section
from cnnrun.report.verdict import Line
from cnnrun.untrusted import visible

__all__ = ["render"]


class _Json:
    """JSON that can stand in a script element: nothing in it ends the element."""

    def __init__(self, document: Any) -> None:
        text = json.dumps(_finite(document), allow_nan=False, ensure_ascii=True)
        self._text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    def __html__(self) -> str:
        return self._text


def render(
    title: str,
    subtitle: str,
    verdict: Sequence[Line],
    sections: Sequence[Section],
    template: str = "report_page.html.j2",
    style: Html | None = None,
    **numbers: Any,
) -> str:
    """Return the page; sections without blocks are left out.

    Args:
        title: the heading.
        subtitle: below it.
        verdict: the lines that say the most.
        sections: in order.
        template: of the page.
        style: of what the page takes from explanations.
        numbers: what the page's JSON says besides what its sections do.
    """
    document = dict(numbers)
    for section in sections:
        document.update(section.numbers)
    return render_template(
        "cnnrun.report",
        template,
        lecture_style=style or "",
        heading=visible(title),
        subtitle=visible(subtitle),
        verdict=[(visible(line.words), _class_of(line)) for line in verdict],
        sections=[section for section in sections if section.blocks],
        numbers=_Json(document),
    )


def _class_of(line: Line) -> str:
    return {True: "good", False: "bad", None: "open"}[line.good]


def _finite(value: Any) -> Any:
    """Return a document of JSON's own types, with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
