"""Waiting for what another process does, for as long as that process lives and not for a number of seconds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable


def wait_until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Return once something has happened; AssertionError where the process ends before."""
    while not happened():
        assert process.poll() is None, "the process ended before what is waited for"
        time.sleep(0.05)
