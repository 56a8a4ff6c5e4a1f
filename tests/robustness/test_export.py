"""An export is written whole or not at all, in its own place, and what stands in its way is said in one line."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.exported import FORMATS, export_set

NETWORK = "convnet-w4-d1"
CHOSEN = ("npz", "pt", "png", "folder", "hf")
formats = pytest.mark.parametrize("format", CHOSEN)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set of digits."""
    folder = tmp_path_factory.mktemp("set")
    path = folder / "set.safetensors"
    session = limbeck.Session(folder / "runs")
    limbeck.distill(limbeck.load("digits"), "random", ipc=1, network=NETWORK, session=session).save(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    return tmp_path


def out(format: str) -> str:
    return f"out{FORMATS[format].suffix}"


def contents(folder: Path) -> dict[str, bytes]:
    """All files but those of the run store."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith("runs/")}


def refused(words: str, capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """The one line by which a command is refused."""
    assert main(words.split()) == code
    said, complained = capsys.readouterr()
    assert said == "" and len(complained.strip().splitlines()) == 1
    return complained


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("export absent.safetensors --format npz --out a.npz", "absent.safetensors: found nothing, expected"),
        ("export SET --format nzp --out a.npz", "unknown format 'nzp': did you mean 'npz'"),
        ("export SET --format npz --out a.zip", "expected a file name that ends in .npz"),
        ("export SET --format png --out file", "found a file, expected a folder"),
        ("export SET --format png --out full", "found 'mine.txt', which `limbeck export` did not write"),
        ("export SET --format npz --out file.npz", "found a file that `limbeck export` did not write"),
        ("export SET --format pt --out file.pt", "found a file that `limbeck export` did not write"),
        ("export SET --format npz --out b.npz", "found 'b.npz.README.md', which `limbeck export` did not write"),
        ("export SET --format npz --out a.npz --scored", "--format npz keeps the numbers of the set"),
        ("export SET --format png --out a --license mit", "--format png has no place for license"),
        ("export SET --format hf --out a --published tomorrow", "expected a date as YYYY-MM-DD"),
        ("export SET --format hf --out a --url example.org", "expected an address that begins with https://"),
        ("export SET --format png --out a --scored --network convnett", "unknown network 'convnett'"),
        ("export SET --format png --out file/a", "not a folder that can be written to"),
        ("export SET --format npz --out /proc/nope/a.npz", "not a folder that can be written to"),
        ("export SET --format hf --out /proc/nope/a", "not a folder that can be written to"),
        ("export SET --format ddranking --out a", "the set is of digits, and the leaderboard has cifar10"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    words: str, message: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "full").mkdir()
    for name in ("file", "file.npz", "file.pt", "full/mine.txt", "b.npz.README.md"):
        (here / name).write_text("mine")
    before = contents(here)
    assert message in refused(words.replace("SET", str(made)), capsys)
    assert contents(here) == before and not list(here.rglob("*.part"))


@formats
def test_what_a_refusal_suggests_works(format: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(f"export {made} --format ddranking --out a", capsys)
    assert main(f"export {made} --format {format} --out {out(format)} --json".split()) == 0
    document = json.loads(capsys.readouterr().out)
    assert sorted(map(Path, document["files"])) == sorted(p for p in Path().rglob("*") if p.is_file())
    assert document["format"] == format and (document["cost"] is None) == (format in ("npz", "pt"))


@pytest.mark.parametrize("format", ["npz", "pt", "png", "folder"])
def test_the_command_of_a_readme_gives_the_set_back(
    format: str, made: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(f"export {made} --format {format} --out {out(format)} --quiet".split()) == 0
    beside = here / (f"{out(format)}.README.md" if FORMATS[format].suffix else "out/README.md")
    monkeypatch.chdir(beside.parent)
    (command,) = re.findall(r"```sh\n(.*?)\n```", beside.read_text(), re.DOTALL)
    assert main([*shlex.split(command.replace("DATA", "digits"))[1:], "--quiet"]) == 0
    given, found = (limbeck.DistilledSet.load(path) for path in (made, "set.safetensors"))
    assert (found == given) == (format in ("npz", "pt"))
    assert float((found.native - given.native).abs().max()) <= 0.5 / 255 + 1e-6


@formats
def test_a_damaged_set_is_refused(format: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob = bytearray(made.read_bytes())
    blob[-3] ^= 1
    Path("set.safetensors").write_bytes(blob)
    assert "damaged" in refused(f"export set.safetensors --format {format} --out {out(format)}", capsys)
    assert list(contents(here)) == ["set.safetensors"]


@formats
def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    format: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"export {made} --format {format} --out {out(format)} --quiet"
    assert main(words.split()) == 0
    first = contents(here)
    assert main(words.split()) == 0 and contents(here) == first
    capsys.readouterr()
    if not FORMATS[format].suffix:
        (here / "out" / "mine.txt").write_text("mine")
        assert "found 'mine.txt'" in refused(words, capsys)
        assert (here / "out" / "mine.txt").read_text() == "mine"


def test_one_format_takes_the_place_of_another(made: Path, here: Path) -> None:
    for format in ("png", "hf", "folder"):
        assert main(f"export {made} --format {format} --out out --quiet".split()) == 0
    assert (here / "out" / "train" / "3").is_dir() and not (here / "out" / "data").exists()


def test_what_is_written_can_be_read_by_whom_the_user_lets(made: Path, here: Path) -> None:
    before = os.umask(0o027)
    try:
        assert main(f"export {made} --format folder --out new/out --quiet".split()) == 0
        assert main(f"export {made} --format npz --out new/out.npz --quiet".split()) == 0
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (here / "new").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o750}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o640}


def test_a_link_to_a_folder_is_followed(made: Path, here: Path) -> None:
    (here / "real").mkdir()
    os.symlink("real", "out")
    assert main(f"export {made} --format png --out out --quiet".split()) == 0
    assert (here / "out").is_symlink() and (here / "real" / "limbeck.json").is_file()


@formats
@pytest.mark.parametrize("at", [1, 2])
def test_an_interruption_leaves_what_was_there(
    format: str, at: int, made: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distilled = limbeck.DistilledSet.load(made)
    faster = distilled.schedule._replace(learning_rates=2 * distilled.schedule.learning_rates)
    export_set(replace(distilled, schedule=faster), format, here / out(format))
    before, calls, fsync = contents(here), [], os.fsync

    def interrupted(handle: int) -> None:
        calls.append(handle)
        if len(calls) == at:
            raise KeyboardInterrupt
        fsync(handle)

    monkeypatch.setattr("limbeck.core.files.os.fsync", interrupted)
    assert main(f"export {made} --format {format} --out {out(format)}".split()) == 130
    assert contents(here) == before and len(calls) == at
    assert not [path for path in here.iterdir() if path.name.endswith(".part")]


@formats
def test_an_interruption_of_the_first_export_leaves_nothing(
    format: str, made: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("limbeck.core.files.os.fsync", interrupted)
    assert main(f"export {made} --format {format} --out {out(format)}".split()) == 130
    assert contents(here) == {} and list(here.iterdir()) in ([], [here / "runs"])


def test_a_folder_that_cannot_be_put_in_place_leaves_the_one_that_was_there(
    made: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"export {made} --format png --out out --quiet"
    assert main(words.split()) == 0
    before, rename = contents(here), os.rename

    def failing(source: str, target: str) -> None:
        if Path(source).name == "new":
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr("limbeck.core.files.os.rename", failing)
    assert "cannot write out: Input/output error; check the disk, or give another place" in refused(words, capsys)
    assert contents(here) == before and [each.name for each in here.iterdir()] == ["out"]


@pytest.mark.parametrize(("format", "room"), [("npz", 3000), ("pt", 3000), ("folder", 2000)])
def test_a_disk_without_room_is_one_line_and_leaves_nothing(
    format: str, room: int, made: Path, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export_set(limbeck.DistilledSet.load(made), format, here / "elsewhere" / out(format))
    before, (soft, hard) = contents(here), resource.getrlimit(resource.RLIMIT_FSIZE)
    # Compiled code that is cut off would be kept.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        line = refused(f"export {made} --format {format} --out {out(format)}", capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert line.startswith("limbeck: cannot write out") and "free some space" in line
    assert contents(here) == before and not [path for path in here.iterdir() if path.name.startswith(".out")]


def changes(path: Path) -> dict[str, Callable[[], object]]:
    """What may happen to an exported folder, by a word of the refusal."""
    index, training = path / "limbeck.json", path / "training.npz"
    return {
        "damaged or changed by hand": lambda: index.write_text(index.read_text().replace('"label": 3', '"label": 4')),
        "missing or damaged": training.unlink,
        "missing or damaged (": lambda: training.write_bytes(training.read_bytes()[:500]),
        "unreadable or truncated image": lambda: (path / "3" / "0003.png").write_bytes(b"\x89PNG"),
        "unreadable or truncated image (": (path / "5" / "0005.png").unlink,
    }


@pytest.mark.parametrize("message", changes(Path()))
def test_an_export_that_was_changed_does_not_come_back_in_silence(
    message: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"export {made} --format png --out out --quiet".split()) == 0
    changes(here / "out")[message]()
    assert message in refused("import out --data digits --out a.safetensors", capsys)
    assert not Path("a.safetensors").exists()


def test_a_file_of_tensors_that_was_changed_does_not_come_back_in_silence(
    made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"export {made} --format pt --out out.pt --quiet".split()) == 0
    held = torch.load("out.pt", weights_only=True)
    words = "import out.pt --data digits --out a.safetensors"
    for name, value in (("labels", torch.zeros(3, dtype=torch.int64)), ("mean", torch.zeros(2)), ("order", None)):
        torch.save({**held, name: value}, "out.pt")
        assert "damaged or changed by hand" in refused(words, capsys)
    torch.save({name: each for name, each in held.items() if name != "limbeck"}, "out.pt")
    # Without its mark it is a file of tensors like any other.
    assert "its numbers look raw: pixels" in refused(words, capsys)


def test_an_export_of_other_data_is_refused(made: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"export {made} --format npz --out out.npz --quiet".split()) == 0
    with_names = limbeck.load("digits")
    object.__setattr__(with_names, "classes", tuple("abcdefghij"))
    with pytest.raises(limbeck.InputError, match="which are not those of digits; name the data"):
        limbeck.import_set("out.npz", task=with_names)
