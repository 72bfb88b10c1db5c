"""Any program as a function under test: `./conv {input} {output}`, each an `.npz` file.

A start is dear, so that many points go into one: every input has a first axis `points`. The same
question is put to a program twice at most, which shows whether its answer can be relied on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.foreign.answers import gradients_in, outputs_in, require_same
from cnnrun.foreign.exchange import flat_constants, plain
from cnnrun.foreign.function import Call, ForeignFunction
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.process import Program

__all__ = ["ProgramFunction", "open_program"]

BATCH_BYTES = 64 * 2**20
"""The most that the arrays of one start take."""

SHARE_OF_TIMEOUT = 0.25
"""Of the time limit: how long a start with many points may be expected to take."""

REMEMBERED = 32
"""Answers that are kept; a check comes back to the same point soon, or never."""


def open_program(
    command: str,
    inputs: Mapping[str, Input],
    constants: Mapping[str, Any],
    *,
    no_gradient: Sequence[str] = (),
    timeout: float = 10.0,
) -> tuple[ForeignFunction, dict[str, Input]]:
    """Return a program as a function, and its inputs; nothing is run yet.

    Args:
        command: run without a shell; `{input}` and `{output}` are replaced by paths.
        inputs: by name.
        constants: numbers, arrays of numbers, and dicts of them, handed in as they are.
        no_gradient: inputs for which the program writes no gradient.
        timeout: seconds that one start may take.

    Raises:
        ConfigError: the command cannot be run, or a name or a constant cannot be handed in.
    """
    program = Program(command, timeout)
    flat = flat_constants(constants)
    for name in (*inputs, *flat):
        if re.fullmatch(r"dy\d*", name):
            raise ConfigError(f"{name} is what the program finds the upstream gradient under")
    for name in flat:
        if name in inputs:
            raise ConfigError(f"{name} is both an input and a constant")
    for name in no_gradient:
        if name not in inputs:
            raise ConfigError(f"no gradient of {name}: the inputs are {', '.join(inputs)}")
    checked = [n for n, one in inputs.items() if one.has_gradient and n not in no_gradient]
    return ProgramFunction(program, command, checked, flat), dict(inputs)


class ProgramFunction(ForeignFunction):
    """A program whose runs answer what forward and backward give at some points."""

    def __init__(
        self, program: Program, title: str, checked: Sequence[str], constants: dict[str, Array]
    ) -> None:
        """Take the program, and the constants by the names that it finds them under."""
        super().__init__(program.name, title, tuple(checked))
        self.program = program
        self._constants = constants
        self._answers: dict[bytes, tuple[dict[str, Array], bool]] = {}
        self._bytes_per_point = self._pace = 0.0

    @property
    def pays_by_call(self) -> bool:
        return True

    def constants(self) -> dict[str, Any]:
        return dict(self._constants)

    def call(self, inputs: dict[str, Array]) -> Call:
        given = {name: plain(array) for name, array in inputs.items()}
        outputs = list(self._answer(given, None).values())

        def backward(upstream: list[Array]) -> dict[str, Any]:
            return dict(self._answer({**given, **_named(upstream)}, self.checked))

        return Call(outputs, backward)

    def call_many(self, points: Sequence[dict[str, Array]]) -> list[list[Array]]:
        return [list(own.values()) for own in self._run_all(points, None)]

    def backward_many(
        self, points: Sequence[dict[str, Array]], upstreams: Sequence[list[Array]]
    ) -> list[dict[str, Any]]:
        pairs = zip(points, upstreams, strict=True)
        given = [{**point, **_named(upstream)} for point, upstream in pairs]
        return [dict(own) for own in self._run_all(given, self.checked)]

    def _run_all(
        self, points: Sequence[dict[str, Array]], wanted: Sequence[str] | None
    ) -> list[dict[str, Array]]:
        """Run the program at all points, in as few starts as they fit into."""
        answers: list[dict[str, Array]] = []
        while len(answers) < len(points):
            batch = points[len(answers) : len(answers) + self._most_points()]
            given = [{name: plain(array) for name, array in point.items()} for point in batch]
            answers += self._run(given, wanted)
        return answers

    def _most_points(self) -> int:
        """Return how many points fit into a start: into memory, and into the time limit."""
        if not self._pace:  # nothing is known yet
            return 1
        by_size = BATCH_BYTES / max(1.0, self._bytes_per_point)
        by_time = SHARE_OF_TIMEOUT * self.program.timeout / self._pace
        return max(1, int(min(by_size, by_time)))

    def _answer(self, given: dict[str, Array], wanted: Sequence[str] | None) -> dict[str, Array]:
        """Return outputs, or the gradients of `wanted`, at a point.

        The second time that a question is put it is run twice in one start, and all answers have
        to be the same; from then on the answer is remembered.
        """
        digest = hashlib.blake2b(b"backward" if wanted else b"forward")
        for name, array in given.items():
            digest.update(f"{name} {array.shape}".encode() + array.tobytes())
        key = digest.digest()
        first, is_sure = self._answers.pop(key, (None, False))
        if first is None:
            first = self._run([given], wanted)[0]
        elif not is_sure:
            second, third = self._run([given, given], wanted)
            require_same(self.name, first, second, third, are_gradients=bool(wanted))
            is_sure = True
        self._answers[key] = first, is_sure
        if len(self._answers) > REMEMBERED:
            self._answers.pop(next(iter(self._answers)))
        return {name: array.copy() for name, array in first.items()}

    def _run(
        self, points: Sequence[dict[str, Array]], wanted: Sequence[str] | None
    ) -> list[dict[str, Array]]:
        """Run the program at several points; return outputs, or gradients by the input's name."""
        count = len(points)
        arrays = {name: np.stack([point[name] for point in points]) for name in points[0]}
        written = self.program.run({**arrays, **self._constants})
        pace = self.program.seconds / count
        self._pace = min(pace, self._pace or pace)
        if wanted is None:
            several = outputs_in(self.name, written, count)
            size = sum(array.nbytes for array in (*arrays.values(), *several.values()))
            self._bytes_per_point = size / count
        else:
            shapes = {name: arrays[name].shape for name in wanted}
            several = gradients_in(self.name, written, shapes)
        return [{name: np.array(array[k]) for name, array in several.items()} for k in range(count)]


def _named(upstream: list[Array]) -> dict[str, Array]:
    """Return upstream gradients by the names that a program finds them under."""
    if len(upstream) == 1:
        return {"dy": plain(upstream[0])}
    return {f"dy{k}": plain(array) for k, array in enumerate(upstream)}
