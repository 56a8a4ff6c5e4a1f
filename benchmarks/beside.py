"""What benchmarks hold limbeck against: its first version, taken out of the project's history."""

from __future__ import annotations

import subprocess
import tarfile
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
