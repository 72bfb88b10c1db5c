"""`cnnrun bench`: measures training steps, and PyTorch beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.options import (
    ConfigFile,
    Json,
    Overrides,
    Plugins,
    Quiet,
    Workers,
)
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import count, figure, print_table, print_text, size
from cnnrun.errors import ConfigError

if TYPE_CHECKING:
    from cnnrun.bench import Benchmark, RanksBenchmark, Result

NAME = "bench"


def command(
    config: ConfigFile,
    overrides: Overrides = None,
    batch: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Samples of a step: 32,64,256. [default: the file's]"),
    ] = None,
    against: Annotated[
        Literal["torch"] | None, typer.Option(help="Measure PyTorch too, in turn with ours.")
    ] = None,
    ranks: Annotated[
        bool,
        typer.Option(
            "--ranks",
            help="Measure the ranks that mpiexec has started: computing, exchange, update, and the "
            "bytes that each sends.",
        ),
    ] = False,
    workers: Workers = None,
    seconds: Annotated[
        float, typer.Option(metavar="S", min=0.1, max=600, help="To spend on each median.")
    ] = 3.0,
    plugin: Plugins = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure training steps: time, layer by layer, and how near they come to the machine's limit.

    Example: cnnrun bench configs/bench/lenet.yaml --batch 32,64,256 --against torch
    """
    from cnnrun.bench import bench, bench_ranks

    batches = _batches(batch)
    if ranks:
        if against is not None:
            raise ConfigError("--against: goes with one process, not with --ranks")
        shared = bench_ranks(
            config,
            overrides or (),
            plugins=plugin or (),
            batches=batches,
            workers=workers,
            seconds=seconds,
        )
        if shared.is_leader:
            _show_ranks(shared, json=json)
        return

    def show_step(result: Result) -> None:
        done = f"batch {result.batch}: {result.step_ms:.2f} ms a step"
        message(done, quiet=quiet or json or len(batches) < 2)

    benchmark = bench(
        config,
        overrides or (),
        plugins=plugin or (),
        batches=batches,
        against_torch=against == "torch",
        workers=workers,
        seconds=seconds,
        on_result=show_step,
    )
    if json:
        print_json(benchmark.to_dict())
    else:
        for result in benchmark.results:
            _show_layers(result)
        _show(benchmark)
    benchmark.raise_if_different()


def _show_ranks(benchmark: RanksBenchmark, *, json: bool) -> None:
    if json:
        print_json(benchmark.to_dict())
        return
    rows = [
        [
            str(result.batch),
            str(result.shards),
            figure(result.step_ms, 2),
            figure(result.compute_ms, 2),
            figure(result.exchange_ms, 2),
            figure(result.update_ms, 2),
            f"{result.sent_bytes:,.0f}",
            f"{result.formula_bytes:,.0f}",
            f"{result.further_bytes:,.0f}",
        ]
        for result in benchmark.results
    ]
    columns = [
        "batch", "shards", "step ms", "compute", "exchange", "update", "bytes sent", "formula",
        "further",
    ]  # fmt: skip
    plural = "" if benchmark.workers == 1 else "s"
    print_table(
        f"{benchmark.name}: {benchmark.ranks} ranks, {benchmark.workers} worker{plural} each",
        columns,
        rows,
    )
    print_text(
        "medians of a step, and bytes, mean over the ranks; exchange: sending, and waiting for the "
        "slowest; "
        f"formula: (s + 1) 4P (R - 1) / R of P = {benchmark.parameters:,} parameters, R ranks and "
        "s sums a rank; further: sums that layers ask for, losses, the norm"
    )


def _batches(given: str | None) -> list[int]:
    """Return the batch sizes of a list such as `32,64,256`."""
    sizes = []
    for word in given.split(",") if given is not None else []:
        if not word.strip().isdecimal() or not 0 < int(word) <= 1 << 20:
            raise ConfigError(f"--batch {given}: {word.strip()!r} is not a number of samples")
        sizes.append(int(word))
    return sizes


def _show_layers(result: Result) -> None:
    rows = [
        [
            layer.name,
            layer.method or "",
            figure(layer.forward_ms, 2),
            figure(layer.backward_ms, 2),
            count(layer.multiply_adds * result.batch),
            figure(layer.gflops, 1),
            _percent(layer.limit_share),
        ]
        for layer in result.layers
    ]
    rows.append(["all else", "", figure(result.other_ms, 2), "", "", "", ""])
    print_table(
        f"batch {result.batch}, layer by layer",
        ["layer", "method", "forward ms", "backward ms", "multiply-adds", "GFLOP/s", "of limit"],
        rows,
        left=["layer", "method"],
    )


def _show(benchmark: Benchmark) -> None:
    results, machine = benchmark.results, benchmark.machine
    columns = ["batch", "step ms", "samples/s", "data wait", "of limit", "memory"]
    has_torch = results[0].torch is not None
    if has_torch:
        columns += ["torch ms", "channels last", "ratio", "difference"]
    rows = []
    for result in results:
        row = [
            str(result.batch),
            figure(result.step_ms, 2),
            f"{result.samples_per_second:,.0f}",
            _percent(result.data_wait_share),
            _percent(result.gemm_limit_share),
            size(result.memory_bytes),
        ]
        if result.torch:
            row += [
                figure(result.torch.step_ms["default"], 2),
                figure(result.torch.step_ms["channels_last"], 2),
                figure(result.torch.ratio, 2),
                f"{result.torch.max_relative_difference:.1e}",
            ]
        rows.append(row)
    print_table(f"{benchmark.name}: median training steps", columns, rows)
    plural = "" if machine["workers"] == 1 else "s"
    print_text(
        f"{machine['processor']}, {machine['workers']} worker{plural}; NumPy {machine['numpy']}, "
        f"{machine['blas'] or 'unknown BLAS'}"
        + (f", numba {machine['numba']}" if machine["numba"] else "")
    )
    print_text(
        f"limit: the same matrix products alone, {results[-1].gemm_limit_gflops:.0f} GFLOP/s; "
        "above 100% where multiplications are saved"
    )
    if results[0].torch:
        print_text(
            f"ratio: PyTorch {results[0].torch.version}'s better layout over ours; difference: of "
            "loss and gradients, at most"
        )
    if (per_sample := benchmark.memory_bytes_per_sample) is not None:
        print_text(f"memory: {per_sample / 1024:,.1f} KiB more for each further sample")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f}%"
