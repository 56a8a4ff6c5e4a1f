"""A log of Weights & Biases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from limbeck.logs.contract import AbstractLog, LoggedRun, Picture, Writer, check_package


@dataclass(frozen=True)
class Wandb(AbstractLog):
    """A run of the project that is the place, "limbeck" by default; WANDB_MODE=offline keeps it on this machine."""

    def check(self) -> None:
        """InputError without the package."""
        check_package("wandb", "wandb")

    @contextmanager
    def open(self, run: LoggedRun) -> Iterator[Writer]:
        """The run of that address, gone on with where it is there."""
        import wandb

        opened = wandb.init(
            project=self.place or "limbeck", name=run.name, id=run.id[:32], resume="allow", config=dict(run.settings)
        )
        try:
            yield _Run(wandb, opened)
        finally:
            opened.finish()


class _Run:
    def __init__(self, wandb: Any, run: Any) -> None:
        self._wandb, self._run = wandb, run

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Its metrics after a step; it leaves out a step that it has."""
        self._run.log(dict(values), step=step)

    def picture(self, step: int, picture: Picture) -> None:
        """An image."""
        self._run.log({"set": self._wandb.Image(picture)}, step=step)
