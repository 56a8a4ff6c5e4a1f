"""`limbeck doctor`: what is wrong with a machine is named, with what to do, and stops only what cannot work."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections import namedtuple
from pathlib import Path

import pytest

from limbeck.cli import BAD_INPUT, DONE, main
from limbeck.cli.doctor import screen
from limbeck.core.memory import memory
from limbeck.machine import Line, hardware, places, software, speed, work
from limbeck.recipes.measured import measurements
from limbeck.runs import course, pace, room

USAGE = namedtuple("usage", "free")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMBECK_DATA", "")
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))


def examined(capsys: pytest.CaptureFixture[str], tmp_path: Path, expected: int = DONE) -> dict[str, dict[str, object]]:
    """The lines by what they are about."""
    assert main(["doctor", "--quick", "--json", "--runs", str(tmp_path / "runs")]) == expected
    document = json.loads(capsys.readouterr().out)
    assert document["works"] == (expected == DONE)
    return {line["about"]: line for line in document["lines"]}


def test_a_screen_has_eighty_columns_and_a_mark_on_every_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["doctor", "--quick", "--quiet", "--runs", str(tmp_path / "runs")]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40 and all(len(line) <= 80 for line in lines)
    assert all(re.match(r"(ok|! |NO) \S| {18}\S", line) for line in lines)
    assert not (tmp_path / "runs").exists(), "nothing is kept"


def test_what_to_do_stands_below_what_is_found() -> None:
    shown = list(screen([Line("disk", "it is full " * 9, "free some space"), Line("cores", "2")]))
    assert shown[0].startswith("!  disk" + " " * 11 + "it is full")
    assert shown[1].startswith(" " * 18 + "full it is full")
    assert shown[2] == " " * 18 + "-> free some space" and shown[3] == "ok cores" + " " * 10 + "2"


def test_no_disk_and_no_memory_stop_it_with_exit_code_two_and_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [name for name, line in examined(capsys, tmp_path).items() if line["stops"]]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: USAGE(1000))
    monkeypatch.setattr(hardware, "free_memory", lambda: 10**8)
    stopped = {name: line for name, line in examined(capsys, tmp_path, BAD_INPUT).items() if line["stops"]}
    assert set(stopped) == {"runs", "temp", "decoded data", "memory"}
    assert "--runs" in str(stopped["runs"]["advice"]) and "TMPDIR" in str(stopped["temp"]["advice"])
    monkeypatch.setattr(hardware, "free_memory", memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: USAGE(5 * 10**8))
    little = examined(capsys, tmp_path)
    assert not little["runs"]["stops"] and not little["runs"]["fine"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runs = next(iter(places.disks(tmp_path / "file" / "runs")))
    assert runs.stops and "cannot be written to" in runs.found and "LIMBECK_RUNS" in runs.advice


def test_the_kind_of_a_file_system_is_that_of_the_nearest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not next(iter(places.disks(tmp_path))).advice
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n/dev/b {tmp_path}/deep xfs rw 0 0\n")
    monkeypatch.setattr(places, "MOUNTS", mounts)
    assert places.file_system(tmp_path / "runs") == "nfs4" and places.file_system(Path("/")) == "ext4"
    assert places.file_system(tmp_path / "deep" / "er") == "xfs"
    # Claims hold there, too: nothing is advised.
    told = next(iter(places.disks(tmp_path)))
    assert "(nfs4)" in told.found and not told.advice


def test_damaged_data_are_named_and_those_that_are_whole_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not places.data(None).advice, "without LIMBECK_DATA there are digits"
    assert "no such folder" in places.data(tmp_path / "none").found
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for name in names:
        (folder / name).write_bytes(bytes(3073 * 10))
    told = places.data(tmp_path)
    whole = bool(told.facts["found"])
    (folder / names[2]).write_bytes(bytes(3073 * 10 - 1))
    told = places.data(tmp_path)
    assert told.facts["found"] == [] and names[2] in told.advice and "copy them again" in told.advice
    assert whole


def test_a_machine_without_a_compiler_works_and_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    told = software.compiling(tried=True)
    assert "install a C++ compiler" in told.advice and not told.stops
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    monkeypatch.setattr(software, "PROGRAM", "raise SystemExit('no compiler')")
    told = software.compiling(tried=True)
    assert "torch.compile fails: no compiler" in told.found and "--compile never" in told.advice


def test_more_threads_than_cores_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.torch, "get_num_threads", lambda: 4)
    for cores, text in ((2, "OMP_NUM_THREADS=2"), (4, "")):
        monkeypatch.setattr(hardware, "usable_cores", lambda cores=cores: cores)
        assert text in hardware.threads().advice and bool(hardware.threads().advice) == bool(text)


def test_extras_are_those_of_the_package() -> None:
    file = Path(__file__).parents[2] / "pyproject.toml"
    if not file.is_file():
        pytest.skip("the source is not here")
    declared = tomllib.loads(file.read_text())["project"]["optional-dependencies"]
    assert set(software.EXTRAS) == set(declared) - {"dev"}


def test_the_reference_is_the_median_of_what_was_measured_and_a_slow_core_is_told() -> None:
    of_photographs = sorted(each.passes for each in measurements() if each.numbers == 3072)
    assert of_photographs[0] < speed.reference() < of_photographs[-1]
    for share, slow in ((1.0, False), (0.4, True)):
        training = share * speed.reference() * speed.operations()
        line = speed.beside_reference(speed.Speed({}, 1.0, training))
        assert bool(line.advice) == slow and f"{share:.2f} times" in line.found


def test_a_core_that_others_use_is_told() -> None:
    peaks = {f"{width} {kind}": 1e9 for width in speed.WIDTHS for kind in ("float32", "bfloat16")}
    assert not speed.peak(speed.Speed(peaks, 0.99, 1.0)).advice
    assert "others took 50%" in speed.peak(speed.Speed(peaks, 0.5, 1.0)).advice


def test_compiled_code_is_counted_where_torch_keeps_it(tmp_path: Path) -> None:
    assert "nothing yet" in software.compiled_code(None).found
    (tmp_path / "compiled" / "a").mkdir(parents=True)
    (tmp_path / "compiled" / "a" / "code").write_bytes(bytes(1234))
    line = software.compiled_code(1e10)
    assert "1,234 B" in line.found and "33 min" in line.found and os.fspath(tmp_path) in line.found


def test_with_data_it_tells_what_work_takes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "ENOUGH", 0.05)
    monkeypatch.setattr(course, "TRIAL", 0.05)
    words = ["doctor", "digits", "--network", "convnet-w8-d1", "--quick", "--json", "--quiet"]
    assert main([*words, "--runs", str(tmp_path / "runs")]) == DONE
    lines = json.loads(capsys.readouterr().out)["lines"]
    told = [line["facts"] for line in lines if line["about"] in ("training", "step")]
    assert len(told) == 3 and all(facts["seconds"] > 0 and facts["bytes"] > room.WORKER for facts in told)


def test_data_whose_steps_have_no_room_are_told_so_with_what_to_change(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 10**6)
    monkeypatch.setattr(work, "memory", lambda: 10**6)
    words = ["doctor", "digits", "--network", "convnet-w8-d1", "--quick", "--json", "--quiet"]
    assert main([*words, "--runs", str(tmp_path / "runs")]) == DONE
    lines = json.loads(capsys.readouterr().out)["lines"]
    told = [line for line in lines if line["about"] in ("training", "step")]
    assert len(told) == 3 and all("--network" in line["advice"] for line in told)
    assert "1.5 MB or more" in told[2]["found"]
