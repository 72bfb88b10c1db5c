"""Every sum over the shards of a batch, always in the same order: that any number of workers gives
the same bits rests on this file.

The order is a binary tree, with the largest power of two of the shards on the left: of seven they
are added as ((0+1) + (2+3)) + ((4+5) + 6). Whoever computes neighbours can add them beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.execution.messages import ShardResult
from cnnrun.engine.types import Array
from cnnrun.errors import LayerError

__all__ = ["Node", "ShardGradients", "are_siblings", "put_in_place", "sum_in_order"]


def sum_in_order(parts: Sequence[Array]) -> Array:
    """Return the sum of the shards' arrays as a new array; layers ask for it by `all_reduce`."""
    if len(parts) == 1:
        return parts[0].copy()
    middle = 1 << ((len(parts) - 1).bit_length() - 1)  # the largest power of two below
    total = sum_in_order(parts[:middle])
    total += sum_in_order(parts[middle:])
    return total


@dataclass(frozen=True)
class Node:
    """A node of the tree: the sum of the gradients of the shards `start` to `end - 1`.

    Attributes:
        start, end: its shards, by number within the batch.
        arrays: the sum, by parameter name.
    """

    start: int
    end: int
    arrays: Mapping[str, Array]

    def add(self, right: Node) -> Node:
        """Add a sibling in place; return the node above both."""
        for name, total in self.arrays.items():
            total += right.arrays[name]
        return Node(self.start, right.end, self.arrays)


def are_siblings(left: tuple[int, int], right: tuple[int, int], shards: int | None) -> bool:
    """Return whether two neighbours, each a start and an end, are what one node adds up.

    `shards` is their number in the whole batch. As long as it is None, that is not known, and a
    node on the right that is smaller than its sibling waits for further shards.
    """
    start, middle = left
    end = start + 2 * (middle - start)
    if shards is not None:
        end = min(end, shards)
    return start % (2 * (middle - start)) == 0 and right == (middle, end)


class ShardGradients:
    """Where each shard of a batch writes its gradients, and their sums, node by node.

    The first shard of a batch that comes at once writes straight into the arrays for the batch's
    gradients. The others write into arrays of their own, which are then added to their siblings.
    """

    def __init__(self, totals: Mapping[str, Array]) -> None:
        """Take the arrays for the batch's gradients, by parameter name."""
        self._totals = totals
        self._own: list[Mapping[str, Array]] = []  # beside the totals
        self._nodes: list[Node] = []
        self._in_place, self._next = True, 0

    def begin(self, first: int = 0, *, is_whole: bool = True) -> None:
        """Begin a batch, or a run of its shards, with shard number `first`.

        Where it is not whole, the sum of its first shards is kept for those to come.
        """
        self._nodes, self._in_place, self._next = [], is_whole, first

    def lend(self, count: int) -> list[Mapping[str, Array]]:
        """Return where the next shards, so many, write their gradients."""
        self.keep()
        if self._in_place and not self._nodes:
            return [self._totals, *self._spare(count - 1)]
        return self._spare(count)

    def keep(self) -> None:
        """Copy what others have added up, whose memory they are about to write to."""
        for place, node in enumerate(self._nodes):
            if not any(node.arrays is arrays for arrays in (self._totals, *self._own)):
                (copy,) = self._spare(1)
                for name, array in node.arrays.items():
                    np.copyto(copy[name], array)
                self._nodes[place] = Node(node.start, node.end, copy)

    def add(self, results: Sequence[ShardResult]) -> None:
        """Take what the next shards gave, in their order, and add up what are siblings."""
        for result in results:
            self.add_node(Node(self._next, self._next + 1, result.gradients))

    def add_node(self, node: Node) -> None:
        """Take what the next shards, one or several, have been added up to."""
        self._nodes.append(node)
        self._next = node.end
        self._join(None)

    def nodes(self, shards: int | None) -> list[Node]:
        """Return the sums of the shards so far, as few as the tree allows, until the next `lend`.

        `shards` is their number in the whole batch, if it is known.
        """
        self._join(shards)
        return self._nodes

    def total(self) -> None:
        """Write the sum of all shards so far into the arrays for the batch's gradients."""
        if self._in_place:
            self._join(self._next)
            return
        *before, last = self._nodes
        for name, total in self._totals.items():
            np.copyto(total, last.arrays[name])
            for node in reversed(before):
                np.add(node.arrays[name], total, out=total)

    def _join(self, shards: int | None) -> None:
        """Add up siblings at the end, as long as there are any."""
        nodes = self._nodes
        while len(nodes) > 1:
            left, right = nodes[-2:]
            if not are_siblings((left.start, left.end), (right.start, right.end), shards):
                return
            nodes[-2:] = [left.add(right)]

    def _spare(self, count: int) -> list[Mapping[str, Array]]:
        """Return arrays that hold no sum, new ones where there are too few."""
        used = [node.arrays for node in self._nodes]
        spare = [arrays for arrays in self._own if not any(arrays is other for other in used)]
        while len(spare) < count:
            new = {name: np.empty_like(array) for name, array in self._totals.items()}
            self._own.append(new)
            spare.append(new)
        return spare[:count]


def put_in_place(gradients: Mapping[str, Array], places: Mapping[str, Array]) -> None:
    """Copy gradients that a layer keeps in arrays of its own to where they are wanted.

    Raises:
        LayerError: the gradient of a parameter is missing, or of another shape than it.
    """
    for name, place in places.items():
        gradient = gradients.get(name)
        if gradient is place:
            continue
        layer, _, parameter = name.rpartition("/")
        if gradient is None:
            raise LayerError(
                f"layer {layer}: backward gave no gradient of {parameter!r}; it has to write "
                f"ctx.gradient({parameter!r}, self.params[{parameter!r}]) at every call"
            )
        if gradient.shape != place.shape:
            raise LayerError(
                f"layer {layer}: the gradient of {parameter!r} has shape {gradient.shape}, "
                f"but the parameter {place.shape}"
            )
        np.copyto(place, gradient, casting="same_kind")
