"""A study is done once, goes on where it stopped, and its page shows what was found and nothing else."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import limbeck
from limbeck.cli import main
from limbeck.cli.study import _recipes
from limbeck.computations.experts import Experts
from limbeck.core.errors import InputError
from limbeck.objectives import Distribution, Trajectory
from limbeck.recipes import RECIPES, recipe_for
from limbeck.runs.executors import Local
from limbeck.starts import Noise
from waiting import wait_until

NETWORK = "mlp-w4"
WORDS = f"--recipes random,mtt --ipc 1 --network {NETWORK} --steps 2 --checks 1 --effort quick --probe mixing"
MIXED = ("--mixing.repeats", "1", "--mixing.added", "[1]")
FEW = [*MIXED, "--repeats", "1", "--baselines", "random", "--workers", "1", "--compile", "never"]
SET = [f"--set=mtt.objective.{setting}" for setting in ("experts.count=1", "experts.epochs=2", "latest=1")]
ASKED = ["digits", *WORDS.split(), *FEW, *SET]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def whole(place: Path) -> dict[str, Any]:
    """The document of a study that nothing happened to; its runs are beside it."""
    return json.loads(limbeck_run(place, "study", *ASKED, "--out", "out", "--json").communicate()[0])


@pytest.fixture
def there(whole: dict[str, Any], place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the study as the current one; whoever asks for work fails."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("LIMBECK_RUNS", str(place / "runs"))
    forbid_work(monkeypatch)
    return place


def limbeck_run(folder: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "LIMBECK_RUNS": str(folder / "runs"), "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "limbeck.cli", *words]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes)


def forbid_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Local, jobs: list[Any], *_: Any) -> None:
        assert not jobs, "a worker would be started"

    monkeypatch.setattr(Local, "run", refuse)


def materials(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What pages are made of from now on."""
    made: list[Any] = []
    page = limbeck.studies.page
    monkeypatch.setattr("limbeck.studies.page", lambda material: made.append(material) or page(material))
    return made


def changed(folder: Path) -> dict[Path, int]:
    """When each file was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: path.stat().st_mtime_ns for path in files}


def test_a_study_writes_sets_with_their_scores_and_the_documents_of_evaluate_and_explain(
    whole: dict[str, Any], there: Path
) -> None:
    assert whole["report"] == "out/report.html" and (there / "out/report.html").stat().st_size > 0
    assert whole["sets"] == {"random": "out/random.safetensors", "mtt": "out/mtt.safetensors"}
    rows = json.loads((there / "out/rows.json").read_text())
    assert rows["rows"] == whole["rows"] and rows["protocols"]["yang2024"]["epochs"] == 300
    assert [row["set"] for row in whole["rows"]] == [*whole["sets"].values(), "random"]
    findings = json.loads((there / "out/findings.json").read_text())
    assert findings == {"budget": "quick", "findings": whole["findings"]}
    assert [(each["probe"], each["set"]) for each in findings["findings"]] == [
        ("mixing", path) for path in whole["sets"].values()
    ]
    for row in whole["rows"][:2]:
        made = limbeck.DistilledSet.load(row["set"])
        assert {**row, "set": ""} in made.scores and made.scores[0]["split"] == "validation"
    assert made.spec["recipe"]["objective"]["experts"]["count"] == 1 and made.spec["recipe"]["steps"] == 2


def test_a_study_that_is_done_computes_nothing_and_changes_nothing(
    whole: dict[str, Any], there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {**changed(there / "runs"), **changed(there / "out")}
    for name in ("report.html", "rows.json", "findings.json"):
        del kept[there / "out" / name]
    pages = materials(monkeypatch)
    assert main(["study", *ASKED, "--out", "out", "--json"]) == 0
    said, complained = capsys.readouterr()
    assert json.loads(said) == whole and "work" not in complained
    now = {**changed(there / "runs"), **changed(there / "out")}
    assert {path: now[path] for path in kept} == kept
    (shown,) = pages
    assert [finding.document() for finding in shown.findings] == whole["findings"]
    assert all(finding.seconds is None for finding in shown.findings), "what is quick here may be slow elsewhere"
    assert list(shown.rows) == whole["rows"] and shown.facts["command"].startswith("limbeck study digits")
    assert [name for name, _ in shown.distilled_sets] == list(whole["sets"].values())


def test_a_report_shows_what_was_kept_under_the_names_asked_for_and_starts_no_work(
    whole: dict[str, Any], there: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = changed(there / "runs")
    copy = there / "copy.safetensors"
    copy.write_bytes((there / "out/mtt.safetensors").read_bytes())
    pages = materials(monkeypatch)
    assert main(["report", "copy.safetensors", "out/random.safetensors", "--out", "pages/page.html", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (shown,) = pages
    ours, theirs = whole["findings"]
    assert document["findings"] == [{**theirs, "set": "copy.safetensors"}, ours]
    assert [finding.document() for finding in shown.findings] == document["findings"]
    first, second, random = whole["rows"]
    assert document["rows"] == [{**second, "set": "copy.safetensors"}, first, random]
    assert shown.facts["effort"] == "own options, at most 2,000 test examples"
    assert (there / "pages/page.html").is_file() and changed(there / "runs") == before


def test_without_a_store_a_report_has_the_scores_of_the_header_or_says_what_to_run(
    whole: dict[str, Any], there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path / "page.html"), "--runs", str(tmp_path / "none"), "--json"]
    assert main(["report", "out/mtt.safetensors", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], document["findings"]) == ([whole["rows"][1]], [])
    bare = there / "bare.safetensors"
    limbeck.distill(limbeck.load("digits"), "random", ipc=1, network=NETWORK, checks=1, seed=5).save(bare)
    (tmp_path / "page.html").unlink()
    assert main(["report", "bare.safetensors", *words]) == 2
    complained = capsys.readouterr().err
    assert "run `limbeck evaluate bare.safetensors` and `limbeck explain bare.safetensors`" in complained
    assert len(complained.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_study_over_seeds_distils_all_of_them_and_its_scores_are_over_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Runs of its own: with more seeds kept, a report of the other study would show them too.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    words = [each if each != "random,mtt" else "random" for each in ["digits", *WORDS.split(), *FEW]]
    assert main(["study", *words, "--seeds", "3", "--out", "several", "--json"]) == 0
    said, complained = capsys.readouterr()
    phases = [line for line in complained.splitlines() if " of 3: " in line]
    assert phases == ["1 of 3: distil random, 3 seeds of each", "2 of 3: evaluate", "3 of 3: explain"]
    ours, random = json.loads(said)["rows"]
    assert (ours["set"], ours["seeds"], ours["n"]) == ("several/random.safetensors", 3, 3)
    assert ours["about"] == "over 3 distillations, seeds 0 to 2" and random["seeds"] == 0
    assert {**ours, "set": ""} in limbeck.DistilledSet.load(ours["set"]).scores


@pytest.mark.parametrize(
    "words",
    [
        ["study", *ASKED, "--out", "out"],
        ["report", "out/mtt.safetensors", "--out", "page.html"],
        ["explain", "out/mtt.safetensors", "--probe", "mixing", "--effort", "quick", *MIXED],
        ["evaluate", "out/mtt.safetensors", "--repeats", "1", "--baselines", "random"],
        shlex.split(f"distill digits --recipe random --ipc 1 --network {NETWORK} --checks 1 --out quiet.safetensors"),
        shlex.split(f"experts digits --network {NETWORK} --count 1 --epochs 2"),
    ],
    ids=lambda words: words[0],
)
def test_quiet_says_nothing_but_an_answer_and_json_alone_is_said_still(
    words: list[str], there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--quiet"]) == 0
    said, complained = capsys.readouterr()
    assert complained == "" and bool(said) == (words[0] in ("explain", "evaluate"))
    assert main([*words, "--quiet", "--json"]) == 0
    said, complained = capsys.readouterr()
    assert json.loads(said) and complained == ""
    assert main([*words, "--quiet", "--device", "nowhere"]) == 2 if words[0] != "report" else True


def test_what_is_piped_has_no_control_codes_whatever_the_environment_asks_for(there: Path) -> None:
    report = ["report", "out/mtt.safetensors", "--out", "a.html"]
    for words in (["study", *ASKED, "--out", "out"], ["study", "--help"], report):
        said, complained = limbeck_run(there, *words).communicate()
        assert said and "\x1b" not in said + complained and "\r" not in said + complained
        if words[0] == "study" and "--help" not in words:
            assert said.splitlines()[-1] == "out/report.html"
            told = [line for line in complained.splitlines() if not line.startswith("note: ")]
            assert told[:2] == ["1 of 3: distil random, mtt", "2 of 3: evaluate"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--recipes dmm", "unknown recipe 'dmm': did you mean 'dm'"),
        ("--recipes ,", "0 recipes"),
        ("--recipes dm --probe mixin", "unknown probe 'mixin': did you mean 'mixing'"),
        ("--recipes dm --effort fast", "unknown effort 'fast'"),
        ("--recipes dm --baselines randm", "unknown baseline 'randm': did you mean 'random'"),
        ("--recipes dm --protocol yang2042", "unknown protocol 'yang2042': did you mean 'yang2024'"),
        ("--recipes dm --network convnett", "unknown network 'convnett'"),
        ("--recipes dm --repeats 0", "0 repeats"),
        ("--recipes dm --seeds 0", "0 seeds"),
        ("--recipes dm --workers 0", "0 workers"),
        ("--recipes dm --ipc 0", "ipc 0"),
        ("--recipes dm --bytes 7000", "--ipc 1, --bytes 7000: expected one of them"),
        ("--recipes dm --set dm", "--set dm: expected RECIPE.OPTION=VALUE"),
        ("--recipes dm --set dsa.steps=1", "unknown recipe of this study, in --set dsa.steps=1"),
        (
            "--recipes dm --set dm.objectiv.per_class=1",
            "unknown option '--set dm.objectiv.per_class': did you mean '--set dm.",
        ),
        ("--recipes dm --set dm.objective.per_clas=1", "did you mean '--set dm.objective.per_class'"),
        (
            "--recipes dm --set dm.objective.per_class=many",
            "--set dm.objective.per_class: found many, expected a whole",
        ),
        ("--recipes mtt --set mtt.objective.latest=60", "--set mtt.objective.latest: found 60, expected at most 49"),
        ("--recipes dm,dm", "--recipes dm: expected names that differ"),
        ("--recipes a=dm,a=dsa", "--recipes a=dsa: expected names that differ"),
        ("--recipes two=dm --set dm.steps=1", "unknown recipe of this study, in --set dm.steps=1: 'dm'"),
        ("--recipes two=dm --set two.optimizer.momentum=2", "--set two.optimizer.momentum: found 2.0"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_is_written(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    assert main(["study", "digits", "--ipc", "1", "--out", "out", *words.split()]) == 2
    said, complained = capsys.readouterr()
    assert said == "" and len(complained.splitlines()) == 1 and message in complained
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_are_refused_first(
    there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file, not a folder")
    for words in (
        ["study", *ASKED, "--out", str(blocked)],
        ["study", *ASKED, "--out", str(blocked / "out")],
        ["report", "out/mtt.safetensors", "--out", str(blocked / "page.html")],
        ["report", "out/mtt.safetensors", "--out", str(tmp_path / "page.pdf")],
    ):
        assert main(words) == 2
        complained = capsys.readouterr().err
        assert complained.startswith("limbeck: --out") and len(complained.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [blocked]


def test_settings_reach_the_recipe_they_name_as_options_of_distill_do() -> None:
    found = _recipes(
        ("dm", "mtt", "random"),
        ("mtt.objective.experts.count=4", "dm.start=noise", "dm.steps=7", "mtt.objective.experts.augment=null"),
        5,
        "digits",
        10,
    )
    assert found["random"] == RECIPES["random"].recipe
    assert (found["dm"].steps, found["dm"].start, found["mtt"].steps) == (7, Noise(), 5)
    assert found["mtt"].objective == Trajectory(experts=Experts(count=4, augment=None))
    with pytest.raises(
        InputError, match="^--set mtt.objective.experts.count: found 0, expected a number of at least 1$"
    ):
        _recipes(("mtt",), ("mtt.objective.experts.count=0",), None, "digits", 10)


def test_one_recipe_stands_twice_in_a_study_by_names_of_its_own() -> None:
    found = _recipes(("dm", "dm2=dm"), ("dm2.objective.per_class=7",), None, "cifar10", 10)
    assert list(found) == ["dm", "dm2"] and found["dm"] == recipe_for("dm", "cifar10", 10)
    assert found["dm2"] == replace(found["dm"], objective=Distribution(per_class=7))


def test_an_interrupted_study_goes_on_and_two_at_once_come_to_the_same(whole: dict[str, Any], tmp_path: Path) -> None:
    words = ["study", *ASKED, "--out", "out"]
    first = limbeck_run(tmp_path, *words)
    # Interrupted before, in a distillation, the second of two at once would rightly be refused.
    wait_until((tmp_path / "out/mtt.safetensors").exists, first)
    first.send_signal(signal.SIGINT)
    said, complained = first.communicate()
    assert first.returncode == 130 and said == "" and not list(tmp_path.rglob("*.part"))
    assert complained.splitlines()[-1] == f"limbeck: interrupted; go on with: limbeck {shlex.join(words)}"
    kept = changed(tmp_path / "runs")
    assert kept and not (tmp_path / "out/report.html").exists()
    both = [limbeck_run(tmp_path, *words, "--json") for _ in range(2)]
    for each in both:
        said, complained = each.communicate()
        assert each.returncode == 0, complained
        assert json.loads(said) == whole
    now = changed(tmp_path / "runs")
    assert {path: now[path] for path in kept} == kept
