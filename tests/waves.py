"""Small series that hold a signal: waves of two frequencies, and a long recording of two channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet

TIMES = 24
CLASSES = ("slow", "fast")


def waves(count: int, seed: int, channels: int = 2, times: int = TIMES) -> tuple[list[Any], list[str]]:
    """Rows of channels, and the class of each: a wave of one or of three periods at a random phase, with noise."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    phase = draw.uniform(0, 2 * np.pi, (count, channels, 1))
    at = 2 * np.pi * (1 + 2 * labels[:, None, None]) * np.arange(times) / times
    series = 5 + 3 * np.sin(at + phase) + draw.normal(0, 0.3, (count, channels, times))
    return series.tolist(), [CLASSES[label] for label in labels]


def write(path: Path, series: list[Any], labels: list[Any] | None, name: str = "label") -> Path:
    """A parquet file of series and their labels."""
    columns: dict[str, list[Any]] = {"series": series}
    if labels is not None:
        columns[name] = labels
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def folder(root: Path, train: int = 40, test: int = 20) -> Path:
    """A folder of waves to train on and to test on."""
    for split, count, seed in (("train", train, 0), ("test", test, 1)):
        write(root / f"{split}.parquet", *waves(count, seed))
    return root


def recording(path: Path, times: int = 240, seed: int = 0) -> Path:
    """A table of two channels, `load` and `heat`, and a clock: waves of a day of 12 times, with noise."""
    draw = np.random.default_rng(seed)
    at = np.arange(times)
    columns = {
        "date": [f"2020-01-01 {time:04d}" for time in at],
        "load": 10 + 4 * np.sin(2 * np.pi * at / 12) + draw.normal(0, 0.5, times),
        "heat": -3 + np.cos(2 * np.pi * at / 12) + draw.normal(0, 0.1, times),
    }
    table = pyarrow.table(columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)
    return path
