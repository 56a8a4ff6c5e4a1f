"""A set is compressed whole or not at all; what it cost is what an evaluation of both sets says, learner by learner."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.compression import Compressed, compress
from limbeck.core import tree
from limbeck.core.contracts import Parameters
from limbeck.exported.contents import origin
from limbeck.parameterizations import Bits, Multiformation, Palette, SoftTargets
from limbeck.recipes import recipe_for
from limbeck.runs.executors.contract import AbstractExecutor, Job
from limbeck.runs.worker import do
from limbeck.schedules import Fixed
from limbeck.statistics.estimates import interval

NETWORK = "mlp-w4"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set of digits, to be trained on for a few steps."""
    folder = tmp_path_factory.mktemp("set")
    path = folder / "set.safetensors"
    recipe = replace(recipe_for("random", "digits", 2, False), schedule=Fixed(steps=20, learning_rate=0.05))
    with limbeck.Session(folder / "runs") as session:
        limbeck.distill("digits", recipe, ipc=2, network=NETWORK, session=session).save(path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    return tmp_path


def unscored(distilled: limbeck.DistilledSet | Path, by: str, tmp_path: Path) -> Compressed:
    with limbeck.Session(tmp_path / "runs") as session:
        return compress(distilled, by, repeats=0, session=session)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("absent.safetensors --bits 8 --out a.safetensors", "absent.safetensors: found nothing, expected"),
        ("SET --bits 9 --out a.safetensors", "--bits 9: expected 1 to 8 bits for each number, or palette:N"),
        ("SET --bits none --out a.safetensors", "--bits none: expected 1 to 8 bits"),
        ("SET --bits ² --out a.safetensors", "--bits ²: expected 1 to 8 bits"),
        ("SET --bits palette:1 --out a.safetensors", "--bits palette:1: expected 1 to 8 bits"),
        ("SET --bits palette: --out a.safetensors", "--bits palette:: expected 1 to 8 bits"),
        ("SET --bits 8 --out a.npz", "expected a file name that ends in .safetensors"),
        ("SET --bits 8 --out SET", "found the set itself, expected another file"),
        ("SET --bits 8 --out /proc/nope/a.safetensors", "not a folder that can be written to"),
        ("SET --bits 8 --out a.safetensors --repeats -1", "repeats -1: expected a number of learners"),
        ("SET --bits 8 --out a.safetensors --network convnett", "unknown network 'convnett'"),
        ("SET --bits 8 --out a.safetensors --protocol yang", "unknown protocol 'yang'"),
        ("SET --out a.safetensors", "required: --bits"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    words: str, message: str, made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = made.read_bytes()
    assert main(["compress", *words.replace("SET", str(made)).split()]) == 2
    said, complained = capsys.readouterr()
    assert said == "" and len(complained.strip().splitlines()) == 1 and message in complained
    assert not list(here.glob("a.*")) and made.read_bytes() == before


@dataclass(frozen=True)
class Here(AbstractExecutor):
    """Does every job in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            do(job)
            told(index, 1.0)


def test_what_it_cost_is_what_an_evaluation_of_both_says(
    made: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with limbeck.Session(here / "runs", executor=Here()) as session:
        found = compress(made, "1", repeats=3, protocol="own", session=session)
    words = f"compress {made} --bits 1 --out small.safetensors --repeats 3 --protocol own".split()
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    given, small = (limbeck.DistilledSet.load(path) for path in (made, "small.safetensors"))
    assert small == found.set and document == {"set": "small.safetensors", "of": str(made), **found.document()}
    assert document["bytes"] == {"before": given.budget.bytes, "after": small.budget.bytes}
    # 20 digits of 64 numbers, once in four bytes each, then in a bit each between two bounds in four bytes.
    assert given.budget.bytes - small.budget.bytes == 20 * 64 * 4 - (20 * 64 // 8 + 2 * 4)
    with limbeck.Session(here / "runs", executor=Here()) as session:
        rows = limbeck.evaluate([made, "small.safetensors"], repeats=3, protocol="own", baselines=(), session=session)
        assert session.computed == 0
    differences = [after - before for before, after in zip(rows[0].values, rows[1].values, strict=True)]
    change = document["change"]
    assert (change["value"], change["low"], change["high"]) == pytest.approx(interval(differences, within=(-1, 1)))
    assert change["n"] == 3 and len(set(rows[0].values)) > 1
    assert main(words) == 0
    assert "over 3 pairs of learners that begin alike; protocol own" in capsys.readouterr().out
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_interruption_leaves_what_was_there_and_says_how_to_go_on(
    made: Path, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("small.safetensors").write_text("mine")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("limbeck.compression.evaluate", interrupted)
    words = f"compress {made} --bits 4 --out small.safetensors"
    assert main(words.split()) == 130
    assert f"go on with: limbeck {words}" in capsys.readouterr().err
    assert Path("small.safetensors").read_text() == "mine" and not list(here.glob("*.part"))


@pytest.mark.parametrize(("by", "part"), [("8", Bits(8)), ("4", Bits(4)), ("palette:16", Palette(16))])
def test_items_are_kept_nearly_and_all_else_exactly(by: str, part: object, made: Path, here: Path) -> None:
    given = limbeck.DistilledSet.load(made)
    found = unscored(made, by, here)
    assert found.set.parameterization == part and found.change is None
    assert 0 < found.moved < (0.1 if by == "4" else 0.02)
    assert torch.equal(found.set.batch.targets, given.batch.targets) and found.set.classes == given.classes
    kept = zip(tree.leaves(found.set.schedule), tree.leaves(given.schedule), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in kept)
    found.set.save("small.safetensors")
    again = limbeck.DistilledSet.load("small.safetensors")
    assert again == found.set and again.budget.bytes == found.after < found.before
    # What is stored so already is stored as itself.
    assert unscored(again, by, here).moved < 1e-6


def test_a_set_of_pages_becomes_its_items_and_learned_labels_stay_learned(made: Path, here: Path) -> None:
    given = limbeck.DistilledSet.load(made)
    soft = given.batch._replace(targets=(3 * given.batch.targets).softmax(1))
    part = SoftTargets(Multiformation(2))
    task = limbeck.load("digits")
    with limbeck.Session(here / "runs") as session:
        params = part.init(session.problem(task, NETWORK), soft, limbeck.Key())
    pages = replace(given, params=params, parameterization=part)
    found = unscored(pages, "8", here).set
    assert found.parameterization == SoftTargets(Bits(8)) and set(found.params.learned) == {"levels", "targets"}
    assert torch.equal(found.batch.targets, soft.targets)
    span = float(pages.batch.inputs.max() - pages.batch.inputs.min())
    assert float((found.batch.inputs - pages.batch.inputs).abs().max()) <= span / 255 / 2 * (1 + 1e-5)


def test_what_was_compressed_is_no_draw_of_its_recipe(made: Path, here: Path) -> None:
    found = unscored(unscored(made, "8", here).set, "4", here).set
    assert found.spec["compressed"] == "8, 4"
    assert origin(found.spec).endswith(", compressed (8, 4)")
    with pytest.raises(limbeck.InputError, match=r"compressed \(8, 4\), which its recipe alone does not make again"):
        limbeck.evaluate(found, seeds=3, session=limbeck.Session(here / "runs"))


def test_sets_with_views_and_of_other_things_than_images_are_refused(
    made: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = limbeck.DistilledSet.load(made)
    batch = given.batch
    rows = Parameters({"inputs": batch.inputs.flatten(1)}, given.params.fixed)
    with pytest.raises(limbeck.InputError, match="found items of the codec image-codec, expected images"):
        unscored(replace(given, params=rows), "8", here)
    monkeypatch.setattr(type(given.parameterization), "views", True)
    with pytest.raises(limbeck.InputError, match="found a set with several views"):
        unscored(replace(given), "8", here)
