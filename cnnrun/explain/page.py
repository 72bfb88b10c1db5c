"""An explanation as one HTML page that needs nothing else, light or dark, wide or narrow."""

from __future__ import annotations

import html

from cnnrun.explain.document import Equation, Explanation, Matrix, Section, Takeaway
from cnnrun.explain.markup import to_html_symbol, to_html_text
from cnnrun.explain.text import number

__all__ = ["to_html"]

MINUS = "\N{MINUS SIGN}"

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --soft: #5a5a5a; --line: #d0d0d0;
  --mark: #eef3fb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181c; --soft: #a8a8a8;
  --line: #3d4148; --mark: #20262f; } }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.55 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.legend, .intro, .remark { color: var(--soft); }
.legend { padding-left: 1.2rem; }
.equations { overflow-x: auto; } .equations table { border-collapse: collapse; }
.equations td { padding: .18rem .35rem; vertical-align: baseline; }
.equations td:first-child { white-space: nowrap; text-align: right; }
.equations tr.number td { color: var(--soft); padding-top: 0; }
.term { white-space: nowrap; } sub { font-size: .72em; }
.takeaway { background: var(--mark); border-radius: .5rem; padding: .8rem 1rem; margin: 1rem 0; }
.takeaway h3 { font-size: 1rem; margin: 0 0 .6rem; }
.formula { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; }
figure { margin: 0; overflow-x: auto; max-width: 100%; }
figcaption { font-size: .8rem; color: var(--soft); max-width: 22rem; }
table.matrix { border-collapse: collapse; border-left: 2px solid; border-right: 2px solid; }
table.matrix td { padding: .15rem .5rem; text-align: center; white-space: nowrap; }
.verified { border-left: 4px solid #2a8a4a; padding-left: .7rem; }
dt { font-weight: 600; margin-top: .6rem; } dd { margin-left: 1rem; } code { font-size: .92em; }
dd code { overflow-wrap: anywhere; }
"""


def to_html(explanation: Explanation) -> str:
    """Return the page as text."""
    title = html.escape(explanation.title)
    legend = "".join(f"<li>{to_html_text(line)}</li>" for line in explanation.legend)
    body = [f"<h1>{title}</h1>", f'<ul class="legend">{legend}</ul>' if legend else ""]
    body += [_section(section) for section in explanation.sections]
    if explanation.takeaways:
        body.append("<h2>In matrix form</h2>")
        body += [_takeaway(takeaway) for takeaway in explanation.takeaways]
    notes = "".join(f"<li>{to_html_text(note)}</li>" for note in explanation.notes)
    body.append(f'<ul class="legend">{notes}</ul>' if notes else "")
    if explanation.verified:
        verified = html.escape(explanation.verified)
        body.append(f'<p class="verified"><strong>Verified:</strong> {verified}.</p>')
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    parts = [f"<section><h2>{html.escape(section.title)}</h2>"]
    if section.intro:
        parts.append(f'<p class="intro">{to_html_text(section.intro)}</p>')
    if section.equations:
        rows = "\n".join(_equation(equation) for equation in section.equations)
        parts.append(f'<div class="equations" tabindex="0"><table>\n{rows}\n</table></div>')
    if section.statements:
        items = "".join(
            f"<dt>{html.escape(s.name)}</dt>"
            f"<dd><code>{html.escape(s.formula)}</code>"
            + (f'<br><span class="remark">{html.escape(s.remark)}</span>' if s.remark else "")
            + "</dd>"
            for s in section.statements
        )
        parts.append(f"<dl>{items}</dl>")
    return "\n".join(parts) + "</section>"


def _equation(equation: Equation) -> str:
    terms = [" ".join(map(to_html_symbol, term)) for term in equation.terms]
    left = to_html_symbol(equation.left)
    rows = [f"<tr><td>{left}</td><td>=</td><td>{_joined(terms, equation.operation)}</td></tr>"]
    if equation.value is not None and equation.numbers:
        products = [" · ".join(_signed(n) for n in factors) for factors in equation.numbers]
        joined = _joined(products, equation.operation)
        value = number(equation.value).replace("-", MINUS)
        rows.append(
            f'<tr class="number"><td></td><td>=</td><td>{joined} = <strong>{value}</strong></td>'
            "</tr>"
        )
    return "\n".join(rows)


def _joined(terms: list[str], operation: str) -> str:
    if not terms:
        return "0"
    spans = [f'<span class="term">{term}</span>' for term in terms]
    return f"max({', '.join(spans)})" if operation == "max" else " + ".join(spans)


def _signed(value: float) -> str:
    text = number(value).replace("-", MINUS)
    return f"({text})" if text.startswith(MINUS) else text


def _takeaway(takeaway: Takeaway) -> str:
    arguments = '<span aria-hidden="true">,</span>'.join(map(_matrix, takeaway.arguments))
    remarks = "".join(f"<li>{html.escape(remark)}</li>" for remark in takeaway.remarks)
    return (
        f'<section class="takeaway"><h3>{html.escape(takeaway.formula)}</h3>'
        f'<div class="formula">{_matrix(takeaway.result)}<span>= {takeaway.operation}(</span>'
        f"{arguments}<span>)</span></div>"
        + (f'<ul class="remark">{remarks}</ul>' if remarks else "")
        + "</section>"
    )


def _matrix(matrix: Matrix) -> str:
    rows = "".join(
        f"<tr>{''.join(f'<td>{to_html_symbol(cell)}</td>' for cell in row)}</tr>"
        for row in matrix.rows
    )
    caption = html.escape(matrix.caption)
    return (
        f'<figure tabindex="0"><table class="matrix" aria-label="{caption}">{rows}</table>'
        f"<figcaption>{caption}</figcaption></figure>"
    )
