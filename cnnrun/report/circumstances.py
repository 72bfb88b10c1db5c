"""Under what circumstances a run was made: its settings, its network, its machine, its commands."""

from __future__ import annotations

import re
import shlex
from typing import Any

from cnnrun.config.changed import ChangedSetting, changed_settings
from cnnrun.config.experiment import Experiment
from cnnrun.engine import Network, summarize
from cnnrun.engine.names import format_size
from cnnrun.report.blocks import Code, Section, Table, Text, shown
from cnnrun.runs.folder import Run
from cnnrun.untrusted import visible

__all__ = ["environment_section", "network_section", "settings_section"]

ITEM = re.compile(r"((?:network|data\.augment|data\.corrupt)\[\d+\])\.?(.*)")


def settings_section(experiment: Experiment) -> Section:
    """Return the settings that are not the defaults; those of a layer stand together."""
    changed = changed_settings(experiment)
    rows: dict[str, list[str]] = {}
    for setting in changed:
        item = ITEM.fullmatch(setting.path)
        if item is None:
            rows[setting.path] = [_value(setting.value), _default(setting)]
        elif not item[2]:
            rows[item[1]] = [_value(setting.value), ""]
        else:
            inner = item[2].partition(".")[2]
            words = f"{inner} {_value(setting.value)}"
            before = rows[item[1]][0]
            rows[item[1]][0] = f"{before}, {words}" if ":" in before else f"{before}: {words}"
    cells = [[path, *values] for path, values in rows.items()]
    table = Table("", ("setting", "value", "default"), cells, words=True)
    numbers = {setting.path: setting.value for setting in changed}
    return Section("Settings that are not the defaults", [table], {"settings": numbers})


def network_section(network: Network) -> Section:
    """Return the network, layer by layer."""
    summary = summarize(network)
    rows = [
        [
            "\N{NO-BREAK SPACE}" * 3 * layer.depth + layer.name,
            format_size(layer.output_shape),
            f"{layer.parameters:,}" if layer.parameters else "-",
            f"{layer.multiply_adds:,}" if layer.multiply_adds else "-",
        ]
        for layer in summary.layers
    ]
    rows.append(["total", "", f"{summary.parameters:,}", f"{summary.multiply_adds:,}"])
    columns = ("layer", "output", "parameters", "multiply-adds")
    words = f"input {format_size(summary.input_shape)}; for one sample"
    return Section("Network", [Table(words, columns, rows)], {"network": summary.to_dict()})


def environment_section(run: Run, record: dict[str, Any]) -> list[Section]:
    """Return where the run was trained, and the commands that repeat it."""
    versions = record.get("versions") or {}
    git = record.get("git")
    rows = [
        *([name, shown(value)] for name, value in versions.items()),
        *(
            [key.replace("_", " "), shown(record[key])]
            for key in ("cpu", "platform", "workers", "seed", "started", "finished", "seconds")
            if record.get(key) is not None
        ),
        *([["git", _value(git)]] if git else []),
    ]
    circumstances = Section("Environment", [Table("", (), rows, words=True)])
    circumstances.numbers = {key: record.get(key) for key in ("versions", "cpu", "platform", "git")}
    begun = [_typed(segment.get("command", [])) for segment in record.get("segments") or []]
    folder = shlex.quote(str(run.folder))
    lines = [
        *(f"{line}  # as it was trained" for line in dict.fromkeys(begun) if line),
        f"cnnrun reproduce {folder}  # trains it again and compares",
        f"cnnrun train {folder}/config.yaml  # the same training as a new run",
        f"cnnrun evaluate {folder}",
    ]
    commands = Section("Commands", [Code("\n".join(map(visible, lines)))])
    try:
        configuration = run.config.read_text("utf-8", "backslashreplace")
    except OSError:
        return [circumstances, commands]
    commands.blocks += [Text("config.yaml, with every default:"), Code(visible(configuration))]
    return [circumstances, commands]


def _typed(words: list[str]) -> str:
    """Return a recorded command as one types it."""
    return f"cnnrun {shlex.join(words[1:])}" if len(words) > 1 else ""


def _default(setting: ChangedSetting) -> str:
    return "has to be given" if setting.required else _value(setting.default)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_value(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return visible(str(value))
