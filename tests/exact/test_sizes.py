"""How many items a budget buys: of plain items, and of bytes as a set is stored, whatever it stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.composition import Recipe
from limbeck.core.contracts import Budget, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.parameterizations import Multiformation, Pixels, SoftTargets
from limbeck.parameterizations.budgets import most
from limbeck.starts import Noise, Real, SmoothedLabels

KEY = Key(("sizes",))
TASK = limbeck.load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())
WORDS = ["distill", "digits", "--recipe", "random", "--network", "mlp-w4", "--checks", "0", "--quiet", "--runs", "runs"]


def stored(recipe: Recipe, count: int) -> int:
    """The bytes of a set of `count` items of every class, from the set itself."""
    return Budget.of(recipe.parameterization.stored(recipe.started(PROBLEM, count, KEY)[1])).bytes


@pytest.mark.parametrize("start", [Real(), Noise(), SmoothedLabels(share=0.1)], ids=["real", "noise", "soft"])
@pytest.mark.parametrize(
    "part",
    [Pixels(), SoftTargets(), Multiformation(2), SoftTargets(Multiformation(3))],
    ids=lambda part: str(part)[:30],
)
def test_so_many_bytes_hold_the_most_items_that_fit_in_them(part: Any, start: Any) -> None:
    recipe = Recipe(start=start, parameterization=part)
    for within in (stored(recipe, 1), stored(recipe, 2) - 1, 10_000, 23_456):
        count = recipe.items(PROBLEM, 1, within, KEY)
        assert stored(recipe, count) <= within < stored(recipe, count + 1)
    with pytest.raises(InputError, match="one item of each class takes"):
        recipe.items(PROBLEM, 1, stored(recipe, 1) - 1, KEY)


def test_the_most_is_found_where_cost_rises_in_steps() -> None:
    for size in (1, 3, 7, 64):
        for budget in range(5, 300, 7):
            found = most(lambda count, size=size: 5 * -(-count // size), budget, Pixels())
            assert found == size * (budget // 5)


def test_a_set_of_so_many_bytes_is_made_found_and_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*WORDS, "--bytes", "7000"]) == 0
    made = limbeck.DistilledSet.load("digits-random-7000bytes.safetensors")
    # An image takes 256 bytes and its class one: two of each of ten classes.
    assert len(made) == 20 and made.budget.bytes == 20 * 257 and made.spec["within"] == 7000
    assert main([*WORDS, "--ipc", "2"]) == 0
    plain = limbeck.DistilledSet.load("digits-random-ipc2.safetensors")
    assert "within" not in plain.spec and plain.digest == made.digest
    (run,) = (path for path in Path("runs").rglob("spec.json") if '"within"' in path.read_text())
    assert main(["distill", "--spec", str(run), "--out", "again.safetensors", "--runs", "other", "--quiet"]) == 0
    assert limbeck.DistilledSet.load("again.safetensors").header() == made.header()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--bytes 7000 --ipc 1", "--ipc 1, --bytes 7000: expected one of them"),
        ("--bytes 0", "bytes 0: expected a number above 0"),
        ("--bytes 100", "pixels: one item of each class takes 2,570 bytes to store, and there are 100"),
        ("--bytes many", "--bytes"),
    ],
)
def test_what_is_no_size_is_refused_and_nothing_is_written(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*WORDS, *words.split()]) == 2
    complained = capsys.readouterr().err
    assert said in complained and len(complained.splitlines()) == 1
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_study_of_so_many_bytes_has_sets_that_fit_in_them_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (
        "study digits --recipes random --bytes 7000 --network mlp-w4 --out out --runs runs --checks 0 --compile never"
    )
    few = "--probe mixing --mixing.repeats 1 --mixing.added [1] --repeats 1 --baselines random:bytes"
    assert main([*words.split(), *few.split(), "--workers", "1", "--quiet"]) == 0
    made = limbeck.DistilledSet.load("out/random.safetensors")
    assert len(made) == 20 and made.budget.bytes == 20 * 257 and made.spec["within"] == 7000
    rows = json.loads(Path("out/rows.json").read_text())["rows"]
    # A real example is kept in 8 bits a pixel, and a class: of each of ten classes, seven fit in the bytes of the set.
    assert [row["bytes"] for row in rows] == [20 * 257, 7 * 10 * 65]
    assert "at most 7,000 bytes" in Path("out/report.html").read_text()
    with limbeck.Session(runs="runs") as session:
        again = limbeck.distill("digits", "random", within=7000, network="mlp-w4", checks=0, session=session)
    assert again == made


@pytest.mark.parametrize("sizes", [{}, {"ipc": 1, "within": 7000}])
def test_exactly_one_size_is_taken_in_python(sizes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one of them"):
        limbeck.distill("digits", "random", **sizes)
    with pytest.raises(InputError, match="expected one of them"):
        limbeck.study("digits", ["random"], out=tmp_path / "out", **sizes)
    assert not list(tmp_path.iterdir())
