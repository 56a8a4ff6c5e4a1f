"""Images that lie on a device as they are stored are the images that are read from the array."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.codecs import ImageCodec
from limbeck.codecs.images import whitening_of
from limbeck.core.key import Key
from limbeck.tasks import images, resident
from limbeck.tasks.images import ImageTask, Split

META, CPU = torch.device("meta"), torch.device("cpu")
KEY = Key(("resident",))
PLAIN = ImageCodec((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
MATRIX = KEY.fold("covariance").normal(48, 48).double()
WHITENED = ImageCodec(PLAIN.mean, PLAIN.std, whitening_of(MATRIX @ MATRIX.T, torch.zeros(48).double(), 0.1))


def pixels(count: int = 1500) -> NDArray[np.uint8]:
    return KEY.fold("pixels").integers(256, count, 3, 4, 4).to(torch.uint8).numpy()


def task_of(stored: NDArray, codec: ImageCodec) -> ImageTask:
    """Every split holds rows of its own out of one array, in no order."""
    rows = KEY.fold("rows").permutation(len(stored)).numpy()
    parts = dict(zip(("train", "validation", "test"), np.array_split(rows, 3), strict=True))
    splits = {name: Split(stored, at, at % 2) for name, at in parts.items()}
    return ImageTask("images", ("a", "b"), (3, 4, 4), "f", codec, True, splits, {})


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    yield
    gc.collect()
    assert not resident._HELD, "what was held outlives its array"


@pytest.mark.parametrize("codec", [PLAIN, WHITENED], ids=["plain", "whitened"])
def test_they_are_the_same_to_the_bit(codec: ImageCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    # More than one piece is put there, and more than one is loaded.
    stored = pixels(6300)
    task = task_of(stored, codec)
    asked = [None, torch.tensor([3, 0, 3, 2099]), torch.arange(0)]
    expected = [task.load(split, rows) for split in task.splits for rows in asked]
    taken: list[Tensor] = []

    def here(array: NDArray, device: torch.device) -> Tensor:
        taken.append(resident.placed(array, CPU))
        return taken[-1]

    monkeypatch.setattr(images, "resident", here)
    found = [task.load_on(CPU, split, rows) for split in task.splits for rows in asked]
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))
    assert taken and all(torch.equal(each, torch.from_numpy(stored)) for each in taken)


def test_they_are_put_there_once_for_all_splits_and_leave_with_the_array() -> None:
    stored = pixels()
    task = task_of(stored, PLAIN)
    held = resident.resident(stored, META)
    assert held is not None and held.device == META and held.dtype == torch.uint8 and held.shape == stored.shape
    for split in task.splits:
        batch = task.load_on(META, split)
        assert batch.inputs.device == batch.targets.device == META and batch.classes.device == CPU
    assert list(resident._HELD.values()) == [held]


def test_they_stay_where_they_are_on_the_processor_as_fractions_and_where_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = pixels()
    assert resident.resident(stored, CPU) is None
    assert resident.resident(stored.astype(np.float32), META) is None
    for room, fits in ((stored.nbytes, True), (stored.nbytes - 8, False)):
        monkeypatch.setattr(resident, "capacity", lambda device, room=room: room / resident.SHARE)
        assert (resident.resident(stored, META) is not None) == fits
        resident._HELD.clear()
