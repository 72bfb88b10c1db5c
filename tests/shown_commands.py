"""The commands that a document shows."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command of a document, with the output that is shown below it."""

    document: str
    words: tuple[str, ...]
    output: str = ""
    in_prose: bool = False

    def __str__(self) -> str:
        return f"{self.document}: {shlex.join(self.words)}"


def commands_of(document: str, text: str) -> list[Command]:
    """Return the commands of a document: of its blocks of code, and of the lines of its text."""
    commands = []
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, output = part.partition("\n")
            if line.startswith("cnnrun "):
                commands.append(Command(document, tuple(shlex.split(line)[1:]), output))
    scripts = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M))
    typed = re.findall(r"^(?:.* && )?(?:\S+/)?cnnrun (.+)$", scripts, re.M)
    commands += [Command(document, tuple(shlex.split(line))) for line in typed]
    prose = re.findall(r"`cnnrun ([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    commands += [Command(document, tuple(shlex.split(line)), in_prose=True) for line in prose]
    return commands
