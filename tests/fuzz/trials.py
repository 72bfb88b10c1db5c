"""Tries something many times, and counts how it ended: a program may refuse, and never fall.

A short form runs with the tests. The long form tries new seeds for a while:

    CNNRUN_FUZZ_SECONDS=120 CNNRUN_FUZZ_SEED=$RANDOM python -m pytest -s tests/fuzz

It also counts what took more than two seconds of the processor, which the short form leaves alone,
since a busy machine is no fault. Every fault is printed with the seed of its case.
"""

from __future__ import annotations

import io
import os
import random
import re
import signal
import textwrap
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from cnnrun.cli.app import app
from cnnrun.errors import CnnrunError

__all__ = ["LONGEST_MESSAGE", "Trials", "program"]

SECONDS = float(os.environ.get("CNNRUN_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("CNNRUN_FUZZ_SEED", "0"))
SLOW, HANGING = 2.0, 60.0
LONGEST_MESSAGE = 4000
"""Characters of all problems of a configuration together: about 25 lines."""


class _HangingError(BaseException):
    """A trial took too long; nothing may catch it on the way."""


class Trials:
    """A series of trials of one kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases = 0
        self.endings: Counter[str] = Counter()
        self.faults: list[str] = []

    def seeds(self, short: int):
        """Yield random generators: so many, or in the long form for as long as it lasts."""
        started = time.monotonic()
        while time.monotonic() - started < SECONDS if SECONDS else self.cases < short:
            self.seed = f"{self.name}/{SEED}/{self.cases}"
            self.cases += 1
            yield random.Random(self.seed)

    def attempt(self, call: Callable[[], object], what: object) -> bool:
        """Call, and note how it ended; return whether it was refused or done as it should be."""
        message, ending, started = "", "done", time.process_time()
        with warnings.catch_warnings(record=True) as caught, _alarm():
            warnings.simplefilter("always")
            try:
                call()
            except CnnrunError as error:
                ending, message = type(error).__name__, str(error)
            except _HangingError:
                ending = "hangs"
            except BaseException as error:
                ending, message = f"falls: {type(error).__name__}", traceback.format_exc(limit=-6)
                if isinstance(error, SystemExit):
                    ending, message = f"exit {error.code}", ""
        seconds = time.process_time() - started
        reasons = [ending] if ending.startswith(("hangs", "falls", "exit 70")) else []
        said = {f"{each.message} ({each.filename}:{each.lineno})" for each in caught}
        reasons += [f"warns: {warning}" for warning in sorted(said)[:2]]
        if len(message) > LONGEST_MESSAGE and not ending.startswith("falls"):
            reasons.append(f"message of {len(message):,} characters")
        if seconds > SLOW and SECONDS and ending != "done" and ending not in ("exit 0", "exit 3"):
            reasons.append(f"slow: {ending} after {seconds:.1f} s")
        self.endings.update([ending])
        if reasons:
            self.faults.append(f"{self.seed}: {'; '.join(reasons)}\n{message}\n{what!r:.3000}")
        return not reasons

    def judge(self) -> None:
        """Fail if a trial was a fault."""
        print(f"\n{self.name}: {self.cases} cases; {dict(self.endings.most_common())}")
        kinds: dict[str, list[str]] = {}
        for fault in self.faults:
            kinds.setdefault(
                re.sub(r"\d+", "N", fault.split(": ", 1)[1].split("\n")[0]), []
            ).append(fault)
        for kind, faults in sorted(kinds.items(), key=lambda item: -len(item[1]))[:12]:
            print(f"  {len(faults)} x {kind[:200]}\n{textwrap.indent(faults[0][-2500:], ' ' * 6)}")
        assert not self.faults, f"{len(self.faults)} faults, the first:\n{self.faults[0][:3000]}"


@contextmanager
def _alarm():
    def ring(*_):
        raise _HangingError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, HANGING)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def program(*arguments: object) -> None:
    """Run the command line in this process, and check that it says why it refuses.

    Raises:
        SystemExit: as the program ends.
    """
    out, err, code = io.StringIO(), io.StringIO(), None
    try:
        with redirect_stdout(out), redirect_stderr(err):
            app([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    said = err.getvalue()
    for fault in ("internal error", "No such option", "Warning", "Traceback"):
        assert fault not in said, said
    assert len(said) <= LONGEST_MESSAGE, said[:1000]
    assert said.strip() or out.getvalue().strip() or not code, f"exit {code} without a word"
    raise SystemExit(code or 0)
