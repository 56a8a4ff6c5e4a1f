"""Decoded pixels are kept once, never trusted blindly, and shared safely."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from limbeck.core.errors import InputError
from limbeck.tasks import cache as kept_pixels
from limbeck.tasks import load, prepare
from limbeck.tasks.readers import npz

X = np.random.default_rng(0).integers(0, 256, (600, 16, 16), dtype=np.uint8)
Y = np.arange(600) % 3


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    return f"npz:{tmp_path / 'mine.npz'}"


@pytest.fixture
def reads(monkeypatch) -> list[Path]:
    """The files that were read, as opposed to found in the cache."""
    seen: list[Path] = []
    plain = npz._read
    monkeypatch.setattr(npz, "_read", lambda path, background: (seen.append(path), plain(path, background))[1])
    return seen


def kept(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.iterdir() if path.is_file()}


def pixels(task) -> bytes:
    return task.load("train").inputs.numpy().tobytes()


def test_the_second_load_reads_the_cache_and_gives_the_same_task(tmp_path, data, reads):
    first, second = (load(data, cache=tmp_path / "cache") for _ in range(2))
    assert len(reads) == 1
    assert isinstance(second.splits["train"].images, np.memmap)
    assert first.fingerprint == second.fingerprint
    assert first.notes == second.notes
    assert pixels(first) == pixels(second)


def test_options_and_changed_files_are_kept_apart(tmp_path, data, reads):
    load(data, cache=tmp_path / "cache")
    assert load(data, size=8, cache=tmp_path / "cache").shape == (1, 8, 8)
    changed = X.copy()
    changed[0, 0, 0] ^= 1
    np.savez(tmp_path / "mine.npz", x=changed, y=Y)
    os.utime(tmp_path / "mine.npz", ns=(1, 1))
    load(data, cache=tmp_path / "cache")
    assert len(reads) == 3


def test_the_whitening_is_kept_and_rebuilt_when_damaged(tmp_path, data):
    first = load(data, zca=True, cache=tmp_path / "cache")
    (white,) = (tmp_path / "cache").glob("*.zca.safetensors")
    whole = white.read_bytes()
    assert pixels(load(data, zca=True, cache=tmp_path / "cache")) == pixels(first)
    white.write_bytes(whole[:100])
    assert pixels(load(data, zca=True, cache=tmp_path / "cache")) == pixels(first)
    assert white.read_bytes() == whole


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"\0" * len(content),
        lambda content: flip(content, 0),
        lambda content: flip(content, len(content) - 1),
        lambda content: flip(content, len(content) // 2),
    ],
    ids=["empty", "half", "short", "zeros", "first bit", "last bit", "middle bit"],
)
def test_any_damage_is_noticed_and_repaired(tmp_path, data, reads, suffix, damage):
    first = load(data, cache=tmp_path / "cache")
    expected, before = pixels(first), kept(tmp_path / "cache")
    del first
    (path,) = (tmp_path / "cache").glob(f"*{suffix}")
    # A new file in its place, as the pixels of the old one may still be mapped.
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(damage(content))
    assert pixels(load(data, cache=tmp_path / "cache")) == expected
    assert len(reads) == 2
    assert kept(tmp_path / "cache") == before


def test_large_pixels_are_read_through_once_a_day_and_again_where_the_file_is_another(
    tmp_path, data, reads, monkeypatch
):
    """Reading through is what costs minutes; each of these ways to be another file is one in which it is done again."""
    read: list[int] = []
    update = prepare.Digest.update
    monkeypatch.setattr(kept_pixels, "LARGE", 1)
    monkeypatch.setattr(prepare.Digest, "update", lambda one, chunk: (read.append(1), update(one, chunk))[1])
    folder = tmp_path / "cache"

    def passes() -> int:
        read.clear()
        load(data, cache=folder)
        return len(read)

    assert passes() > 0 and passes() == 0
    note, file = next(folder.glob("*.read")), next(folder.glob("*.npy"))
    os.utime(note, (1, 1))
    assert passes() > 0 and passes() == 0
    status = file.stat()
    file.write_bytes(file.read_bytes())
    assert file.stat().st_mtime_ns != status.st_mtime_ns and passes() > 0 and passes() == 0
    note.write_bytes(b"\xff")
    assert passes() > 0 and passes() == 0
    file.write_bytes(flip(file.read_bytes(), -1))
    assert passes() > 0 and len(reads) == 2
    monkeypatch.setattr(kept_pixels, "LARGE", 2**30)
    assert passes() > 0 and passes() > 0


def test_a_missing_half_is_rebuilt(tmp_path, data, reads):
    load(data, cache=tmp_path / "cache")
    before = kept(tmp_path / "cache")
    for name in before:
        (tmp_path / "cache" / name).unlink()
        load(data, cache=tmp_path / "cache")
    assert kept(tmp_path / "cache") == before
    assert len(reads) == 3


SCRIPT = """
import sys
from pathlib import Path
from limbeck.core.errors import InputError
from limbeck.tasks import cache as kept_pixels
from limbeck.tasks import load, prepare
if len(sys.argv) > 3:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    print(load(sys.argv[1], cache=Path(sys.argv[2])).fingerprint)
except InputError as refusal:
    print("refused:", refusal)
"""


def start(data: str, cache: Path, *limit: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, data, str(cache), *limit]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_that_load_at_once_all_get_the_same_data(tmp_path, data):
    running = [start(data, tmp_path / "cache") for _ in range(3)]
    answers = {process.communicate()[0].strip() for process in running}
    assert answers == {load(data, cache=tmp_path / "cache").fingerprint}
    assert len(kept(tmp_path / "cache")) == 2


def test_a_disk_without_room_is_refused_and_nothing_is_left(tmp_path, data):
    answer = start(data, tmp_path / "cache", "50000").communicate()[0]
    assert answer.startswith("refused: cannot write ")
    assert "free some space" in answer
    assert kept(tmp_path / "cache") == {}


def test_a_cache_that_cannot_be_written_is_refused(tmp_path, data):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot write .*file/cache"):
        load(data, cache=tmp_path / "file" / "cache")


def test_digits_need_no_cache(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert load("digits", zca=True, cache=tmp_path / "file").shape == (1, 8, 8)


def test_the_cache_is_named_by_the_environment(tmp_path, data, monkeypatch):
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "named"))
    load(data)
    assert len(kept(tmp_path / "named")) == 2
    monkeypatch.delenv("LIMBECK_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    load(data)
    assert len(kept(tmp_path / "home/.cache/limbeck")) == 2
