"""What `cnnrun runs show` says of a run's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnrun.cli.tables import print_table

if TYPE_CHECKING:
    from cnnrun.runs import Run

__all__ = ["further_metrics", "print_record"]

ELSEWHERE = ("schema_version", "final", "best", "segments", "workers_slow", "stopped_early")
"""Keys of a record that are shown in other words, or that only a program asks for."""


def further_metrics(record: dict[str, Any]) -> list[str]:
    """Return the metrics that epochs of a run are chosen by or stopped for, besides the usual."""
    named = [record.get("chosen_by"), (record.get("stopped_early") or {}).get("monitor")]
    others = dict.fromkeys(key for key in named if key)
    return [key for key in others if key.partition("_")[2] not in ("loss", "accuracy")]


def print_record(run: Run) -> None:
    """Print the record of a run, and by which configurations it was trained."""
    from cnnrun.runs.comparison import flat
    from cnnrun.runs.plugins import recorded_plugins

    kept = {key: value for key, value in run.record.items() if key not in ELSEWHERE}
    facts = [[key, _said(key, value)] for key, value in flat(kept)]
    if stopped := run.record.get("stopped_early"):
        facts.append(["stopped_early", stopped["reason"]])
    if slow := run.record.get("workers_slow"):
        facts.append(["workers_slow", _slowness(slow)])
    facts += [
        ["plug-in", f"{plugin['name']} {plugin['sha256'][:12]}"] for plugin in recorded_plugins(run)
    ]
    print_table(run.name, ["", "value"], facts, left=["", "value"])
    _print_segments(run.record.get("segments", []))


def _said(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    if key == "parameters":
        return f"{value:,}"
    return f"{value:.1f}" if key == "seconds" else str(value)


def _slowness(slow: dict[str, Any]) -> str:
    together, alone = 1000 * slow["together"], 1000 * slow["alone"]
    return f"{together:.1f} ms a step on {slow['workers']} workers, {alone:.1f} ms on one"


def _print_segments(segments: list[dict[str, Any]]) -> None:
    """Print by which configurations a run was trained, if there are several."""
    if len(segments) < 2:
        return
    rows = [
        [
            str(segment["from_step"]),
            str(segment["from_epoch"]),
            segment["configuration"][:12],
            ", ".join(plugin["sha256"][:12] for plugin in segment.get("plugins", [])) or "-",
            " ".join(segment["command"]),
        ]
        for segment in segments
    ]
    columns = ["from step", "from epoch", "configuration", "plug-ins", "command"]
    print_table("segments", columns, rows, left=columns[2:])
