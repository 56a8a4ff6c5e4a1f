"""What names hold never steers a terminal, and what cannot be printed is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import limbeck
from limbeck.cli import main
from limbeck.terminal.safe import plain, plain_json

HOSTILE = ("[red] a", "b\x1b[31mX", "c\nd", "e\x9b31m", "f\u202eg")
READ = ("[red] a", "b [31mX", "c d", "e 31m", "f\u202eg")
"""What the names of folders are read as."""
SHOWN = ("[red] a", r"b\x1b[31mX", r"c\nd", r"e\x9b31m", r"f\u202eg")


@pytest.mark.parametrize(("text", "shown"), list(zip(HOSTILE, SHOWN, strict=True)))
def test_what_steers_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert plain(text) == shown
    written = json.dumps({text: [text, "\ud800"]}, ensure_ascii=False, indent=1)
    assert json.loads(plain_json(written)) == {text: [text, "\ud800"]}
    assert plain_json(written).encode() and not set("\x1b\x9b\u202e") & set(plain_json(written))


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Images whose folder and classes have hostile names."""
    monkeypatch.chdir(tmp_path)
    numbers = np.random.default_rng(0)
    for name in HOSTILE:
        folder = tmp_path / "s[b]" / name
        folder.mkdir(parents=True)
        for index in range(12):
            Image.fromarray(numbers.integers(0, 255, (4, 4), dtype=np.uint8)).save(folder / f"{index}.png")
    return "folder:s[b]"


def test_no_command_passes_a_hostile_name_on(scans: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = "set\x1b[33m[b].safetensors", "set\x1b[33m\n.png"
    for words in (
        ["describe", scans],
        ["describe", scans, "--json"],
        ["distill", scans, "--recipe", "random", "--ipc", "1", "--network", "mlp-w4", "--checks", "1", "--out", out],
        ["show", out, "--out", picture],
        ["evaluate", out, "--repeats", "1", "--baselines", "random", "--workers", "1"],
        ["evaluate", "nothing\x1b[33m.safetensors"],
        ["evaluate", out, "--baselines", "\x1b[33m\u202e"],
        ["\x1b[33m"],
    ):
        main(words)
        said = capsys.readouterr()
        assert not set("\x1b\x9b\u202e\r") & set(said.out + said.err), words
        if words[0] == "describe" and "--json" not in words:
            assert all(plain(name) in said.out for name in READ)
        if words[0] == "distill":
            # A set of somebody else may have any names.
            replace(limbeck.DistilledSet.load(out), classes=HOSTILE).save("others.safetensors")
    for code, words in ((0, ["show", "others.safetensors", "--out", picture]), (2, ["evaluate", "others.safetensors"])):
        assert main(words) == code
        said = capsys.readouterr()
        assert not set("\x1b\x9b\u202e\r") & set(said.out + said.err)
        assert "[red] a" in said.out + said.err and len((said.out + said.err).splitlines()) == (3 if code == 0 else 1)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_standard_output_is_one_line(unbuffered: str) -> None:
    # What is short waits in a buffer, and is refused only when that is sent off.
    for words in (["list"], ["--version"], ["--help"]):
        with open("/dev/full", "w") as full:
            told = subprocess.run(
                [sys.executable, "-m", "limbeck.cli", *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            )
        assert told.returncode == 2 and told.stderr == (
            "limbeck: what is printed cannot be written: No space left on device; free some space, or give "
            "another place\n"
        )


def test_a_character_that_the_terminal_does_not_have_is_spelled_out(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    told = subprocess.run(
        [sys.executable, "-m", "limbeck.cli", "describe", f"npz:{path}é"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2 and r"x.npz\xe9" in told.stderr


def test_quiet_is_for_progress_and_not_for_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    limbeck.distill("digits", "random", ipc=1, network="mlp-w4", checks=1).save("a.safetensors")
    assert (
        main(["evaluate", "a.safetensors", "--repeats", "1", "--baselines", "none", "--workers", "1", "--quiet"]) == 0
    )
    said = capsys.readouterr()
    assert said.err == "" and "\na    this one set, seed 0" in said.out
