"""What benchmarks hold limbeck against, its first version, and what they run beside, endless loops."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

FIRST = "48160d7"
"""The commit of the first version."""


class SkippedError(Exception):
    """What is needed is not here; the reason in words."""


def checkout(folder: Path) -> Path:
    """The sources of the first version, taken out under a folder once; SkippedError without the history."""
    place = folder.resolve() / "first"
    if not (place / "src").exists():
        packed = subprocess.run(
            ["git", "archive", FIRST, "src", "examples"], cwd=Path(__file__).parents[1], capture_output=True
        )
        if packed.returncode:
            raise SkippedError(f"no history that holds {FIRST}, the first version")
        place.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(place)
    return place


@contextmanager
def loops(count: int) -> Iterator[None]:
    """So many endless loops beside what is done."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()
