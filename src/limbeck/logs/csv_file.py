"""A log as a file of comma-separated values."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from limbeck.core.errors import InputError
from limbeck.core.files import check_writable
from limbeck.logs.contract import AbstractLog, LoggedRun, Picture, Writer, check_place

COLUMNS = ("run", "step", "name", "value")


@dataclass(frozen=True)
class Csv(AbstractLog):
    """A row for each number: run, step, name, value. Pictures are left out; runs that share a file are told apart."""

    def check(self) -> None:
        """InputError without a file, for one that cannot be written, and for one that holds something else."""
        check_place(self, "csv", "FILE")
        check_writable(Path(self.place), "--log")
        self._last("")

    @contextmanager
    def open(self, run: LoggedRun) -> Iterator[Writer]:
        """The file, to which rows are added."""
        last = self._last(run.id)
        path = Path(self.place)
        there = path.read_bytes() if path.exists() else b""
        with path.open("a", newline="", encoding="utf-8") as file:
            if not there:
                csv.writer(file).writerow(COLUMNS)
            elif not there.endswith(b"\n"):
                file.write("\r\n")
            yield _Rows(file, run.id, last)

    def _last(self, run: str) -> int:
        """The last step of a run in the file; -1 where there is none."""
        path = Path(self.place)
        if not path.exists() or not path.stat().st_size:
            path.unlink(missing_ok=True)
            return -1
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = csv.reader(file)
            if (head := tuple(next(rows, ()))) != COLUMNS:
                raise InputError(
                    f"{path}: found the columns {', '.join(head)[:80]}, expected those of a log; give another file"
                )
            # What an interruption cut off has no end of line and fewer columns.
            return max((int(row[1]) for row in rows if len(row) == len(COLUMNS) and row[0] == run), default=-1)


class _Rows:
    def __init__(self, file: TextIO, run: str, last: int) -> None:
        self._file, self._run, self._last = file, run, last

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """A row for each, where the step was not told before."""
        if step > self._last:
            csv.writer(self._file).writerows((self._run, step, name, value) for name, value in values.items())
            self._file.flush()

    def picture(self, step: int, picture: Picture) -> None:
        """There is no place for it."""
