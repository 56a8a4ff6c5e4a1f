"""Which share of a step of distribution matching its convolutions would take alone, at what a core comes to at best.

    python benchmarks/convolution_share.py --width 32 [--ipc 10] [--rounds 7] [--out FILE]

The operations of all convolutions of a step, forward and backward, are counted by torch's own counter on an eager step.
A round measures what one thread comes to at best on convolutions of the width, as `limbeck doctor` does, and the
processor seconds of a compiled step as `objective_step.py` takes it; its share is operations / peak / seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

import torch
from steps import Bench, Cell
from torch.utils.flop_counter import FlopCounterMode

from limbeck.core.memory import keep_freed_memory
from limbeck.machine.speed import measured


def operations(bench: Bench) -> float:
    """The floating point operations of the convolutions of one step."""
    with FlopCounterMode(display=False) as counter:
        bench.step("eager", 0)
    counts = counter.get_flop_counts()["Global"]
    return float(sum(count for kind, count in counts.items() if "convolution" in str(kind)))


def main() -> None:
    """Measure so many rounds, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--width", type=int, default=32)
    options.add_argument("--ipc", type=int, default=10)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    bench = Bench(Cell("dm", given.width, given.ipc, 0, 0))
    count = operations(bench)
    bench.step("compiled", 0)
    rounds = []
    for number in range(1, given.rounds + 1):
        peak = measured().peaks[f"{given.width} float32"]
        taken = bench.step("compiled", number)[2]
        rounds.append(
            {"peak, GFLOP/s": round(peak / 1e9, 1), "step, s": round(taken, 4), "share": count / peak / taken}
        )
    row = {
        **{name: value for name, value in vars(given).items() if name != "out"},
        "operations": count,
        "rounds": rounds,
        "share": [round(each["share"], 3) for each in rounds],
        "torch": torch.__version__,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores, one thread",
        "load average": round(os.getloadavg()[0], 2),
    }
    if given.out:
        given.out.write_text(json.dumps(row, indent=1) + "\n")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
