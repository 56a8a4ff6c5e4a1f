"""Files are whole or absent, tensors come back bit for bit, and what is not as it was written is noticed."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from limbeck.core import tree
from limbeck.core.documents import read_document, sealed
from limbeck.core.errors import DamagedError, InputError
from limbeck.core.files import (
    check_writable,
    read_header,
    read_tensors,
    verify_tensors,
    write_atomically,
    write_folder,
    write_tensors,
    write_text,
)
from limbeck.core.layout import DTYPES, head_of, parse
from limbeck.runs.store import Store

SHARED = torch.randn(3, 2)
TENSORS = {"a": SHARED, "view": SHARED[1:], "b/c": torch.tensor([1, -2]), "empty": torch.zeros(0)}
TINY = {"a": torch.tensor([1, 2], dtype=torch.uint8), "b/c": torch.tensor(0.5)}


def bits(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    return tensor.dtype, tensor.shape, tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def flips(content: bytes, step: int = 1) -> Iterator[bytes]:
    """The content with each bit, or every `step`-th, the other way round."""
    for bit in range(0, 8 * len(content), step):
        yield content[: bit // 8] + bytes([content[bit // 8] ^ (1 << bit % 8)]) + content[bit // 8 + 1 :]


def test_tensors_and_header_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "x.safetensors"
    write_tensors(path, TENSORS, {"name": "é\n", "n": [1, 2.5, None]})
    tensors, header = read_tensors(path)
    assert header == read_header(path) == verify_tensors(path) == {"name": "é\n", "n": [1, 2.5, None]}
    assert tensors.keys() == TENSORS.keys()
    assert all(bits(tensors[name]) == bits(TENSORS[name]) for name in TENSORS)


def test_every_type_comes_back_and_anybody_who_reads_safetensors_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    numbers = torch.arange(48, dtype=torch.uint8)
    whole = {name: numbers.view(getattr(torch, dtype)).reshape(2, -1) for name, (dtype, _) in DTYPES.items()}
    assert all(getattr(torch, dtype).itemsize == wide for dtype, wide in DTYPES.values())
    whole["BOOL"] = torch.tensor([[True], [False]])
    whole |= {"scalar": torch.tensor(2.5), "empty/of": torch.zeros(3, 0), "turned": torch.arange(6.0).view(2, 3).T}
    write_tensors(path, whole, {"x": 1})
    tensors, _ = read_tensors(path)
    for theirs in (tensors, load_file(path)):
        assert theirs.keys() == whole.keys()
        assert all(bits(theirs[name]) == bits(whole[name]) for name in whole)
    with safe_open(path, "pt") as opened:
        assert json.loads(opened.metadata()["limbeck"]) == {"x": 1}
    tensors["scalar"].add_(1)  # What is read is the reader's own.


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", TENSORS, {"x": 1, "y": 2})
    write_tensors(tmp_path / "b", dict(reversed(TENSORS.items())), {"y": 2, "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left on device"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def stopped_after(number: int, work: Callable[[], object]) -> bool:
    """Whether work was over before an interruption that comes right after its `number`-th call of the system.

    There a signal is noticed that came while the system was at work. Where a folder is cleared away, none comes.
    """
    left = number

    def watch(frame: FrameType, event: str, function: Any) -> None:
        nonlocal left
        if event != "c_return" or getattr(function, "__module__", "") != "posix":
            return
        above: FrameType | None = frame
        while above is not None:
            if above.f_code.co_name == "rmtree":
                return
            above = above.f_back
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    sys.setprofile(watch)
    try:
        work()
    except KeyboardInterrupt:
        return False
    finally:
        sys.setprofile(None)
    return True


def held(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


OLD, NEW = {"a": "old", "b/c": "old too", "gone": "also"}, {"a": "new", "b/c": "new too"}
WRITES: dict[str, tuple[Callable[[Path], object], dict[str, str], dict[str, str]]] = {
    "file": (lambda path: write_text(path, "new"), {"": "old"}, {"": "new"}),
    "folder": (lambda path: write_folder(path, {name: text.encode() for name, text in NEW.items()}), OLD, NEW),
    "trial": (check_writable, {}, {}),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("there", [False, True])
def test_an_interruption_after_any_call_of_the_system_leaves_the_old_or_the_new_and_nothing_else(
    name: str, there: bool, tmp_path: Path
) -> None:
    write, old, new = WRITES[name]
    outcomes, number, done = set(), 0, False
    while not done:
        folder = tmp_path / str(number)
        path = folder / "it"
        for part, text in (old if there else {}).items():
            (path / part).parent.mkdir(parents=True, exist_ok=True)
            (path / part).write_text(text)
        done = stopped_after(number, lambda: write(path))  # noqa: B023 (it is called at once)
        found = held(folder) if folder.exists() else {}
        before, after = ({str(Path("it") / part): text for part, text in each.items()} for each in (old, new))
        assert found in (after, before if there else {}), (number, found)
        assert not list(tmp_path.rglob("*.part"))
        outcomes.add(found == after)
        number += 1
    assert number > 3 and (name == "trial" or outcomes == {False, True})


def test_a_file_is_refused_wherever_it_is_cut_and_where_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TINY, {"x": 1})
    content = path.read_bytes()
    for spoilt in (*(content[:cut] for cut in range(len(content))), content + b"\0", b"\0" * len(content)):
        path.write_bytes(spoilt)
        for read in (read_tensors, read_header, verify_tensors):
            with pytest.raises(DamagedError, match="damaged, or not written by this limbeck"):
                read(path)


def test_one_flipped_bit_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TINY, {"x": 1})
    content = path.read_bytes()
    numbers = len(content) - 6
    for index, spoilt in enumerate(flips(content)):
        path.write_bytes(spoilt)
        for read in (read_tensors, verify_tensors):
            with pytest.raises(DamagedError):
                read(path)
        # The head proves itself alone, and each branch with it; c comes first, since its numbers are the widest.
        at = index // 8
        if at < numbers:
            with pytest.raises(DamagedError):
                read_header(path)
        else:
            assert read_header(path) == {"x": 1}
        if at < numbers + 4:
            with pytest.raises(DamagedError):
                read_tensors(path, "b")
        else:
            assert bits(read_tensors(path, "b")[0]["b/c"]) == bits(TINY["b/c"])


def test_a_branch_reads_its_own_bytes_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"1/a": torch.ones(1000), "1": torch.ones(3), "10/a": torch.ones(5000)}, {})
    counts: list[int] = []
    real = os.preadv

    def counting(handle: int, buffers: Any, offset: int) -> int:
        counts.append(sum(map(len, buffers)))
        return real(handle, buffers, offset)

    read_header(path)
    monkeypatch.setattr(os, "preadv", counting)
    read_header(path)
    head = sum(counts)
    counts.clear()
    assert read_tensors(path, "1")[0].keys() == {"1", "1/a"}
    assert sum(counts) == head + 4 * 1003


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [2**62], "data_offsets": [0, 8]}, "its place"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "its place"),
        ({"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]}, "whole numbers"),
        ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "whole numbers"),
        ({"dtype": "F7", "shape": [2], "data_offsets": [0, 8]}, "F7"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "8 bytes of numbers"),
        ({"dtype": "F32", "shape": None, "data_offsets": [0, 8]}, "another form"),
        ({}, "another form"),
    ],
)
def test_a_head_that_lies_is_refused_though_its_digest_is_right(entry: dict, reason: str) -> None:
    import hashlib

    plain = head_of({}, {})
    document = json.loads(plain[8:])
    document["__metadata__"] |= {"digest": "0" * 64, "digests": '{"a": ""}'}
    text = json.dumps({**document, "a": entry}, separators=(",", ":")).encode()
    blank = len(text).to_bytes(8, "little") + text
    head = blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)
    with pytest.raises(ValueError, match=reason):
        parse(head, len(head) + 8)


READS = 500
WRITER = """
import itertools, sys
from pathlib import Path
import torch
from limbeck.core.files import write_tensors

path = Path(sys.argv[1])
for state in itertools.count(1):
    # Another length of the head each time, so that the numbers lie elsewhere.
    numbers = {"a": torch.full((64,), state), "b/c": torch.full((3,), float(state))}
    write_tensors(path, numbers, {"state": state, "filling": "x" * (state * 37 % 500)})
"""


def test_what_is_read_while_another_writes_is_one_of_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.full((64,), 0), "b/c": torch.zeros(3)}, {"state": 0})
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
    try:
        while read_header(path)["state"] == 0:  # It is seen to write.
            assert writer.poll() is None
        for _ in range(READS):
            tensors, header = read_tensors(path)
            state = header["state"]
            assert set(tensors["a"].tolist()) == {state} == set(tensors["b/c"].tolist())
            branch, header = read_tensors(path, "b")
            assert set(branch["b/c"].tolist()) == {header["state"]}
            assert read_header(path)["state"] >= header["state"] >= state
        assert writer.poll() is None and state > 1
    finally:
        writer.kill()
        writer.wait()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        read_tensors(tmp_path / "x")
    with pytest.raises(InputError, match="found a folder"):
        read_tensors(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="found no plain file"):
        read_tensors(tmp_path / "pipe")


def test_no_flipped_bit_of_a_document_changes_what_it_says(tmp_path: Path) -> None:
    path, document = tmp_path / "x.json", {"a": [1, 0.25, None, "é"], "b": {"c": True}}
    write_text(path, sealed(document))
    assert read_document(path) == document
    damaged = 0
    for spoilt in flips(path.read_bytes()):
        path.write_bytes(spoilt)
        try:
            assert read_document(path) == document
        except DamagedError:
            damaged += 1
    assert damaged > 8 * 64


def test_a_document_that_a_person_wrote_needs_no_digest_but_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": 1}')
    assert read_document(path, bare=True) == {"a": 1}
    with pytest.raises(DamagedError, match="not what its digest says"):
        read_document(path)
    path.write_text(sealed({"a": 1}).replace("1", "2", 1))
    with pytest.raises(DamagedError, match="take its 'digest' out where the change is meant"):
        read_document(path, bare=True)
    path.write_text("[1]")
    with pytest.raises(DamagedError, match="found a list"):
        read_document(path)
    with pytest.raises(InputError, match="found nothing"):
        read_document(tmp_path / "y")


def test_what_is_remembered_is_made_again_after_any_flipped_bit(tmp_path: Path) -> None:
    store, address, made = Store(tmp_path), {"name": "it", "of": (1, 2)}, []

    def make() -> dict[str, Any]:
        made.append(1)
        return {"x": {"y": torch.tensor([3.0])}, "z": torch.tensor(4)}

    path = store.place(address)
    assert not store.holds(address)
    store.remember(address, make)
    content = path.read_bytes()
    for count, spoilt in enumerate(flips(content, 97), 2):
        path.write_bytes(spoilt)
        assert not store.holds(address) and store.recall(address) is None
        assert tree.flatten(store.remember(address, make)) == {"x/y": torch.tensor([3.0]), "z": torch.tensor(4)}
        assert len(made) == count and path.read_bytes() == content
    # A file under the name of another is not what was asked for.
    other = {**address, "of": (1, 3)}
    store.place(other).parent.mkdir()
    store.place(other).write_bytes(content)
    assert not store.holds(other) and store.recall(other) is None


def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_writable(tmp_path / "new" / "folder" / "x.safetensors")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is not a folder that can be written to"):
        check_writable(tmp_path / "file" / "x.safetensors")
    monkeypatch.setattr(Path, "write_bytes", refused)
    with pytest.raises(InputError, match=r"not a folder that can be written to \(Read-only file system\)"):
        check_writable(tmp_path / "x.safetensors")


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_full_disk_under_a_lock_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(
        InputError, match="^cannot write .*: No space left on device; free some space, or give another place$"
    ):
        Store(tmp_path).remember({"name": "it"}, lambda: pytest.fail("it went on"))
