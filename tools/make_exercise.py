"""Write docs/exercise/README.md: what the checker says of each wrong layer, as real output.

python tools/make_exercise.py
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/exercise"

HEAD = """\
# Exercise: five wrong backwards

`wrong_layers.py` beside this page holds five layers as they are handed in: every forward is right,
every backward has one mistake. Read a layer, say which gradient is wrong and why, then open the
answer. Each answer is the output of the command above it.

A check with an upstream gradient of ones passes the last one, and on random data it passes the
second one too: see [how the check works](../gradcheck.md).
"""

ANSWER = """
## {number}. `{name}`

{question}

```sh
{command}
```

<details>
<summary>What the checker says</summary>

```
{output}
```

</details>
"""

LAYER = re.compile(r'@LAYERS\.register\("(\w+)"\)\nclass \w+\(Layer\):\n    """(.+)"""')


def answer(name: str) -> tuple[str, str]:
    """Return the command that checks a layer, and what it prints."""
    command = f"cnnrun gradcheck --plugin docs/exercise/wrong_layers.py --layer {name}"
    arguments = [sys.executable, "-m", *command.split()]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 1:
        raise SystemExit(f"{name}: exit code {done.returncode}\n{done.stderr}")
    return command, done.stdout.strip()


def page() -> str:
    """Return the whole page."""
    layers = LAYER.findall((FOLDER / "wrong_layers.py").read_text("utf-8"))
    parts = [HEAD]
    for number, (name, question) in enumerate(layers, start=1):
        command, output = answer(name)
        parts.append(
            ANSWER.format(
                number=number, name=name, question=question, command=command, output=output
            )
        )
    return "".join(parts)


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(page(), "utf-8")
