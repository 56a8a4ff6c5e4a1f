"""Checkpoints for runs of tests, as `limbeck.distillation.Checkpoints` asks for."""

from __future__ import annotations

from torch import Tensor

from limbeck.state import State


class Kept:
    """Keep all in memory; as a watcher, interrupt a run after a number of steps, by default never."""

    def __init__(self, stop: int = -1) -> None:
        self.tensors: dict[str, Tensor] | None = None
        self.stop = stop

    def read(self) -> dict[str, Tensor] | None:
        """What was written last."""
        return self.tensors

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Keep a copy."""
        self.tensors = {name: tensor.clone() for name, tensor in tensors.items()}

    def watch(self, state: State) -> None:
        """Interrupt where it is time."""
        if int(state.step) == self.stop:
            raise KeyboardInterrupt


def quiet(_state: State) -> None:
    """A watcher that does nothing."""
