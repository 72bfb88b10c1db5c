"""One check: its points are planned within a budget, run one by one, and summed up in a report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import GradientError
from cnnrun.gradcheck.budget import Budget, Cost
from cnnrun.gradcheck.diagnosis.naming import diagnose
from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.points.probes import Outcome
from cnnrun.gradcheck.points.sampling import choose
from cnnrun.gradcheck.precision import DOUBLE
from cnnrun.gradcheck.report.executed import ExecutedResult
from cnnrun.gradcheck.report.findings import Finding, describe_crash, written_apart
from cnnrun.gradcheck.report.report import Guilty, Report
from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.coverage import Coverage, cover
from cnnrun.gradcheck.stages.elements import Tensor, compare
from cnnrun.gradcheck.stages.exact import check_conservation, check_linearity
from cnnrun.gradcheck.stages.executed import ExecutedStep

__all__ = ["Check"]

REDRAWS = 2


class Check:
    """What will be checked, at which cost; `run` does it and `report` says what came out."""

    def __init__(
        self,
        title: str,
        points: Sequence[Point],
        *,
        seed: int,
        findings: Sequence[Finding] = (),
        order: Sequence[str] = (),
        budget: int | None = None,
        seconds: float | None = None,
        notes: Sequence[str] = (),
        step: ExecutedStep | None = None,
    ) -> None:
        """Plan a check.

        Args:
            title: what is checked, in words.
            points: where.
            seed: of the elements chosen, and of upstream gradients.
            findings: mistakes that are known already.
            order: layer names, in the order in which a wrong one is blamed.
            budget: the most forward passes; elements are sampled to keep it.
            seconds: the most time, as far as it can be told beforehand.
            notes: what a reader should know.
            step: of training, to be checked as it runs.
        """
        self.title, self.points, self.seed = title, list(points), seed
        self.findings, self.notes = list(findings), list(notes)
        self.step = step
        self._executed: ExecutedResult | None = None
        self.order = list(dict.fromkeys([*order, *(p.layer for p in points)]))
        self._rng = np.random.default_rng([seed, 1])
        self._rows: dict[tuple[str, str], Row] = {}
        for point in self.points:
            for tensor, size in point.sizes().items():
                row = self._row(point.layer, point.reported(tensor))
                row.size = max(row.size, size)
                row.is_zero = row.is_zero or tensor in point.zero
        planned = Budget(self.points, budget, seconds)
        self.cost, self._elements_per_tensor = planned.cost, planned.elements_per_tensor
        self.is_sampled = any(row.size > self._elements_per_tensor for row in self._rows.values())
        self._spent = Cost(0, 0.0)

    def run(self) -> Iterator[int]:
        """Check point after point; yield the number of forward passes done so far."""
        start = time.perf_counter()
        passes = 0
        for point in self.points:
            try:
                with np.errstate(all="ignore"):  # what is not finite is a finding, not a warning
                    passes += self._run_point(point)
            except GradientError as error:  # said in words by what is checked
                self.findings.append(Finding(point.layer, None, "contract", str(error)))
            except Exception as error:
                message = f"crashes while it is checked: {describe_crash(error)}"
                self.findings.append(Finding(point.layer, None, "contract", message))
            yield passes
        if self.step is not None:
            self._executed = self.step.run()
            self.findings += self._executed.findings
        self._spent = Cost(passes, time.perf_counter() - start)

    def report(self) -> Report:
        """Return the verdict on every tensor, and which one to look at first."""
        warnings = [finding.message for finding in self.findings if finding.is_warning]
        for finding in self.findings:
            if finding.is_warning:
                continue
            row = self._row(finding.layer, finding.tensor or "-")
            if finding not in row.findings:
                row.findings.append(finding)
        rows, vanished = self._settled_rows()
        for row in rows:
            if row.verdict == "fail":
                row.diagnosis = self._diagnose(row)
        guilty = self._guilty(rows)
        blamed = None
        if guilty:
            layer, tensor = guilty.place
            blamed = Guilty(layer, None if tensor == "-" else tensor)
        return Report(
            title=self.title,
            rows=rows,
            findings=self.findings,
            seed=self.seed,
            guilty=blamed,
            diagnosis=guilty.diagnosis if guilty else None,
            announced=self.cost,
            spent=self._spent,
            notes=[
                *warnings,
                *self.notes,
                *vanished,
                *(self._executed.notes if self._executed else ()),
            ],
            executed=self._executed,
            tolerance=max(
                (p.probe.precision.tolerance for p in self.points), default=DOUBLE.tolerance
            ),
        )

    # running

    def _run_point(self, point: Point) -> int:
        """Check one point; return how many forward passes it took."""
        probe = point.probe
        base = probe.forward()
        upstreams = self._upstreams(base)
        if probe.is_linear:
            probe.prepare(lambda: check_linearity(probe, upstreams, probe.backwards(upstreams)))
        gradients = probe.backwards(upstreams)
        passes = 1 + len(upstreams)
        if probe.is_linear:
            broken = check_linearity(probe, upstreams, gradients)
            dx = [gradient[probe.main] for gradient in gradients]
            broken += check_conservation(probe, base, upstreams, dx)
            checked = {None, *point.tensors}
            self.findings += [finding for finding in broken if finding.tensor in checked]
            passes += 5
        for name in point.tensors:
            row = self._row(point.layer, point.reported(name))
            coverage = cover(probe, name, upstreams[0], gradients[0], base, self._rng)
            row.coverages.append(coverage)
            passes += coverage.passes
            self._note_adjoint(point, name, coverage)
            count = point.at_most(self._elements_per_tensor)
            indices = choose(probe.values[name].shape, count, self._rng)
            for extra in (coverage.index, _strongest(gradients[0][name])):
                if extra is not None and extra not in indices:
                    indices.append(extra)
            tensor = compare(probe, name, indices, upstreams, gradients, base)
            passes += tensor.passes + self._redraw(point, tensor)
            row.points.append((point.label, tensor))
        return passes

    def _upstreams(self, base: Outcome) -> list[Array]:
        """Return random upstream gradients of either sign."""
        return [self._rng.standard_normal(base.y.shape) for _ in range(2)]

    def _redraw(self, point: Point, tensor: Tensor) -> int:
        """Check elements that lie on a kink at other random points; return the passes it took."""
        passes = 0
        for _ in range(REDRAWS):
            kinks = tensor.of("kink")
            if not kinks or point.redraw is None:
                break
            probe = point.redraw()
            base = probe.forward()
            upstreams = self._upstreams(base)
            gradients = probe.backwards(upstreams)
            indices = [element.index for element in kinks]
            again = compare(probe, tensor.name, indices, upstreams, gradients, base)
            passes += again.passes + 3
            better = {e.index: e for e in again.elements if e.status != "kink"}
            tensor.elements = [better.get(e.index, e) for e in tensor.elements]
        return passes

    def _note_adjoint(self, point: Point, name: str, coverage: Coverage) -> None:
        if coverage.affine and coverage.index is not None:
            measured, claimed = written_apart(coverage.measured, coverage.claimed)
            message = (
                f"the adjoint identity fails for d{name}: <g, f({name} + d) - f({name})> is "
                f"{measured}, <d{name}, d> is {claimed}"
            )
            reported = point.reported(name)
            self.findings.append(Finding(point.layer, reported, "exact", message, coverage.index))

    # reporting

    def _row(self, layer: str, tensor: str) -> Row:
        return self._rows.setdefault((layer, tensor), Row(layer, tensor))

    def _settled_rows(self) -> tuple[list[Row], list[str]]:
        """Return the rows, without those whose gradient a network makes vanish, and a note on them.

        A bias before batch normalisation has none; the layer alone was checked nevertheless.
        """
        rows, vanished = [], []
        for row in self._rows.values():
            alone = self._rows.get(row.place)
            if (
                alone
                and alone is not row
                and row.verdict == "unresolved"
                and alone.verdict == "pass"
            ):
                vanished.append(row.tensor)
            else:
                rows.append(row)
        note = (
            f"through the network the gradient of {', '.join(vanished)} could not be told (it "
            "is zero, lost in rounding, or on kinks); the layers alone were resolved"
        )
        return rows, [note] if vanished else []

    def _diagnose(self, row: Row) -> str | None:
        """Return what kind of mistake it looks like, judged where most is known."""
        wrong = [tensor for _, tensor in row.points if tensor.of("wrong")]
        if wrong:
            known = _whole(max(wrong, key=lambda tensor: len(tensor.resolved)))
            diagnosis = diagnose(known.probe.familiar(known))
            if diagnosis:
                return diagnosis
        return row.findings[0].message if row.findings else None

    def _guilty(self, rows: Sequence[Row]) -> Row | None:
        wrong = [row for row in rows if row.verdict == "fail"]
        rank = {layer: place for place, layer in enumerate(self.order)}
        return min(wrong, key=lambda row: rank.get(row.layer, len(rank)), default=None)


def _whole(tensor: Tensor) -> Tensor:
    """Return a sampled tensor with all its elements compared, if they are not too many."""
    size = tensor.gradient.size
    if len(tensor.elements) >= size or size > tensor.probe.most_diagnosed:
        return tensor
    if not tensor.probe.is_linear:
        return tensor
    gradient = tensor.probe.backward(tensor.upstream)
    indices = choose(tensor.gradient.shape, size, np.random.default_rng(0))
    base = tensor.probe.forward()
    return compare(tensor.probe, tensor.name, indices, [tensor.upstream], [gradient], base)


def _strongest(gradient: Array) -> tuple[int, ...]:
    """Return where a gradient claims to be largest: a sample of mostly zeros proves nothing."""
    place = np.nan_to_num(np.abs(gradient)).argmax()
    return tuple(map(int, np.unravel_index(place, gradient.shape)))
