"""Files are whole or absent, and tensors come back bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors, write_atomically, write_tensors

SHARED = torch.randn(3, 2)
TENSORS = {"a": SHARED, "view": SHARED[1:], "b/c": torch.tensor([1, -2]), "empty": torch.zeros(0)}


def bits(tensor: torch.Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    return tensor.dtype, tensor.shape, tensor.numpy().tobytes()


def test_tensors_and_header_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "x.safetensors"
    write_tensors(path, TENSORS, {"name": "é\n", "n": [1, 2.5, None]})
    tensors, header = read_tensors(path)
    assert header == {"name": "é\n", "n": [1, 2.5, None]}
    assert tensors.keys() == TENSORS.keys()
    assert all(bits(tensors[name]) == bits(TENSORS[name]) for name in TENSORS)


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


@pytest.mark.parametrize("cut", [0, 4, 20, -1])
def test_a_cut_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TENSORS, {})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="damaged or not a safetensors file"):
        read_tensors(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found nothing"):
        read_tensors(tmp_path / "x")
    with pytest.raises(InputError, match="found a folder"):
        read_tensors(tmp_path)
