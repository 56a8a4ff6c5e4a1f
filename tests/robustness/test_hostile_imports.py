"""Files of others that are damaged or mean harm are refused in one line, in bounded time and memory."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import limbeck
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.imported import archives
from limbeck.tasks.images import ImageTask

KEY = Key(("hostile imports",))
IMAGES = KEY.normal(5, 1, 8, 8)
LABELS = torch.tensor([1, 0, 2, 2, 9])


@pytest.fixture(scope="module")
def task() -> ImageTask:
    return limbeck.load("digits")


@pytest.fixture(scope="module")
def fuzz(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_imports", checkout / "benchmarks" / "fuzz_imports.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_imports"] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def sets(fuzz: ModuleType, task: ImageTask, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made: dict[str, Path] = fuzz.originals(tmp_path_factory.mktemp("originals"), task)
    return made


@pytest.fixture(scope="module")
def digests(fuzz: ModuleType, sets: dict[str, Path], task: ImageTask) -> dict[str, str]:
    return {name: fuzz.read(path, task) for name, path in sets.items()}


@pytest.mark.parametrize("first", range(0, 48, 12))
def test_damaged_sets_are_refused_or_read_as_they_were(
    first: int, fuzz: ModuleType, sets: dict[str, Path], digests: dict[str, str], task: ImageTask
) -> None:
    found = [fuzz.trial(seed, sets, digests, task) for seed in range(first, first + 12)]
    assert not [each for each in found if each["outcome"].startswith("fault")]
    assert any(each["outcome"] == "refused" for each in found)


def test_the_fuzz_finds_sets_that_are_not_checked(
    fuzz: ModuleType, sets: dict[str, Path], digests: dict[str, str], task: ImageTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same trials, where no checksum is looked at any more.
    monkeypatch.setattr(zipfile.ZipExtFile, "_update_crc", lambda *_: None)
    only = {name: sets[name] for name in ("pair", "dc")}
    assert any(fuzz.trial(seed, only, digests, task)["outcome"] == "fault: changed" for seed in range(60))


def refused(path: Path, task: ImageTask, **options: Any) -> str:
    with pytest.raises(InputError) as complaint:
        limbeck.import_set(path, task=task, normalisation="normalised", **options)
    assert len(str(complaint.value)) < 700
    return str(complaint.value)


def torch_file(folder: Path) -> Path:
    torch.save({"data": IMAGES, "label": LABELS}, folder / "set.pt")
    return folder / "set.pt"


def archive(folder: Path) -> Path:
    np.savez(folder / "set.npz", x=IMAGES.numpy(), y=LABELS.numpy())
    return folder / "set.npz"


@pytest.mark.parametrize("make", [torch_file, archive])
def test_one_flipped_bit_in_any_member_is_refused(
    make: Callable[[Path], Path], tmp_path: Path, task: ImageTask
) -> None:
    path = make(tmp_path)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as opened:
        members = [info for info in opened.infolist() if info.file_size]
    for info in members:
        name, extra = struct.unpack_from("<HH", whole, info.header_offset + 26)
        at = info.header_offset + 30 + name + extra + info.file_size // 2
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "damaged or incomplete: BadZipFile, Bad CRC-32" in refused(path, task), info.filename
    path.write_bytes(whole)
    limbeck.import_set(path, task=task, normalisation="normalised")


def test_a_file_that_was_saved_without_checksums_is_read(tmp_path: Path, task: ImageTask) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = torch_file(tmp_path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(limbeck.import_set(path, task=task, normalisation="normalised").batch.inputs, IMAGES)


def resealed(path: Path, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """The zip with its members changed and its checksums made right."""
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w", compression) as again:
        for name, data in members.items():
            again.writestr(name, change(name, data))
    return path


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 1, 8, 8), \n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**9, 10**9), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }\n",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-5, 1, 8, 8), }\n",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (5,), }\n",
        b"(" * 5000 + b"\n",
    ],
)
def test_a_damaged_header_of_an_array_is_refused(header: bytes, tmp_path: Path, task: ImageTask) -> None:
    made = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header

    def change(name: str, data: bytes) -> bytes:
        return made + data[-320 * 4 :] if name == "x.npy" else data

    said = refused(resealed(archive(tmp_path), change), task)
    assert "x is damaged" in said or "not what its" in said or "pickled objects, which are never" in said


@pytest.mark.parametrize(("offset", "value"), [(6, 99), (10, 77), (8, 1)], ids=["version", "method", "encrypted"])
def test_an_archive_of_an_unknown_kind_is_refused(offset: int, value: int, tmp_path: Path, task: ImageTask) -> None:
    path = archive(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + offset] = value
    path.write_bytes(bytes(data))
    assert "damaged or incomplete: " in refused(path, task)


def test_a_few_stored_numbers_that_show_as_many_are_refused_at_once(tmp_path: Path, task: ImageTask) -> None:
    path = tmp_path / "a.pt"
    torch.save([torch.zeros(1).expand(10**8, 1, 8, 8), LABELS], path)
    assert path.stat().st_size < 4096
    assert "shows 4 stored bytes as 6,400,000,000 numbers" in refused(path, task)
    few = torch.zeros(80)
    torch.save([(each.expand(16_000, 1, 8, 8), LABELS, 0.1) for each in few], path)
    assert "its steps show" in refused(path, task)


def test_a_storage_that_claims_more_than_is_there_reads_nothing_beyond_the_file(
    tmp_path: Path, task: ImageTask
) -> None:
    path = tmp_path / "a.pt"
    torch.save([torch.zeros(200, 1, 8, 8), torch.zeros(200, dtype=torch.int64)], path)

    def change(name: str, data: bytes) -> bytes:
        return b"\0" * 8 if name.endswith("data/0") else data

    assert "damaged, truncated or not a file of torch.save" in refused(resealed(path, change), task)


@pytest.mark.parametrize("member", ["x.npy", "limbeck.npy"], ids=["anybody's", "as an export of limbeck's"])
def test_an_archive_that_unpacks_to_far_more_than_it_has_is_refused(
    member: str, tmp_path: Path, task: ImageTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "FLOOR", 0)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(member, bytes(2**20))
    most = 100 * (tmp_path / "a.npz").stat().st_size
    assert f"unpacks to 1,048,576 bytes, expected at most {most:,}" in refused(tmp_path / "a.npz", task)


@pytest.mark.parametrize("make", [torch_file, archive])
def test_an_archive_behind_another_is_refused(make: Callable[[Path], Path], tmp_path: Path, task: ImageTask) -> None:
    # One reader of archives takes the members of the first, and another those of the second.
    path = make(tmp_path)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() * 2)
    assert f"{size:,} bytes before the archive, expected none" in refused(path, task)


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path, task: ImageTask) -> None:
    path = archive(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as opened:
        opened.writestr("x.npy", b"")
    assert "holds 'x.npy' twice" in refused(path, task)


def test_names_without_end_are_cut_off_where_they_are_told(tmp_path: Path, task: ImageTask) -> None:
    torch.save({"n" * 10**6: IMAGES, 7: LABELS, (1, 2): 0}, tmp_path / "a.pt")
    assert "found 'nnnn" in refused(tmp_path / "a.pt", task)


def test_a_compressed_file_of_torch_says_what_to_do(tmp_path: Path, task: ImageTask) -> None:
    path = resealed(torch_file(tmp_path), lambda _, data: data, zipfile.ZIP_DEFLATED)
    assert "a compressed archive, and torch.save compresses nothing; unpack it" in refused(path, task)
