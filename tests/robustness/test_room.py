"""A command that has no room in memory is refused in one line before it begins, whatever it computes."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from limbeck.cli import BAD_INPUT, DONE, main
from limbeck.core.errors import InputError
from limbeck.runs import room
from limbeck.runs.executors import local
from limbeck.runs.session import Session

NETWORK = ["--network", "convnet-w8-d1"]
FREE = 100 * 10**6
"""Bytes of memory that are free: a third of what a worker takes for code alone."""
COMMANDS = {
    "evaluate": ["evaluate", "SET", "--repeats", "2"],
    "explain": ["explain", "SET", "--effort", "quick"],
    "study": ["study", "digits", "--recipes", "random", "--ipc", "1", "--effort", "quick", "--out", "OUT", *NETWORK],
    "sweep": ["sweep", "digits", "--recipes", "random", "--ipc", "1", "--networks", NETWORK[1], "--out", "OUT"],
    "experts": ["experts", "digits", "--count", "2", "--epochs", "2", *NETWORK],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("room")
    words = [
        "distill",
        "digits",
        "--recipe",
        "random",
        "--ipc",
        "1",
        *NETWORK,
        "--runs",
        str(folder / "runs"),
        "--quiet",
    ]
    assert main([*words, "--out", str(folder / "set.safetensors")]) == DONE
    return folder / "set.safetensors"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_room_is_refused_in_one_line_before_a_worker_starts(
    command: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local.Worker, "start", lambda: pytest.fail("a worker started"))
    monkeypatch.setattr(room, "free_memory", lambda: FREE)
    places = {"SET": str(made), "OUT": str(tmp_path / "out")}
    words = [places.get(word, word) for word in COMMANDS[command]]
    assert main([*words, "--quiet", "--workers", "2", "--runs", str(tmp_path / "runs")]) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert "takes about" in line and "of memory, expected what fits into the" in line
    assert "narrower --network" in line


def test_what_a_process_may_map_bounds_each_worker(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    with Session(runs=tmp_path, workers=2) as session:
        resource.setrlimit(resource.RLIMIT_AS, (mapped + 4 * FREE, hard))
        try:
            assert room.workers_for(session, [FREE, FREE], "a training").note == ""
            with pytest.raises(InputError, match=r"a training takes about 2\.8 GB of memory, expected what fits into"):
                room.workers_for(session, [20 * FREE, FREE], "a training")
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
