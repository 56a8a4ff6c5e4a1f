"""The control groups of Linux that a process is in: what a container, a batch system or a user's session is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def groups(controller: str) -> Iterator[Path]:
    """The folders of the groups whose limits of a controller hold for this process, from its own to the outermost.

    In both versions. A group that is not seen from within a container is left out. None but under Linux.
    """
    try:
        lines = [line.split(":", 2) for line in MEMBERSHIP.read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers and controller not in controllers.split(","):
            continue
        roots = [MOUNT / controllers] if controllers else [MOUNT, MOUNT / "unified"]
        for root in roots:
            own = root / path.strip("/")
            for folder in (own, *own.parents):
                if folder.is_dir():
                    yield folder
                if folder == root:
                    break
