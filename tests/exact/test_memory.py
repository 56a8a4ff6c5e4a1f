"""Memory that was freed is used again."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from limbeck.core.memory import keep_freed_memory
import numpy as np
kept = keep_freed_memory() if sys.argv[1] == "kept" else None
for turn in range(12):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = np.ones(8_000_000)
    del block
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> tuple[str, int]:
    said = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True).stdout
    kept, count = said.split()
    return kept, int(count)


def test_a_process_that_keeps_freed_memory_asks_for_a_block_once() -> None:
    kept, few = faults("kept")
    if kept != "True":
        pytest.skip("no glibc here: memory is the system's affair")
    _, many = faults("plain")
    # Ten times 64 MB in pages of 4 kB are 156,250; huge pages make them fewer.
    assert many > 200
    assert few < many / 10
