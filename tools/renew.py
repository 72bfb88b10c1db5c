"""Writes every generated file anew: the schema, the README's lists of parts, the picture.

python tools/renew.py           writes what has changed, and names it
python tools/renew.py --check   writes nothing; exits 1 and says what to run when a file is old
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import draw_architecture

from cnnrun.config import json_schema
from cnnrun.data import DATASETS, TRANSFORMS
from cnnrun.engine import LAYERS, LOSSES, OPTIMIZERS, SCHEDULES
from cnnrun.registry import Registry

__all__ = ["COMMAND", "generated", "stale"]

ROOT = Path(__file__).parents[1]
COMMAND = "python tools/renew.py"
README_ROWS: dict[str, Registry] = {
    "layers": LAYERS,
    "losses": LOSSES,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "data sets": DATASETS,
    "augmentation": TRANSFORMS,
}
"""From the first cell of a row in the README's table of parts to what the second must name."""


def complete_row(row: str, registry: Registry) -> str:
    """Return a row of the README without names that are gone, and with new ones at the end."""
    known = {name for name in registry if not name.endswith("_for_test")}
    for name in re.findall(r"`(\w+)`", row):
        if name not in known:
            row = row.replace(f" `{name}`", "")
    end = max(row.rfind(f"`{name}`") + len(name) + 2 for name in known if f"`{name}`" in row)
    new = "".join(f" `{name}`" for name in sorted(known) if f"`{name}`" not in row)
    return row[:end] + new + row[end:]


def complete_readme(text: str) -> str:
    """Return the README with every row of its table of parts complete."""
    for label, registry in README_ROWS.items():
        (row,) = re.findall(rf"^\| {label} \| `.*\|$", text, re.M)
        text = text.replace(row, complete_row(row, registry))
    return text


def generated() -> dict[str, str]:
    """Return the text that each generated file should have, by path from the root."""
    return {
        "cnnrun.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        "README.md": complete_readme((ROOT / "README.md").read_text("utf-8")),
        "docs/images/architecture.svg": draw_architecture.draw(),
    }


def stale() -> dict[str, str]:
    """Return those whose text is another one now."""
    files = generated()
    return {
        path: text
        for path, text in files.items()
        if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != text
    }


def main() -> int:
    old = stale()
    if "--check" in sys.argv[1:]:
        if old:
            print(f"no longer current: {', '.join(old)}; run {COMMAND}", file=sys.stderr)
        return 1 if old else 0
    for path, text in old.items():
        (ROOT / path).write_text(text, "utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
