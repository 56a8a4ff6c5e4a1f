"""A set names its data without their place, which is looked up or given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import limbeck
from limbeck.core.errors import InputError
from limbeck.tasks import reload
from limbeck.tasks.places import without_place


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images, with a cache of its own."""
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    numbers = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "first" / "scans" / name).mkdir(parents=True)
        for index in range(12):
            image = Image.fromarray(numbers.integers(0, 255, (4, 4), dtype=np.uint8))
            image.save(tmp_path / "first" / "scans" / name / f"{index}.png")
    return tmp_path / "first" / "scans"


def test_no_place_is_shipped_and_the_data_are_found_where_they_were_last(scans: Path, tmp_path: Path) -> None:
    made = limbeck.distill(f"folder:{scans}", "random", ipc=1, network="mlp-w4", checks=1)
    made.save("set.safetensors")
    assert made.data["name"] == "folder:scans"
    assert str(tmp_path).encode() not in Path("set.safetensors").read_bytes()
    (score,) = limbeck.evaluate("set.safetensors", repeats=1, baselines=())

    moved = tmp_path / "second"
    scans.parent.rename(moved)
    with pytest.raises(InputError, match=r"folder:scans: not found; looked where .* --data folder:PATH") as refused:
        reload(made.data, None)
    assert str(tmp_path / "work") in str(refused.value)
    # Whatever is suggested works, and the place is known from then on.
    assert reload(made.data, moved).fingerprint == made.data["fingerprint"]
    (again,) = limbeck.evaluate("set.safetensors", repeats=1, baselines=(), data=f"folder:{moved / 'scans'}")
    assert again == score
    assert reload(made.data, None).fingerprint == made.data["fingerprint"]


def test_the_same_data_in_two_places_are_the_same_run(scans: Path, tmp_path: Path) -> None:
    first = limbeck.distill(f"folder:{scans}", "random", ipc=1, network="mlp-w4", checks=1)
    scans.parent.rename(tmp_path / "second")
    again = limbeck.distill(tmp_path / "second" / "scans", "random", ipc=1, network="mlp-w4", checks=1)
    assert again.header() == first.header()


def test_a_place_is_of_paths_alone() -> None:
    assert [without_place(name) for name in ("mnist", "hf:user/data", "npz:../x.npz", "parquet:a/b/")] == [
        "mnist", "hf:user/data", "npz:x.npz", "parquet:b",
    ]  # fmt: skip


def test_what_is_named_like_a_path_under_the_root_is_suggested_as_one(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMBECK_DATA", str(scans.parent))
    with pytest.raises(InputError, match=f"unknown data 'scans': it is a path; did you mean 'folder:{scans}'"):
        limbeck.load("scans")
    assert limbeck.load(f"folder:{scans}").classes == ("a", "b")
