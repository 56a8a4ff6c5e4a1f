"""The paper in pieces: what is stopped anywhere and goes on elsewhere comes to what one call comes to."""

from __future__ import annotations

import importlib
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from limbeck.core.errors import InputError
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job

TIMED = ("seconds", "loop over limbeck", "difference")
"""What differs from run to run."""


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


@pytest.fixture(scope="module")
def paper(checkout: Path) -> Iterator[ModuleType]:
    """The benchmark, which finds its neighbours beside it."""
    sys.path.insert(0, str(checkout / "benchmarks"))
    yield importlib.import_module("paper_gpu")
    sys.path.remove(str(checkout / "benchmarks"))


def folder_of(paper: ModuleType, place: Path, sizes: dict[str, int]) -> Any:
    """A folder with files of so many bytes."""
    folder = paper.Folder(place)
    for name, size in sizes.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(bytes(size))
    return folder


def test_what_matters_most_is_packed_first_and_no_file_is_larger_than_is_given_back(
    paper: ModuleType, tmp_path: Path
) -> None:
    sizes = {
        "runs/remembered/large.safetensors": 50_000,
        "runs/remembered/some.safetensors": 30_000,
        "runs/remembered/small.safetensors": 100,
        "runs/remembered/huge.safetensors": 500_000,
        "runs/distillations/ab/a/checkpoint.safetensors": 60_000,
        "runs/distillations/ab/a.claim": 10,
        "sets/dm.safetensors": 20_000,
        "results/sets.json": 2_000,
        "state.json": 100,
    }
    folder = folder_of(paper, tmp_path / "full", sizes)
    part = 128 * 1024
    left = paper.pack(folder, tmp_path / "packed", part=part, parts=1)
    names = [str(path.relative_to(folder.place)) for path in left]
    # 60,000 and 20,000 and 2,000 come first, and leave no room for 30,000 beside their headers.
    names = [name.removeprefix("runs/remembered/") for name in names]
    assert names == ["huge.safetensors", "some.safetensors", "large.safetensors"]
    left = paper.pack(folder, tmp_path / "packed", part=part, parts=3)
    assert [path.name for path in left] == ["huge.safetensors"]
    packed = sorted((tmp_path / "packed").iterdir())
    assert [path.name for path in packed] == ["state-0.tar", "state-1.tar"]
    assert all(path.stat().st_size <= part for path in packed)
    other = folder_of(paper, tmp_path / "other", {"state.json": 7})
    paper.unpack(tmp_path / "packed", other.place)
    expected = {name: size for name, size in sizes.items() if "huge" not in name and "claim" not in name}
    there = {str(path.relative_to(other.place)): path.stat().st_size for path in other.files()}
    assert there == {**expected, "state.json": 7}, "what lies there already may be further"


def test_the_settings_of_the_first_call_hold(paper: ModuleType, tmp_path: Path) -> None:
    folder = paper.Folder(tmp_path)
    first = folder.settle({"ipc": 5}, {"ipc": 10, "network": "convnet"})
    assert first == {"ipc": 5, "network": "convnet"} == folder.settle({}, {"ipc": 1, "network": "other"})
    with pytest.raises(InputError, match="ipc 10: .* was begun with 5"):
        folder.settle({"ipc": 10}, {"ipc": 10, "network": "convnet"})


def test_a_stage_that_is_refused_is_left_and_the_others_are_done(
    paper: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def refuse() -> dict[str, Any]:
        asked.append("one")
        raise InputError("expected something else")

    folder, cpu = paper.Folder(tmp_path), torch.device("cpu")
    stages = [paper.Stage("one", refuse), paper.Stage("two", lambda: {"found": 2})]
    for _ in range(2):
        assert paper.go_on(folder, stages, 1.0, cpu) == 1
    assert "one: expected something else" in capsys.readouterr().out and asked == ["one", "one"]
    assert folder.result("one") is None and folder.results()["two"]["found"] == 2
    assert paper.go_on(folder, stages[1:], 1.0, cpu) == 0


@pytest.mark.parametrize(("keeps", "code"), [(True, 75), (False, 1)])
def test_a_call_whose_time_is_up_says_whether_anything_was_kept(
    keeps: bool, code: int, paper: ModuleType, tmp_path: Path
) -> None:
    folder = paper.Folder(tmp_path)

    def last() -> dict[str, Any]:
        if keeps:
            (tmp_path / "runs").mkdir()
            (tmp_path / "runs" / "checkpoint.safetensors").write_bytes(b"some")
        signal.pause()
        return {}

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    assert paper.go_on(folder, [paper.Stage("last", last)], 0.001, torch.device("cpu")) == code
    assert folder.result("last") is None and folder.state["seconds"]["last"] > 0
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)] == before


def results(place: Path) -> dict[str, dict[str, Any]]:
    """What came of every stage, but for what it took."""
    read = {path.name: json.loads(path.read_text()) for path in sorted((place / "results").glob("*.json"))}
    return {name: {key: value for key, value in each.items() if key not in TIMED} for name, each in read.items()}


def test_what_is_stopped_and_goes_on_elsewhere_comes_to_the_same(
    paper: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stack is its learners to rounding alone, and those that a stop leaves are another stack.
    monkeypatch.setattr("limbeck.learn.stacked.FEWEST", 10**6)
    # One probe is enough to be stopped in.
    monkeypatch.setattr(paper, "TOY_PROBES", paper.TOY_PROBES[1:])
    words = ["--toy", "--device", "cpu", "--stage", "paper"]
    assert paper.main([*words, "--out", str(tmp_path / "whole")], Here()) == 0
    minutes, codes, packed = 0.01, list[int](), str(tmp_path / "packed")
    while not codes or codes[-1]:
        # Each call is on a machine of its own, which has what was packed and nothing else.
        place = tmp_path / f"machine-{len(codes)}"
        codes.append(paper.main([*words, "--out", str(place), "--minutes", str(minutes), "--pack", packed], Here()))
        shutil.copytree(place, tmp_path / "last", dirs_exist_ok=True)
        shutil.rmtree(place)
        minutes *= 1.3
    assert len(codes) > 1 and set(codes) <= {0, 1, 75}
    assert results(tmp_path / "last") == results(tmp_path / "whole")
    pages = [(tmp_path / name / "paper-gpu.md").read_text() for name in ("last", "whole")]
    assert pages[0] == pages[1] and "All that was asked for is done" in pages[0]
    for row in ("| N8 | clipping", "| M3, M4 | 2 real", "| F1 to F6 | a real start", "| Q1"):
        assert row in pages[0]
