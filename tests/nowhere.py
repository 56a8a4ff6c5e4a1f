"""Checkpoints that keep nothing: for a run that is done in one go."""

from __future__ import annotations

from torch import Tensor


class Nowhere:
    """What `limbeck.distillation.Checkpoints` asks for."""

    def read(self) -> dict[str, Tensor] | None:
        """Nothing was kept."""
        return None

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Nothing is."""
