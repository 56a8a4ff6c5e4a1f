"""What the system refuses: names that are too long, places that are closed, and more than there is room for."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.composition import Recipe
from limbeck.core.errors import InputError, refusals_told
from limbeck.core.expect import few_enough
from limbeck.core.memory import free_addresses, free_memory, memory, shortage_told
from limbeck.core.threads import usable_cores
from limbeck.probes.substitution import Substitution

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
    group = grouped(tmp_path, monkeypatch, "0::/batch/job\n") / "batch"
    (group / "job").mkdir(parents=True)
    for text, expected in (("max\n", whole), (f"{GIGABYTE}\n", GIGABYTE)):
        write_group(group, {"memory.max": text, "memory.current": f"{GIGABYTE // 2}\n"})
        assert memory() == expected


def grouped(folder: Path, monkeypatch: pytest.MonkeyPatch, membership: str) -> Path:
    """Where control groups are seen, of a process that is in those that `membership` says."""
    (folder / "membership").write_text(membership)
    monkeypatch.setattr("limbeck.core.control_groups.MEMBERSHIP", folder / "membership")
    monkeypatch.setattr("limbeck.core.control_groups.MOUNT", folder / "groups")
    return folder / "groups"


def write_group(group: Path, numbers: dict[str, str], counted: str = "") -> None:
    group.mkdir(parents=True, exist_ok=True)
    for name, text in {**numbers, **({"memory.stat": counted} if counted else {})}.items():
        (group / name).write_text(text)


def test_free_memory_is_what_the_tightest_group_has_left_whoever_takes_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = grouped(tmp_path, monkeypatch, "0::/user/job\n")
    write_group(second / "user", {"memory.max": "3000000\n", "memory.current": "2500000\n"}, "active_file 400000\n")
    write_group(second / "user/job", {"memory.max": "2000000\n", "memory.current": "1900000\n"}, "inactive_file 0\n")
    # Files give way: the outer group has 900,000 left, the inner one 100,000.
    assert free_memory() == 100_000
    (second / "user/job/memory.current").write_text("600000\n")
    assert free_memory() == 900_000
    first = grouped(tmp_path, monkeypatch, "4:memory:/job\n0::/\n") / "memory"
    # Of the first version the totals count, and what is no limit is a large number.
    held = {"memory.limit_in_bytes": "1000000", "memory.usage_in_bytes": "800000"}
    write_group(first / "job", held, "active_file 1\ntotal_active_file 100000\ntotal_inactive_file 50000\n")
    write_group(
        first, {"memory.limit_in_bytes": str(2**63 - 4096), "memory.usage_in_bytes": "9"}, "total_active_file 0\n"
    )
    assert free_memory() == 350_000


def test_cores_are_those_that_may_be_used_in_the_time_that_groups_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    folder = grouped(tmp_path, monkeypatch, "0::/job\n")
    assert usable_cores() == 8
    for text, expected in (("max 100000", 8), ("250000 100000", 3), ("50000 100000", 1)):
        write_group(folder / "job", {"cpu.max": text})
        assert usable_cores() == expected
    folder = grouped(tmp_path, monkeypatch, "2:cpu,cpuacct:/job\n")
    write_group(folder / "cpu,cpuacct/job", {"cpu.cfs_quota_us": "200000", "cpu.cfs_period_us": "100000"})
    assert usable_cores() == 2
    write_group(folder / "cpu,cpuacct/job", {"cpu.cfs_quota_us": "-1"})
    assert usable_cores() == 8


def test_addresses_that_are_left_are_those_allowed_less_those_mapped() -> None:
    assert free_addresses() is None
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    with allowed(mapped + GIGABYTE):
        assert abs(free_addresses() - GIGABYTE) < 2**26


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
    monkeypatch.setattr("limbeck.core.expect.MOST", 10**15)
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


def test_far_too_many_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    begun, many = time.process_time(), 10**9
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: limbeck.evaluate("none.safetensors", repeats=many), "repeats 1000000000, seeds 1: .* 10,000 learners"),
        (lambda: limbeck.evaluate("none.safetensors", repeats=200, seeds=200), "repeats 200, seeds 200: .* together"),
        (lambda: limbeck.sweep("digits", ["dm"], out=tmp_path, seeds=many), "seeds 1000000000: .* 10,000 learners"),
        (lambda: Recipe(steps=many), "steps: found 1000000000, expected a number of at most 10,000,000"),
        (lambda: Substitution(repeats=many), "repeats: found 1000000000, expected a number of at most 10,000"),
    ]
    for asked, said in refused:
        with pytest.raises(InputError, match=said):
            asked()
    assert time.process_time() - begun < 2
    few_enough(repeats=100, seeds=100)
