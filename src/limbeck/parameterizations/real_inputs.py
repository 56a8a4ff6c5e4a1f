"""All real inputs, a part of them at a time."""

from __future__ import annotations

from collections.abc import Iterator

from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask
from limbeck.core.progress import went

AT_ONCE = 1 << 23
"""How many numbers are in memory at a time: 64 MB in double precision."""


def real_inputs(task: AbstractTask, rows: Int[Tensor, " example"]) -> Iterator[Float[Tensor, "example ..."]]:
    """The training inputs at `rows` as a network sees them, in order and double precision, on the CPU.

    So what is summed over them is the same on every device.
    """
    done = 0
    for part in rows.split(max(1, AT_ONCE // tree.numel(task.shape))):
        yield task.load("train", part).inputs.double()
        done += len(part)
        went(done, len(rows))
