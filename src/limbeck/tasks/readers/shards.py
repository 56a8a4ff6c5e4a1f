"""The encoded images of parquet files, read group by group of their rows when they are asked for."""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from limbeck.core.errors import InputError

KEPT = 2**28
"""Bytes of encoded images that are kept at once, or one group where it has more."""


@dataclass(frozen=True)
class Shard:
    """Where the images of one file are."""

    path: Path
    column: str
    """The name of their column; of a struct with a field `bytes`, that of the struct."""
    struct: bool
    groups: tuple[int, ...]
    """The rows of each group."""
    stamp: tuple[int, int]
    """The size and the time of the file when its labels were read."""

    def read(self, group: int) -> list[bytes | None]:
        """The images of a group of rows; InputError where the file is damaged, or another than before."""
        import pyarrow
        import pyarrow.parquet

        try:
            if stamp_of(self.path) != self.stamp:
                raise InputError(f"{self.path}: it changed while it was read; give the command again")
            with pyarrow.parquet.ParquetFile(self.path) as opened:
                columns = [f"{self.column}.bytes" if self.struct else self.column]
                found = opened.read_row_group(group, columns=columns, use_threads=False)[self.column]
        except (pyarrow.ArrowException, OSError) as error:
            raise InputError(f"{self.path}: damaged ({str(error).splitlines()[0]}); copy or make it again") from error
        return [blob for chunk in found.chunks for blob in (chunk.field("bytes") if self.struct else chunk).to_pylist()]


def stamp_of(path: Path) -> tuple[int, int]:
    """The size and the time of a file."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class Shards(Sequence[bytes | None]):
    """The images of some files one after the other; None for a row without one."""

    def __init__(self, files: Sequence[Shard]) -> None:
        self.files = tuple(files)
        self._groups = [(shard, group) for shard in self.files for group in range(len(shard.groups))]
        self._starts = [0]
        for shard, group in self._groups:
            self._starts.append(self._starts[-1] + shard.groups[group])
        self._kept: OrderedDict[int, list[bytes | None]] = OrderedDict()
        self._bytes: dict[int, int] = {}

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes | None]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes | None] | None:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = bisect.bisect_right(self._starts, index) - 1
        return self._group(at)[index - self._starts[at]]

    def __iter__(self) -> Iterator[bytes | None]:
        return (self[index] for index in range(len(self)))

    def _group(self, at: int) -> list[bytes | None]:
        if at in self._kept:
            self._kept.move_to_end(at)
            return self._kept[at]
        shard, group = self._groups[at]
        found = shard.read(group)
        self._bytes[at] = sum(len(each) for each in found if each is not None)
        # What was asked for least lately goes first: images are asked for in their order.
        while self._kept and sum(self._bytes[each] for each in (*self._kept, at)) > KEPT:
            self._kept.popitem(last=False)
        self._kept[at] = found
        return found
