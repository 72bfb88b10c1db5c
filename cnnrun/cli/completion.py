"""What the shell completes: names of runs, and keys of a configuration for overrides."""

from __future__ import annotations

from pathlib import Path

import typer

__all__ = ["override_keys", "run_and_group_names", "run_names"]


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the runs that may be meant, the newest first."""
    from cnnrun.runs.folder import list_runs

    runs_dir = Path(ctx.params.get("runs_dir") or "runs")
    names = ["last", *(run.name for run in reversed(list_runs(runs_dir)))]
    return [name for name in names if name.startswith(incomplete)]


def run_and_group_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the runs and groups that may be meant, the newest first."""
    from cnnrun.runs.groups import list_groups

    groups = reversed(list_groups(ctx.params.get("runs_dir") or "runs"))
    names = [group.name for group in groups if group.name.startswith(incomplete)]
    return [*run_names(ctx, incomplete), *names]


def override_keys(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what may be overridden in the configuration that stands before, each as `KEY=`."""
    from cnnrun.config import keys_of

    config = ctx.params.get("config")
    keys = [] if config is None else keys_of(Path(config))
    return [f"{key}=" for key in keys if key.startswith(incomplete)]
