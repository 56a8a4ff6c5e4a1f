"""What somebody types first takes minutes, says what it did, and is refused in words that can be followed."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import limbeck
from limbeck import api
from limbeck.cli import main
from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractObjective, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.estimators import Evolution
from limbeck.objectives import OBJECTIVES

RANDOM = "distill digits --recipe random --ipc 1 --network mlp-w4 --checks 0 --out a.safetensors"
EVALUATE = "evaluate a.safetensors --repeats 2 --baselines none --workers 1"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("limbeck.cli.defaults.STEPS", 2)
    monkeypatch.setattr("limbeck.cli.defaults.SMALL_NETWORK", "mlp-w4")
    return tmp_path


def test_small_images_are_distilled_in_a_few_steps_and_the_first_lines_say_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["distill", "digits", "--recipe", "dm", "--ipc", "1", "--checks", "1"]) == 0
    assert capsys.readouterr().err.splitlines()[:2] == [
        "note: dm by settings published for cifar10 at IPC 1, the nearest to digits at IPC 1; not as published: mlp-w4 "
        "in place of convnet, 2 steps in place of 20,000, a tenth of the training examples validates (--validation "
        "none: no image does)",
        "note: digits: on images of 8 x 8 pixels 2 of the 20,000 published steps of dm, with mlp-w4; "
        "all of them: --network convnet",
    ]
    made = limbeck.DistilledSet.load("digits-dm-ipc1.safetensors")
    assert (made.spec["network"], made.spec["recipe"]["steps"]) == ("mlp-w4", 2)

    # The same again is found; another set does not take its place.
    assert main(["distill", "digits", "--recipe", "dm", "--ipc", "1", "--checks", "1"]) == 0
    capsys.readouterr()
    assert main(["distill", "digits", "--recipe", "dm", "--ipc", "1", "--checks", "1", "--seed", "1"]) == 2
    assert "found another set, expected none of that name; name another file with --out" in capsys.readouterr().err
    assert limbeck.DistilledSet.load("digits-dm-ipc1.safetensors") == made


def test_steps_that_are_asked_for_are_taken_and_nothing_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, out in (("--steps 3", "a"), ("--network mlp-w8 --steps 3", "b")):
        assert main(f"distill digits --recipe dm --ipc 1 --checks 1 {words} --out {out}.safetensors".split()) == 0
        assert "published steps of" not in capsys.readouterr().err
        assert limbeck.DistilledSet.load(f"{out}.safetensors").spec["recipe"]["steps"] == 3


def test_what_is_found_says_when_it_was_made_and_fresh_makes_it_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*RANDOM.split(), "--runs", "runs"]
    assert main(words) == 0 and "--fresh" not in capsys.readouterr().out
    (result,) = (here / "runs").glob("distillations/*/*/result.safetensors")
    written, content = result.stat().st_mtime_ns, result.read_bytes()
    assert main(words) == 0
    made = datetime.fromtimestamp(written / 1e9)
    assert f"found: made on {made:%Y-%m-%d at %H:%M}; --fresh makes it again" in capsys.readouterr().out
    assert result.stat().st_mtime_ns == written
    assert main([*words, "--fresh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] is None
    assert result.stat().st_mtime_ns > written and result.read_bytes() == content


def computed(here: Path) -> dict[str, int]:
    """When each result that the store remembers was written."""
    return {path.name: path.stat().st_mtime_ns for path in (here / "runs/remembered").rglob("*.safetensors")}


@pytest.mark.parametrize(
    "verb",
    ["evaluate a.safetensors --repeats 1 --baselines random", "explain a.safetensors --probe mixing --effort quick "
     "--mixing.repeats 1 --mixing.added [1]"],
    ids=["evaluate", "explain"],
)  # fmt: skip
def test_what_was_computed_before_says_so_and_fresh_computes_it_again(
    verb: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(RANDOM.split()) == 0
    words = [*verb.split(), "--workers", "1", "--json"]
    capsys.readouterr()

    assert main(words) == 0
    first, told = capsys.readouterr()
    written = computed(here)
    assert written and "--fresh" not in told

    assert main(words) == 0
    again, told = capsys.readouterr()
    latest = datetime.fromtimestamp(max(written.values()) / 1e9)
    assert f"note: found: computed on {latest:%Y-%m-%d at %H:%M}; --fresh computes it again" in told
    assert again == first and computed(here) == written

    assert main([*words, "--fresh"]) == 0
    again, told = capsys.readouterr()
    anew = computed(here)
    assert again == first and "--fresh" not in told
    assert anew.keys() == written.keys() and all(anew[name] > written[name] for name in written)

    # A time before all of it: nothing is left to do.
    assert main([*words, "--since", datetime.fromtimestamp(min(anew.values()) / 1e9 - 1).isoformat()]) == 0
    assert capsys.readouterr().out == first and computed(here) == anew
    for wrong in (["--since", "tomorrow"], ["--fresh", "--since", "2026-01-31"]):
        assert main([*words, *wrong]) == 2
        assert "expected" in capsys.readouterr().err


def test_an_interruption_after_fresh_goes_on_with_what_was_computed_since(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(RANDOM.split()) == 0
    words = EVALUATE.split()
    assert main(words) == 0
    before = computed(here)

    def interrupted(*args: Any, **named: Any) -> None:
        api.evaluate(*args, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("limbeck.cli.evaluate.evaluate", interrupted)
        assert main([*words, "--fresh"]) == 130
    told = capsys.readouterr().err
    anew = computed(here)
    assert all(anew[name] > before[name] for name in before)
    (onwards,) = re.findall("go on with: limbeck (.*)", told)
    assert "--fresh" not in onwards.split() and "--since" in onwards.split()
    assert main(shlex.split(onwards)) == 0
    assert computed(here) == anew


def test_whether_mirrored_images_keep_their_class_reaches_a_distillation(here: Path) -> None:
    words = "distill digits --recipe random --ipc 1 --checks 1 --network mlp-w4 --out"
    assert main(f"{words} a.safetensors --mirror yes".split()) == 0
    assert main(f"{words} b.safetensors".split()) == 0
    assert [limbeck.DistilledSet.load(f"{name}.safetensors").data["mirror"] for name in "ab"] == [True, None]


@OBJECTIVES.register
@dataclass(frozen=True)
class IgnoresTheSet(AbstractObjective):
    """A loss in which the set has no part, or none that has a gradient."""

    by: float = 0.0

    def init(self, problem: Problem, key: Key) -> Tree:
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tensor:
        return self.by * synthetic.batch.inputs.sum() if self.by >= 0 else torch.tensor(1.0)

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        return {}


def test_an_objective_that_ignores_the_set_is_refused_or_said() -> None:
    options: dict[str, Any] = dict(ipc=1, network="mlp-w4", checks=1)
    with pytest.raises(InputError, match="backprop: the loss has no derivative in anything that is"):
        limbeck.distill("digits", Recipe(objective=IgnoresTheSet(-1.0), steps=1), **options)
    said = "ignores-the-set: the first step changed nothing that is learned"
    flat = Recipe(objective=IgnoresTheSet(-1.0), steps=1, estimator=Evolution(pairs=1))
    for recipe in (Recipe(objective=IgnoresTheSet(), steps=1), flat):
        with pytest.warns(UserWarning, match=said):
            limbeck.distill("digits", recipe, **options)
    distilled = limbeck.distill(
        "digits", Recipe(objective=IgnoresTheSet(1.0), steps=1), ipc=1, network="mlp-w4", checks=1
    )
    start = limbeck.distill("digits", "random", ipc=1, network="mlp-w4", checks=1)
    torch.testing.assert_close(distilled.batch.inputs, start.batch.inputs - 1.0)
