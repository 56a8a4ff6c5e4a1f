"""A log that TensorBoard shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.core.files import check_writable
from limbeck.logs.contract import AbstractLog, LoggedRun, Picture, Writer, check_package, check_place


@dataclass(frozen=True)
class Tensorboard(AbstractLog):
    """Event files under a folder, a folder within for each run, by torch.utils.tensorboard."""

    def check(self) -> None:
        """InputError without TensorBoard, or a folder that can be written."""
        check_package("tensorboard", "tensorboard")
        check_place(self, "tensorboard", "DIR")
        check_writable(Path(self.place) / "events", "--log")

    @contextmanager
    def open(self, run: LoggedRun) -> Iterator[Writer]:
        """The events of a run; what was told of steps after the one it goes on from is told again, once."""
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(self.place) / f"{run.name}-{run.id[:8]}"
        writer = SummaryWriter(folder, purge_step=run.step)
        try:
            if not run.step:
                writer.add_text("settings", "\n".join(f"    {name}: {value}" for name, value in run.settings.items()))
            yield _Events(writer)
        finally:
            writer.close()


class _Events:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """A scalar for each."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def picture(self, step: int, picture: Picture) -> None:
        """An image."""
        self._writer.add_image("set", picture, step, dataformats="HWC")
