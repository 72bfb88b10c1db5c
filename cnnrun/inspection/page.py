"""The inspection as one HTML page that needs no network: figures, pictures, and words for both."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

__all__ = ["Embedded", "write_page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --soft: #555; --line: #ccc;
  --good: #1d7a3e; --bad: #b3261e; --mark: #f2f5fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181c; --soft: #b0b0b0;
  --line: #444; --good: #6fcf8f; --bad: #ff8a80; --mark: #20242b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { margin-top: 2rem; font-size: 1.25rem; }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem .9rem; font-size: .9rem; }
a { color: inherit; }
.verdict { border-left: 4px solid var(--bad); background: var(--mark); padding: .6rem .9rem; }
.verdict.good { border-color: var(--good); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums;
  width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child, td.words { text-align: left; }
thead th { border-bottom: 1px solid var(--line); }
tbody tr:nth-child(even) { background: var(--mark); }
td.words { color: var(--bad); }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
figure .frame { overflow-x: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .4rem; padding: .3rem; }
figure .frame:focus-visible { outline: 3px solid var(--good); }
figure img { display: block; image-rendering: pixelated; }
figcaption, .soft { color: var(--soft); font-size: .85rem; }
details > summary { cursor: pointer; }
"""


@dataclass(frozen=True)
class Embedded:
    """A picture as the page has it: a PNG, and what it shows in words."""

    layer: str
    kind: str
    description: str
    png: bytes
    size: tuple[int, int]


def write_page(
    path: Path, title: str, document: dict[str, Any], pictures: Sequence[Embedded]
) -> None:
    """Write the page of an inspection whose figures are `document`."""
    heading = f"{title}: what flows backward"
    groups = [(layer, list(group)) for layer, group in groupby(pictures, key=lambda p: p.layer)]
    body = [
        f"<h1>{html.escape(heading)}</h1>",
        _samples(document),
        _navigation([layer for layer, _ in groups]),
        '<section id="flow"><h2>The flow of gradients</h2>',
        _verdict(document["flow"]),
        _flow_table(document["flow"]),
        "</section>",
        _attribution(document["attribution"]),
    ]
    for number, (layer, group) in enumerate(groups):
        name = "On the input" if layer == "input" else layer
        body.append(f'<section id="layer-{number}"><h2>{html.escape(name)}</h2>')
        body.append(f'<div class="pictures">{"".join(map(_picture, group))}</div></section>')
    body.append(_figures(document["layers"]))
    if document["notes"]:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in document["notes"])
        body.append(f'<section id="notes"><h2>What is left out</h2><ul>{items}</ul></section>')
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{html.escape(heading)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )
    path.write_text(text, "utf-8")


def _samples(document: dict[str, Any]) -> str:
    labels = [sample["label"] for sample in document["samples"]]
    shown = ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")
    return (
        f"<p>Gradients of the {document['objective']}, outside training (no dropout, running "
        f"statistics). Samples: {html.escape(shown)}.</p>"
    )


def _navigation(layers: Sequence[str]) -> str:
    links = ['<a href="#flow">flow</a>', '<a href="#figures">figures</a>']
    links += [
        f'<a href="#layer-{number}">{html.escape(layer)}</a>' for number, layer in enumerate(layers)
    ]
    return f'<nav aria-label="Parts of this page">{"".join(links)}</nav>'


def _verdict(flow: dict[str, Any]) -> str:
    kind = "verdict good" if flow["healthy"] else "verdict"
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in flow["verdict"])
    return f'<div class="{kind}" role="status">{lines}</div>'


def _flow_table(flow: dict[str, Any]) -> str:
    columns = {
        "layer": "layer",
        "error_norm": "|error|",
        "relative_error": "of the output's",
        "output_rms": "output rms",
        "weight_norm": "|weights|",
        "gradient_norm": "|gradient|",
        "gradient_to_weight": "ratio",
        "zeros": "zeros",
        "dead": "dead",
    }
    head = "".join(f'<th scope="col">{html.escape(words)}</th>' for words in columns.values())
    rows = []
    for layer in flow["layers"]:
        cells = "".join(f"<td>{_cell(key, layer[key])}</td>" for key in columns)
        rows.append(f'<tr>{cells}<td class="words">{html.escape(layer["words"])}</td></tr>')
    return (
        f'<p class="soft">Measured on {flow["samples"]} samples.</p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Flow of gradients by layer">'
        f"<table><thead><tr>{head}<th></th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key in ("zeros", "dead"):
        return f"{100 * value:.0f}%"
    return html.escape(value) if isinstance(value, str) else f"{value:.3g}"


def _attribution(found: dict[str, Any]) -> str:
    if not found["maps"]:
        return ""
    errors = found["completeness_error"]
    worst = f"{100 * max(errors):.2f}%" if errors else ""
    text = (
        f"Integrated gradients took {found['integrated_gradients_steps']} steps; their sum misses "
        f"the change of the objective by {worst} at most."
    )
    if found["grad_cam_layer"]:
        text += f" Grad-CAM weighs the channels of {found['grad_cam_layer']}."
    text += f" Occlusion blanks squares of {found['occlusion_patch']} pixels."
    return f'<section id="attribution"><h2>Attribution</h2><p>{html.escape(text)}</p></section>'


def _picture(picture: Embedded) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    words = html.escape(picture.description, quote=True)
    width, height = picture.size
    return (
        f'<figure><div class="frame" tabindex="0" role="group" aria-label="{words}">'
        f'<img alt="{words}" width="{width}" height="{height}" loading="lazy" '
        f'src="data:image/png;base64,{data}"></div><figcaption>{words}</figcaption></figure>'
    )


def _figures(rows: Sequence[dict[str, Any]]) -> str:
    keys = ["layer", "tensor", "shape", "norm", "mean", "std", "min", "max", "zeros", "nan",
            "gradient_to_weight"]  # fmt: skip
    head = "".join(f'<th scope="col">{key.replace("_", " ")}</th>' for key in keys)
    body = []
    for row in rows:
        cells = []
        for key in keys:
            value = row[key]
            if key == "shape":
                value = " x ".join(map(str, value))
            cells.append(f"<td>{value if key == 'nan' else _cell(key, value)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<section id="figures"><h2>Figures of every array</h2><details><summary>'
        f'{len(rows)} arrays</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="Figures of every array"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div></details></section>"
    )
