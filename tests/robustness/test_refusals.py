"""What the system refuses: names that are too long, places that are closed, and more than there is room for."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.core.errors import InputError, refusals_told
from limbeck.core.memory import memory, shortage_told

LONG = "a" * 300
GIGABYTE = 10**9


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of real digits, and as an archive beside it."""
    folder = tmp_path_factory.mktemp("made")
    with limbeck.Session(folder / "runs") as session:
        limbeck.distill("digits", "random", ipc=1, network="mlp-w4", session=session).save(folder / "set.safetensors")
    limbeck.export(folder / "set.safetensors", "npz", folder / "set.npz")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        f"describe {LONG}",
        f"describe folder:{LONG}",
        f"describe npz:{LONG}.npz",
        f"describe parquet:{LONG}",
        f"describe digits --data-root {LONG}",
        f"describe cifar10 --data-root {LONG}",
        f"distill digits --ipc 1 --recipe random --network mlp-w4 --out {LONG}.safetensors",
        f"distill --spec {LONG} --out x.safetensors",
        f"study digits --recipes random --ipc 1 --network mlp-w4 --out {LONG}",
        f"evaluate {LONG}",
        f"explain MADE/set.safetensors --attributes {LONG}",
        f"report MADE/set.safetensors --out {LONG}.html",
        f"show MADE/set.safetensors --out {LONG}.png",
        f"export MADE/set.safetensors --format npz --out {LONG}.npz",
        f"export MADE/set.safetensors --format folder --out {LONG}",
        f"compress MADE/set.safetensors --bits 8 --out {LONG}.safetensors",
        f"import {LONG} --data digits --out x.safetensors",
        f"import MADE/set.npz --data {LONG} --out x.safetensors",
        f"import MADE/set.npz --data digits --yes --out {LONG}.safetensors",
        f"experts digits --network mlp-w4 --buffer {LONG}",
        f"runs list --runs {LONG}",
        f"worker {LONG}",
    ],
)
def test_a_name_that_is_too_long_is_said_in_one_line_and_nothing_is_written(
    words: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words.replace("MADE", str(made)).split()) == 2
    assert "File name too long" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_verb_of_python_says_so_too() -> None:
    with pytest.raises(InputError, match=rf"^{LONG[:120]}\.\.\.: File name too long; give a shorter name$"):
        limbeck.load(LONG)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "x: Permission denied; change its permissions, or give another place"),
        (errno.EROFS, "x: Read-only file system; change its permissions, or give another place"),
        (errno.ENOSPC, "x: No space left on device; free some space, or give another place"),
        (errno.EIO, "x: Input/output error; check the disk, or give another place"),
    ],
)
def test_what_is_refused_for_the_sake_of_a_place_is_told_with_what_to_do(number: int, said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}$"), refusals_told():
        raise OSError(number, os.strerror(number), "x")


def test_other_errors_of_the_system_are_as_they_were() -> None:
    with pytest.raises(BrokenPipeError), refusals_told():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@contextmanager
def allowed(count: int) -> Iterator[None]:
    """What this process may take is so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_memory_is_that_of_the_machine_or_what_the_process_or_its_container_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = memory()
    assert GIGABYTE < whole <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with allowed(whole - 4096):
        assert memory() == whole - 4096
    group = tmp_path / "memory.max"
    monkeypatch.setattr("limbeck.core.memory.GROUPS", (group,))
    for text, expected in (("max\n", whole), (f"{GIGABYTE}\n", GIGABYTE)):
        group.write_text(text)
        assert memory() == expected


def test_images_that_would_not_fit_into_memory_are_refused_before_any_is_made() -> None:
    # 1,797 digits, whose levels are kept as float32.
    with pytest.raises(
        InputError,
        match=r"1,797 images of 1 x 100000 x 100000 take 71.9 TB, .* half of the memory here; .* --size N",
    ):
        limbeck.load("digits", size=100_000)


def test_images_that_would_not_fit_onto_the_disk_are_refused_before_any_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "cache"))
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(20 * 16**2 - 1))
    with pytest.raises(InputError, match=rf"20 images of 1 x 16 x 16 .* at most 5,119 B, the free space of {tmp_path}"):
        limbeck.load(f"npz:{tmp_path / 'own.npz'}", size=16)
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(20 * 16**2))
    assert limbeck.load(f"npz:{tmp_path / 'own.npz'}", size=16).shape == (1, 16, 16)


@pytest.mark.parametrize("take", [np.empty, torch.empty])
def test_memory_that_ran_out_is_told_in_one_line(take: Callable[[int], object]) -> None:
    with (
        pytest.raises(InputError, match=r"^memory ran out, of which this process may take .* fewer --workers$"),
        shortage_told(),
    ):
        take(2**58)


def test_other_errors_of_a_program_are_as_they_were() -> None:
    with pytest.raises(RuntimeError, match="broken"), shortage_told():
        raise RuntimeError("broken")


def test_a_command_that_runs_out_of_memory_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = f"distill digits --ipc 1 --recipe dm --network mlp-w4 --steps {10**15} --out a.safetensors --runs runs"
    assert main(words.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("limbeck: memory ran out")
    assert not Path("a.safetensors").exists()


GREEDY = """
from limbeck.runs import worker
def do(job):
    bytearray(2**60)
worker.do = do
worker.main()
"""


def test_a_worker_that_runs_out_of_memory_answers_so() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GREEDY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("{}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["error"].startswith("memory ran out")
        process.stdin.close()
