"""A verb of the command line: its help is in sections, and an option that it lacks is answered with
the override for it. A group of verbs says of each what it does, uncut.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from cnnrun.cli.help import sections

__all__ = ["Group", "Verb"]


class Group(TyperGroup):
    """Verbs, whose first sentences are folded in the help where they are long."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of verbs."""
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(verb)) for name, verb in verbs])


def _first_sentence(verb: Any) -> str:
    paragraph, _, _ = (verb.help or "").partition("\n\n")
    return " ".join(paragraph.split()).removesuffix(".")


class Verb(TyperCommand):
    """A verb whose `--lr 0.1` is answered with `optimizer.sgd.learning_rate=0.1`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line, those that must be given without braces."""
        pieces = super().collect_usage_pieces(ctx)
        return [re.sub(r"^\{(.*?)(?:\.\.\.)?\}", r"\1", piece) for piece in pieces]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options of the help, many options under several headings."""
        params = self.get_params(ctx)
        arguments = [param for param in params if param.param_type_name == "argument"]
        options = [param for param in params if param.param_type_name == "option"]
        for heading, under in {"Arguments": arguments, **sections(options)}.items():
            records = [record for param in under if (record := param.get_help_record(ctx))]
            if records:
                with formatter.section(heading):
                    formatter.write_dl([(_named(names), text) for names, text in records])

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words behind the verb."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            # Some versions of Typer bring their own copy of click: NoSuchOption has two homes.
            if type(error).__name__ == "NoSuchOption":
                option: str = error.option_name  # type: ignore[attr-defined]
                if override := _override_for(option, words):
                    text = f"No such option: {option}; did you mean {override} (without dashes)?"
                    error.message, error.possibilities = text, []  # type: ignore[attr-defined]
            raise


def _named(names: str) -> str:
    """Return an argument or option as a user types it: without the type that Typer puts there."""
    if names.startswith("-"):
        return re.sub(r"<(.*)>$", r"\1", names)  # <train|val|test>
    return re.sub(r"[{}]", "", re.sub(r" <.*>$", "", names))  # RUN <str>


def _override_for(option: str, words: list[str]) -> str:
    """Return what sets the setting that an unknown option means; empty if nothing is near."""
    from cnnrun.config import keys_meant_in

    files = [Path(word) for word in words if word.endswith((".yaml", ".yml"))]
    place = next(i for i, word in enumerate(words) if word.partition("=")[0] == option)
    _, equals, value = words[place].partition("=")
    if not equals:
        value = words[place + 1] if place + 1 < len(words) else "VALUE"
    meant = keys_meant_in(files[0], option) if files else []
    return " or ".join(f"{key}={value}" for key in meant)
