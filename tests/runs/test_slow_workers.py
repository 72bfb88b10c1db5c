"""Workers that are slower than one: told once, on the screen and in the record."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from experiments import tiny

from cnnrun.cli.progress import Progress
from cnnrun.cli.records import print_record
from cnnrun.engine import Pace
from cnnrun.runs import start_run
from cnnrun.runs.events import WorkersSlow

ADVICE = (
    "2 workers are slower than one here, as busy as the machine is: of the first steps they took"
)


class FixedPace(Pace):
    """Tries steps from the beginning on; each takes as long as is set here."""

    together = 9.0
    seconds = 0.0

    def __init__(self):
        super().__init__(lambda: self.seconds)
        self._is_trying = True

    @contextmanager
    def step(self, workers):
        with super().step(workers) as at_once:
            yield at_once
            self.seconds += 1.0 if at_once == 1 else self.together


@pytest.mark.parametrize(("together", "slow"), [(9.0, True), (1.1, False)])
def test_it_is_told_once(tmp_path, monkeypatch, capsys, together, slow):
    monkeypatch.setattr(FixedPace, "together", together)
    monkeypatch.setattr("cnnrun.runs.trainer.Pace", FixedPace)
    experiment = tiny(tmp_path, "network[1]=tanh")
    session = start_run(experiment, tmp_path / "runs", workers=2)
    show = Progress(quiet=False)
    events = []
    for event in session.events():
        show(event)
        events.append(event)
    told = [event for event in events if isinstance(event, WorkersSlow)]
    assert len(told) == slow
    assert ("workers_slow" in session.run.record) == slow
    assert capsys.readouterr().err.count(ADVICE) == slow
    if slow:
        assert session.run.record["workers_slow"] == told[0].to_json()
        assert (told[0].together, told[0].alone) == (9.0, 1.0)
    print_record(session.run)
    shown = " ".join(capsys.readouterr().out.split())
    assert ("workers_slow 9000.0 ms a step on 2 workers, 1000.0 ms on one" in shown) == slow
    assert "None" not in shown
    assert "schema_version" not in shown


def test_one_worker_is_not_judged(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    assert not [event for event in session.events() if isinstance(event, WorkersSlow)]


def test_nothing_is_tried_where_layers_need_the_whole_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnrun.runs.trainer.Pace", FixedPace)
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=2)  # it has batch_norm
    assert not [event for event in session.events() if isinstance(event, WorkersSlow)]
