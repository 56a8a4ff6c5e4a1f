"""A log as a file of comma-separated values."""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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
        with Path(self.place).open("ab+") as file:
            # Several runs may begin at once: one of them writes the names of the columns.
            fcntl.flock(file, fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            if not end:
                file.write(_line(COLUMNS))
            elif file.seek(end - 1) and file.read(1) != b"\n":
                file.write(b"\r\n")
            file.flush()
            fcntl.flock(file, fcntl.LOCK_UN)
            yield _Rows(file, run.id, last)

    def _last(self, run: str) -> int:
        """The last step of a run in the file; -1 where there is none."""
        path = Path(self.place)
        if not path.exists() or not path.stat().st_size:
            return -1
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = csv.reader(file)
            if (head := tuple(next(rows, ()))) != COLUMNS:
                raise InputError(
                    f"{path}: found the columns {', '.join(head)[:80]}, expected those of a log; give another file"
                )
            # What an interruption cut off has no end of line and fewer columns.
            return max((int(row[1]) for row in rows if len(row) == len(COLUMNS) and row[0] == run), default=-1)


def _line(cells: Sequence[object]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()


class _Rows:
    def __init__(self, file: BinaryIO, run: str, last: int) -> None:
        self._file, self._run, self._last = file, run, last

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """A row for each, where the step was not told before."""
        if step > self._last:
            # In one piece, which the system puts whole at the end of the file, whoever else writes there.
            self._file.write(b"".join(_line((self._run, step, name, value)) for name, value in values.items()))
            self._file.flush()

    def picture(self, step: int, picture: Picture) -> None:
        """There is no place for it."""
