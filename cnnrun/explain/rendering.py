"""The formats of an explanation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cnnrun.errors import ConfigError
from cnnrun.explain.document import Explanation
from cnnrun.explain.latex import to_latex, to_markdown
from cnnrun.explain.page import to_html
from cnnrun.explain.text import to_text
from cnnrun.registry import suggestion

__all__ = ["FORMATS", "render", "to_document"]


def to_document(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation for JSON: by section and symbol, its terms and perhaps its value."""
    document: dict[str, Any] = {
        "schema_version": 1,
        "title": explanation.title,
        "legend": explanation.legend,
    }
    for section in explanation.sections:
        entries: dict[str, Any] = {}
        for equation in section.equations:
            entry: dict[str, Any] = {"terms": [list(term) for term in equation.terms]}
            if equation.operation != "sum":
                entry["operation"] = equation.operation
            if equation.steps:
                entry["steps"] = [[list(term) for term in terms] for terms in equation.steps]
            if equation.value is not None:
                entry["value"] = equation.value
            entries[equation.left] = entry
        for statement in section.statements:
            entries[statement.name] = {
                "formula": statement.formula,
                "words": statement.words,
                "remark": statement.remark,
            }
        document[section.key] = entries
    document["takeaways"] = [
        {
            "formula": takeaway.formula,
            "operation": takeaway.operation,
            "result": takeaway.result.rows,
            "arguments": [{"name": m.caption, "rows": m.rows} for m in takeaway.arguments],
            "remarks": takeaway.remarks,
        }
        for takeaway in explanation.takeaways
    ]
    document["notes"] = explanation.notes
    document["verified"] = explanation.verified
    return document


def _to_json(explanation: Explanation) -> str:
    return json.dumps(to_document(explanation), indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Explanation], str]] = {
    "text": to_text,
    "markdown": to_markdown,
    "latex": to_latex,
    "json": _to_json,
    "html": to_html,
}


def render(explanation: Explanation, form: str = "text") -> str:
    """Return the explanation in one of `FORMATS`.

    Raises:
        ConfigError: there is no such format.
    """
    if form not in FORMATS:
        raise ConfigError(f"no format is called {form!r}; {suggestion(form, FORMATS)}")
    return FORMATS[form](explanation)
