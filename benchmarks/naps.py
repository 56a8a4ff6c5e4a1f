"""A computation that takes time and nothing else, for `executors.py`; workers find it as a package."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from limbeck.computations.contract import AbstractOfReal, ProbeContext
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Nap(AbstractOfReal):
    """Sleeps, and says when it begins and ends."""

    number: int = 0
    """Which one it is: no two are the same work."""
    seconds: float = 0.1
    """How long it sleeps."""
    log: str = ""
    """A file that takes a line as it begins and one as it ends."""

    def flops(self, context: ProbeContext) -> float:
        """As much as takes a moment."""
        return 1e6

    def run(self, context: ProbeContext) -> Tree:
        """Its number."""
        self._say("began")
        time.sleep(self.seconds)
        self._say("ended")
        return {"number": torch.tensor(float(self.number))}

    def _say(self, what: str) -> None:
        with Path(self.log).open("a") as file:
            file.write(f"{self.number} {os.getpid()} {what}\n")


def install(folder: Path) -> None:
    """Make this module a package in a folder that is on PYTHONPATH."""
    (folder / "naps.py").write_bytes(Path(__file__).read_bytes())
    info = folder / "naps-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: naps\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[limbeck.computation]\nnap = naps:Nap\n")
