"""An examination survives what happens to it: wrong names, other data, interruptions, two at once, a full disk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limbeck
from limbeck.cli import main
from limbeck.cli.console import parser
from limbeck.cli.options import add_probes, probes_of
from limbeck.core.errors import InputError
from limbeck.core.findings import Finding
from limbeck.explanation import EFFORTS
from limbeck.probes.influence import Influence
from limbeck.probes.mixing import Mixing
from waiting import wait_until

NETWORK = "convnet-w4-d1"
PROBE = ["--probe", "mixing", "--effort", "quick", "--mixing.added", "[0,2]", "--workers", "1"]
ASKED = [*PROBE, "--json"]


def made(path: Path, seed: int = 0, ipc: int = 1, data: str = "digits") -> Path:
    limbeck.distill(
        limbeck.load(data), "random", ipc=ipc, network=NETWORK, seed=seed, session=limbeck.Session(path.parent / "r")
    ).save(path)
    return path


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("sets") / "set.safetensors")


@pytest.fixture(scope="module")
def whole(distilled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The runs and the findings of an examination that nothing happened to."""
    runs = tmp_path_factory.mktemp("whole")
    probes = [replace(probe, added=(0, 2)) for probe in EFFORTS["quick"].probes if isinstance(probe, Mixing)]
    found = limbeck.explain(distilled, probes=probes, effort="quick", session=limbeck.Session(runs, workers=1))
    return runs, [finding.document() for finding in found]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--probe mixin", "unknown probe 'mixin': did you mean 'mixing'"),
        ("--effort fast", "unknown effort 'fast'"),
        ("--network convnett", "unknown network 'convnett'"),
        ("--data digit", "unknown data 'digit'"),
        ("--compile sometimes", "--compile"),
        ("--workers 0", "0 workers"),
        ("--mixing.repeats 0", "mixing.repeats: found 0, expected a number of at least 1"),
        ("--mixing.added [-1]", "mixing.added: found (-1,), expected one or more numbers of at least 0"),
        ("--substitution.sizes []", "substitution.sizes: found (), expected one or more numbers of at least 1"),
        ("--mixing.repeats three", "--mixing.repeats: Expected a int"),
        ("--device nowhere", "device 'nowhere'"),
        ("--minutes 0", "minutes 0: expected a number above 0"),
        ("--until-decided --minutes 0", "minutes 0: expected a number above 0"),
    ],
)
def test_a_bad_choice_is_one_line_and_exit_code_2(
    words: str, message: str, distilled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(distilled), "--runs", str(tmp_path / "runs"), *words.split()]) == 2
    said, complained = capsys.readouterr()
    assert said == "" and message in complained.strip().splitlines()[-1]
    assert not list(tmp_path.rglob("*.safetensors"))


def test_probes_are_those_that_are_named_with_the_numbers_of_their_budget_or_ones_own() -> None:
    made = parser("explain", "")
    add_probes(made, "quick")
    for words in ([], ["--probe", "all"]):
        assert probes_of(made, made.parse_args(["--effort", "quick", *words])) == EFFORTS["quick"].probes
    asked = ["--effort", "quick", "--probe", "influence,of-another-package", "--influence.items", "7"]
    influence = next(probe for probe in EFFORTS["quick"].probes if isinstance(probe, Influence))
    found = probes_of(made, made.parse_args(asked))
    assert found == (replace(influence, items=7), "of-another-package")


def test_sets_of_other_data_are_refused_with_the_reason(distilled: Path, tmp_path: Path) -> None:
    archive = tmp_path / "noise.npz"
    draw = np.random.default_rng(0)
    np.savez(archive, x=draw.random((60, 8, 8, 1), dtype=np.float32), y=np.arange(60) % 10)
    other = made(tmp_path / "other.safetensors", data=f"npz:{archive}")
    with pytest.raises(InputError, match="of other data than"):
        limbeck.explain([distilled, other], session=limbeck.Session(tmp_path))
    with pytest.raises(InputError, match=r"fingerprint .* expected .* those that the set was made from"):
        limbeck.explain(other, data="digits", session=limbeck.Session(tmp_path))
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(distilled.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        limbeck.explain(damaged, session=limbeck.Session(tmp_path))


def test_findings_are_kept_and_nothing_is_computed_twice(
    distilled: Path, whole: tuple[Path, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    runs, found = whole
    before = {path: path.stat().st_mtime_ns for path in (runs / "remembered").rglob("*.safetensors")}
    assert main(["explain", str(distilled), "--runs", str(runs), *ASKED]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == found
    assert {path: path.stat().st_mtime_ns for path in (runs / "remembered").rglob("*.safetensors")} == before
    (kept,) = (runs / "findings").rglob("*.json")
    assert json.loads(kept.read_text())["finding"] == found[0]


def test_a_summary_has_the_verdict_and_tables_where_they_are_asked_for(
    distilled: Path, whole: tuple[Path, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    runs, (found,) = whole
    words = ["explain", str(distilled), "--runs", str(runs), *PROBE]
    assert main(words) == 0
    brief = capsys.readouterr().out
    assert main([*words, "--tables"]) == 0
    long = capsys.readouterr().out
    # A table cuts long lines between words.
    assert found["verdict"] in " ".join(brief.split()) and "\x1b" not in brief
    assert "added per class" in long and "added per class" not in brief


def test_sets_of_several_sizes_are_held_beside_one_another(
    distilled: Path, whole: tuple[Path, list[dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, _ = whole
    larger = made(tmp_path / "larger.safetensors", ipc=2)
    assert main(["explain", str(distilled), str(larger), "--runs", str(runs), *ASKED]) == 0
    found = [Finding.of(each) for each in json.loads(capsys.readouterr().out)["findings"]]
    assert [finding.probe for finding in found] == ["mixing", "mixing", "budget"]
    (table,) = found[-1].tables
    assert set(table.column("per class")) == {1, 2}
    both = [finding.fact("test accuracy of the set alone").value for finding in found[:2]]
    found_of = zip(table.column("fact"), table.column("value"), strict=True)
    assert [value for fact, value in found_of if fact == "test accuracy of the set alone"] == both


def test_an_interrupted_examination_goes_on_and_two_at_once_come_to_the_same(
    distilled: Path, whole: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "limbeck.cli", "explain", str(distilled), "--runs", str(tmp_path), *ASKED]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: any(tmp_path.glob("remembered/*/*.safetensors")), first)
    first.send_signal(signal.SIGINT)
    _, complained = first.communicate()
    assert first.returncode == 130 and "go on with: limbeck explain" in complained
    assert not list(tmp_path.rglob("*.part"))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("remembered/*/*.safetensors")}
    assert kept and not list(tmp_path.glob("findings/*/*"))
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(2)]
    found = [json.loads(each.communicate()[0])["findings"] for each in both]
    assert found == [whole[1], whole[1]]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_place_that_cannot_be_written_is_one_line(
    distilled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "runs"
    blocked.write_text("a file, not a folder")
    assert main(["explain", str(distilled), "--runs", str(blocked), *ASKED]) == 2
    assert "cannot" in capsys.readouterr().err.strip().splitlines()[-1]
