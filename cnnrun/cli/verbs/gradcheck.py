"""`cnnrun gradcheck`: holds hand-written gradients against numerical derivatives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnrun.cli.foreign import (
    Constants,
    Device,
    DTypeOption,
    Foreign,
    Functions,
    Inputs,
    Jax,
    LayoutOption,
    Like,
    NoGradient,
    Program,
    Reference,
    Timeout,
    Torch,
)
from cnnrun.cli.options import (
    DataRoots,
    Json,
    Overrides,
    Plugins,
    Quiet,
    RunsDir,
    load,
    load_plugins,
    load_run,
)
from cnnrun.cli.output import message, print_json
from cnnrun.cli.progress import CheckProgress
from cnnrun.cli.reports import show_mutants, show_report
from cnnrun.errors import ConfigError, GradientError, UnresolvedError

if TYPE_CHECKING:
    from cnnrun.config import Experiment
    from cnnrun.gradcheck import Report
    from cnnrun.runs import Run

NAME = "gradcheck"


def command(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|CONFIG",
            help="A configuration, or a trained run; without it, every registered layer and loss.",
        ),
    ] = None,
    overrides: Overrides = None,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="One registered layer, or with options: 'conv2d: {filters: 3}'."
        ),
    ] = None,
    functions: Functions = None,
    torch: Torch = None,
    jax: Jax = None,
    program: Program = None,
    inputs: Inputs = None,
    constants: Constants = None,
    no_gradient: NoGradient = None,
    like: Like = None,
    layout: LayoutOption = None,
    device: Device = "cpu",
    dtype: DTypeOption = "float64",
    reference: Reference = None,
    timeout: Timeout = 10.0,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Only these layers: conv1,3,07_dense; or, without CONFIG, types."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Images of CONFIG's data.")
    ] = 5,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of all random numbers.")] = 0,
    budget: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Most forward passes; above, elements are sampled."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="N", min=0.1, help="Most time; which elements fit depends on the machine."
        ),
    ] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Plant known mistakes; each must be found.")
    ] = False,
    checkpoint: Annotated[
        str, typer.Option(metavar="best|last", help="Which weights of a run.")
    ] = "best",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the report here as JSON; that of a run goes into it."
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report here as JUnit XML.")
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write error maps and pictures here.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one page about the check here.")
    ] = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check gradients: which is wrong, where, and what kind of mistake it looks like.

    Exit code 0: all right; 1: a wrong gradient; 4: nothing could be resolved.

    Example: cnnrun gradcheck configs/lenet_mnist5k.yaml
    """
    from cnnrun.gradcheck.mutants import EXECUTION_MUTANTS, LOSS_MUTANTS, MUTANTS
    from cnnrun.runs.gradient_check import gradcheck as check
    from cnnrun.runs.networks import is_config_file

    quiet = quiet or json
    run: Run | None = None
    foreign = Foreign(
        functions=functions, torch=torch, jax=jax, program=program, inputs=inputs or [],
        constants=constants or [], no_gradient=no_gradient or [], like=like, layout=layout,
        device=device, dtype=dtype, reference=reference, timeout=timeout,
    )  # fmt: skip
    foreign.check_alone(config=config, layer=layer, layers=layers)
    if config is None or is_config_file(config):
        load_plugins(plugin)
    else:  # found once: `last` may mean another run by the time that the check is done
        run = load_run(str(config), runs_dir, plugin, data_root)
    if self_test and not foreign.kind:
        if config or layer:
            raise typer.BadParameter("--self-test checks the checker, without CONFIG or --layer")
        count = len(MUTANTS) + len(LOSS_MUTANTS) + len(EXECUTION_MUTANTS)
        message(f"{count} planted mistakes, about {count // 8} s", quiet=quiet)
        report = check(self_test=True, seed=seed)
    elif foreign.kind:
        with CheckProgress(quiet) as show:
            report = check(
                **foreign.opened(),
                self_test=self_test,
                seed=seed,
                budget=budget,
                seconds=seconds,
                on_progress=show,
            )
    else:
        input_shape = foreign.input_shape()
        with CheckProgress(quiet) as show:
            report = check(
                _subject(run or config, overrides, layer, input_shape),
                input_shape=_shape(input_shape),
                layers=[word.strip() for word in layers.split(",")] if layers else (),
                samples=None if config is None else samples,
                checkpoint=checkpoint,
                seed=seed,
                budget=budget,
                seconds=seconds,
                on_progress=show,
            )
    if run is not None and output is None:
        output = run.folder / "gradcheck.json"
    _write(report, output, junit, maps, html, quiet)
    if json:
        print_json(report.to_dict())
    elif report.mutants is not None:
        show_mutants(report)
    else:
        show_report(report)
    if report.verdict != "pass":
        raise typer.Exit(
            GradientError.exit_code if report.verdict == "fail" else UnresolvedError.exit_code
        )


def _subject(
    config: Run | str | None, overrides: list[str] | None, layer: str | None, shape: str | None
) -> Experiment | Run | Any:
    """Return what is to be checked: a run, an experiment, or a layer; None for all layers."""
    if config is not None and (layer is not None or shape is not None):
        raise typer.BadParameter("--layer and --input go without CONFIG; --layers selects")
    if layer is not None:
        return _layer(layer)
    if shape is not None:
        raise typer.BadParameter("--input is the input of --layer")
    if isinstance(config, str):
        return load(Path(config), overrides)
    if overrides:
        raise typer.BadParameter("a run's configuration is fixed; overrides go with CONFIG")
    return config


def _layer(text: str) -> Any:
    """Return a name, or the options that `NAME: {OPTION: VALUE}` says."""
    from cnnrun.config import read_layer

    return text if re.fullmatch(r"\w+", text) else read_layer(text, "--layer")


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", text):
        raise ConfigError(f"--input {text}: write sizes as in 8x8x3, or 10 for a vector")
    return tuple(int(size) for size in text.split("x"))


def _write(
    report: Report,
    output: Path | None,
    junit: Path | None,
    maps: Path | None,
    html: Path | None,
    quiet: bool,
) -> None:
    """Write the files that were asked for."""
    from cnnrun.gradcheck.report.error_maps import write_error_maps
    from cnnrun.gradcheck.report.junit import to_junit
    from cnnrun.runs.files import dump_json

    files = []
    for path, text in ((output, dump_json), (junit, None)):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(report.to_dict()) + "\n" if text else to_junit(report), "utf-8")
            files.append(str(path))
    if maps is not None:
        maps.mkdir(parents=True, exist_ok=True)
        (maps / "gradcheck.json").write_text(dump_json(report.to_dict()) + "\n", "utf-8")
        _, *pictures = write_error_maps(report, maps)
        files.append(f"{maps}/gradcheck.json, errors.npz and pictures of {len(pictures)} tensors")
    if html is not None:
        from cnnrun.report import write_gradcheck_page

        files.append(str(write_gradcheck_page(report, html)))
    for file in files:
        message(f"wrote {file}", quiet=quiet)
