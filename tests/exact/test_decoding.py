"""Encoded images are read group by group of their rows, and decoded side by side as they are one after the other."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limbeck.core.errors import InputError
from limbeck.tasks import decoding, load
from limbeck.tasks.readers import shards
from limbeck.tasks.readers.columns import read_file
from limbeck.tasks.readers.encoded import Encoded
from limbeck.tasks.readers.shards import Shards

COUNTS = (7, 5, 9)


def encoded(number: int) -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), number, np.uint8)).save(held, "PNG")
    return held.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Shards of images that are each of one shade, in groups of three rows; two classes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made, number = [], 0
    for shard, count in enumerate(COUNTS):
        blobs = [{"bytes": encoded(number + row), "path": None} for row in range(count)]
        labels = [(number + row) % 2 for row in range(count)]
        made.append(tmp_path / f"train-{shard}.parquet")
        pq.write_table(pa.table({"image": blobs, "label": labels}), made[-1], row_group_size=3)
        number += count
    return made


@pytest.fixture
def opened(files: list[Path]) -> Shards:
    return Shards([read_file(path, "").images for path in files])


def test_images_are_those_of_the_files_in_their_order(opened: Shards) -> None:
    assert len(opened) == sum(COUNTS)
    assert list(opened) == [encoded(number) for number in range(sum(COUNTS))]
    assert [opened[index] for index in (20, 0, 11, 6, 7)] == [encoded(index) for index in (20, 0, 11, 6, 7)]
    assert opened[5:8] == [encoded(index) for index in (5, 6, 7)]
    with pytest.raises(IndexError):
        opened[sum(COUNTS)]


def test_a_group_is_read_once_while_there_is_room_and_kept_alone_where_there_is_none(
    opened: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, int]] = []
    real = shards.Shard.read
    monkeypatch.setattr(shards.Shard, "read", lambda one, at: read.append((one.path.name, at)) or real(one, at))
    groups = [(f"train-{shard}.parquet", at) for shard, count in enumerate(COUNTS) for at in range(-(-count // 3))]
    assert list(opened) == list(opened) and read == groups
    read.clear()
    monkeypatch.setattr(shards, "KEPT", 1)
    again = Shards(opened.files)
    assert list(again) == list(opened) and list(again) == list(opened)
    assert [each for each in read if each in groups] == groups * 2


def test_a_file_that_changes_while_it_is_read_is_refused(opened: Shards, files: list[Path]) -> None:
    os.utime(files[1], ns=(1, 1))
    assert opened[0] == encoded(0)
    with pytest.raises(InputError, match=r"train-1.parquet: it changed while it was read; give the command again"):
        opened[COUNTS[0]]


def task_of(folder: Path, cache: Path, **options: Any) -> np.ndarray:
    task = load(f"parquet:{folder}", cache=cache, **options)
    rows = [np.asarray(task.native(split)) for split in ("train", "validation", "test")]
    return np.concatenate(rows)


@pytest.mark.parametrize("size", [None, 3])
def test_images_that_are_decoded_side_by_side_are_the_same(
    size: int | None, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = task_of(tmp_path, tmp_path / "one", size=size, validation=0.2)
    begun: list[Any] = []
    begin = decoding._begun
    monkeypatch.setattr(decoding, "_begun", lambda *given: begun.append(begin(*given)) or begun[-1])
    monkeypatch.setattr(decoding, "WORTH", 1)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 2)
    monkeypatch.setattr("limbeck.tasks.prepare._CHUNK", 4)
    assert np.array_equal(task_of(tmp_path, tmp_path / "two", size=size, validation=0.2), one)
    assert len(begun) == 2 and all(process.poll() is not None for process in begun)


def test_what_a_process_cannot_decode_or_lost_is_decoded_and_told_here(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(decoding, "WORTH", 1)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 2)
    monkeypatch.setattr("limbeck.tasks.prepare._CHUNK", 4)
    whole = task_of(tmp_path, tmp_path / "one")
    begin = decoding._begun

    def killed(*given: Any) -> Any:
        process = begin(*given)
        process.kill()
        return process

    with monkeypatch.context() as dying:
        dying.setattr(decoding, "_begun", killed)
        assert np.array_equal(task_of(tmp_path, tmp_path / "two"), whole)
    cut = [{"bytes": encoded(row)[: 50 if row == 3 else None], "path": None} for row in range(8)]
    pq.write_table(pa.table({"image": cut, "label": [0, 1] * 4}), files[1])
    with pytest.raises(InputError, match=re.escape(f"{files[1]} row 3: unreadable or truncated image")):
        task_of(tmp_path, tmp_path / "three")


def test_images_in_memory_alone_are_decoded_here() -> None:
    assert decoding._described(Encoded([b"x"], str)) is None
    assert decoding._described(Encoded([Path("a.png")], str)) is not None
