"""The time and the memory of 1,000 classes of 100 images each, 64 x 64, as ImageNet is shaped.

    python benchmarks/thousand_classes.py FOLDER [--classes 1000] [--images 100] [--side 64] [--out FILE]

Images are generated: of each class smooth noise of its own, with noise of each image on it, as JPEG in parquet files of
5,000. Then commands are given one after the other, and told are the processor seconds of each with its children, its
wall seconds, and the largest resident memory of one of its processes: `describe`, first as the images are decoded and
then as they are kept; `distill` by random and dm at one image a class; `evaluate` of the random set, one network;
`report`. FOLDER keeps what was made and measured, so a benchmark that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SHARD = 5_000
NETWORK = "convnet-w32-d3"


def make(folder: Path, classes: int, images: int, side: int) -> None:
    """The files of the training and the test split, a tenth as large, where they are not there."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(0).uniform(0, 255, (classes, 4, 4, 3))
    for split, each in (("train", images), ("test", max(1, images // 10))):
        labels = np.random.default_rng(1).permutation(np.repeat(np.arange(classes), each))
        for start in range(0, len(labels), SHARD):
            path = folder / f"{split}-{start // SHARD:05}.parquet"
            if path.exists():
                continue
            draws, blobs = np.random.default_rng((2, start, split == "test")), []
            for label in labels[start : start + SHARD]:
                held, noise = io.BytesIO(), draws.normal(0, 60, (4, 4, 3))
                shade = Image.fromarray((coarse[label] + noise).clip(0, 255).astype(np.uint8))
                shade.resize((side, side), Image.Resampling.BICUBIC).save(held, "JPEG", quality=85)
                blobs.append({"bytes": held.getvalue(), "path": None})
            part = path.with_suffix(".part")
            pq.write_table(pa.table({"image": blobs, "label": labels[start : start + SHARD]}), part, row_group_size=500)
            part.rename(path)


def given(words: list[str], folder: Path) -> dict[str, Any]:
    """A command's processor seconds, wall seconds and peaks of memory, in a process of its own."""
    code = (
        "import json, resource, subprocess, sys, time\n"
        "begun = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([done.returncode, done.stderr[-500:], used.ru_utime + used.ru_stime,"
        " time.perf_counter() - begun, used.ru_maxrss]))\n"
    )
    command = [sys.executable, "-m", "limbeck.cli", *words]
    told = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=folder, capture_output=True, text=True, check=True
    )
    code_, said, processor, wall, peak = json.loads(told.stdout)
    if code_:
        raise SystemExit(f"{' '.join(words)}: exit code {code_}\n{said}")
    return {"processor s": round(processor, 1), "wall s": round(wall, 1), "largest process GiB": round(peak / 2**20, 2)}


def main() -> None:
    """Make the images, and measure what is not measured yet."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--classes", type=int, default=1000)
    options.add_argument("--images", type=int, default=100)
    options.add_argument("--side", type=int, default=64)
    options.add_argument("--out", type=Path)
    chosen = options.parse_args()
    where = chosen.folder.absolute()
    out = chosen.out.absolute() if chosen.out else where / "measured.json"
    make(where / "data", chosen.classes, chosen.images, chosen.side)
    os.environ |= {"LIMBECK_CACHE": str(where / "cache"), "LIMBECK_RUNS": str(where / "runs")}
    data = f"parquet:{where / 'data'}"
    made = f"--ipc 1 --network {NETWORK} --checks 0 --yes --quiet"
    work = {
        "describe, decoding": f"describe {data}",
        "describe, decoded": f"describe {data}",
        "distill random": f"distill {data} --recipe random {made} --out random.safetensors",
        "distill dm, 2 steps": f"distill {data} --recipe dm --steps 2 {made} --out dm.safetensors",
        "distill dm, 6 steps": f"distill {data} --recipe dm --steps 6 {made} --out dm6.safetensors",
        "evaluate random": "evaluate random.safetensors --repeats 1 --baselines none --yes --quiet --workers 1",
        "report": "report random.safetensors dm.safetensors --out report.html --quiet",
    }
    rows: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    for name, words in work.items():
        if name not in rows:
            rows[name] = {
                **given(words.split(), where), "load average": round(os.getloadavg()[0], 1),
                "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
            }  # fmt: skip
            out.write_text(json.dumps(rows, indent=1))
        print(f"{name:22} {rows[name]}", flush=True)


if __name__ == "__main__":
    main()
