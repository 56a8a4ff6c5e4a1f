"""What is read back from a store is what was kept, and the most thorough of it; scores are those of the learners."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import limbeck
from limbeck.computations import Coreset, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts, followed
from limbeck.core.contracts import Budget
from limbeck.core.errors import InputError
from limbeck.core.family import part_name, to_spec
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.progress import Silent
from limbeck.core.version import ALGORITHM
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Entry
from limbeck.explanation import EFFORTS
from limbeck.objectives import Trajectory
from limbeck.probes.mixing import Mixing
from limbeck.probes.semantics import Semantics
from limbeck.protocols import named
from limbeck.recipes import RECIPES, SELECTIONS
from limbeck.runs import archive
from limbeck.runs.again import distilled_again
from limbeck.runs.scoring import entries_of
from limbeck.runs.store import Store
from limbeck.starts import Relabelled
from limbeck.statistics.estimates import SHARE, interval

NETWORK = "convnet-w4-d1"
DATA = "the data"


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> DistilledSet:
    return limbeck.distill(
        limbeck.load("digits"), "random", ipc=1, network=NETWORK, session=limbeck.Session(tmp_path_factory.mktemp("r"))
    )


def finding(probe: Any, verdict: str) -> Finding:
    table = Table("numbers", ("step", "loss"), ((0, 2.5), (1, None)), "of one learner")
    facts, name = (Fact("a", 1.0, 0.5, 1.5, 3),), part_name(type(probe))
    return Finding(name, "old name", "Why?", verdict, "note", facts, (table,), "so", ("but",))


def note(store: Store, digest: str, probe: Any, verdict: str, written: float, judged: int = 0, **other: Any) -> Path:
    address = {"probe": to_spec(probe), "set": digest, "data": DATA, "network": NETWORK, "evaluation": ["test", judged]}
    address["algorithm"] = other.pop("algorithm", ALGORITHM)
    before = set((store.root / "findings").rglob("*.json"))
    store.note({**address, **other}, finding(probe, verdict).document())
    (path,) = set((store.root / "findings").rglob("*.json")) - before
    os.utime(path, (written, written))
    return path


def in_budget(name: str, kind: type) -> Any:
    return next(probe for probe in EFFORTS[name].probes if isinstance(probe, kind))


def test_a_finding_is_read_back_as_it_was_kept_under_the_name_that_is_asked_for(
    distilled: DistilledSet, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    note(store, distilled.digest, Semantics(), "one", 1)
    note(store, distilled.digest, Mixing(), "two", 2)
    note(store, "another set", Mixing(repeats=4), "three", 3)
    note(store, distilled.digest, Mixing(repeats=5), "four", 4, network="mlp")
    note(store, distilled.digest, Mixing(repeats=6), "five", 5, data="other data")
    note(store, distilled.digest, Mixing(repeats=7), "six", 6, algorithm=ALGORITHM - 1)
    (kept,) = archive.findings(store, [("new name", distilled)], NETWORK, DATA)
    assert [each.finding for each in kept] == [
        replace(finding(probe, verdict), set="new name") for probe, verdict in ((Mixing(), "two"), (Semantics(), "one"))
    ]
    assert kept[0].thoroughness == "standard, all test examples"
    asking = [name for name, effort in EFFORTS.items() if Semantics() in effort.probes and not effort.evaluation_size]
    assert asking and kept[1].thoroughness == f"{' and '.join(asking)}, all test examples"


def test_the_full_budget_counts_most_then_all_examples_then_the_latest(distilled: DistilledSet, tmp_path: Path) -> None:
    store = Store(tmp_path)
    quick, standard, full = (in_budget(name, Mixing) for name in ("quick", "standard", "full"))

    def told() -> tuple[str, str]:
        ((kept,),) = archive.findings(store, [("set", distilled)], NETWORK, DATA)
        return kept.finding.verdict, kept.thoroughness

    note(store, distilled.digest, quick, "quick", 50, judged=2000)
    note(store, distilled.digest, Mixing(repeats=7), "own", 60, judged=500)
    assert told() == ("own", "own options, at most 500 test examples")
    note(store, distilled.digest, standard, "standard", 30)
    assert told() == ("standard", "standard, all test examples")
    note(store, distilled.digest, Mixing(repeats=8), "own", 40)
    assert told() == ("own", "own options, all test examples")
    note(store, distilled.digest, full, "full", 10)
    assert told() == ("full", "full, all test examples")
    note(store, distilled.digest, full, "full by few", 70, judged=10)
    assert told()[0] == "full"


@pytest.mark.parametrize("damage", ["", "[]", '{"finding": 3}', '{"finding": {"probe": "mixing"}}', "\x00" * 9])
def test_a_damaged_finding_is_left_out_with_a_warning(damage: str, distilled: DistilledSet, tmp_path: Path) -> None:
    store = Store(tmp_path)
    note(store, distilled.digest, Semantics(), "whole", 1)
    note(store, distilled.digest, Mixing(), "spoilt", 2).write_text(damage)
    with pytest.warns(UserWarning, match="left out"):
        ((kept,),) = archive.findings(store, [("set", distilled)], NETWORK, DATA)
    assert kept.finding.verdict == "whole"


def test_a_finding_that_says_the_same_is_not_written_again(distilled: DistilledSet, tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = note(store, distilled.digest, Mixing(), "one", 1)
    ((address, _),) = store.noted()
    del address["finding"]
    store.note(address, finding(Mixing(), "one").document())
    assert path.stat().st_mtime == 1
    store.note(address, finding(Mixing(), "two").document())
    assert path.stat().st_mtime > 1
    assert [document["finding"]["verdict"] for document, _ in store.noted()] == ["two"]


def test_scores_are_of_the_learners_up_to_the_first_that_is_missing(distilled: DistilledSet, tmp_path: Path) -> None:
    store, task = Store(tmp_path / "store"), limbeck.load("digits")
    path = tmp_path / "set.safetensors"
    row = dict(
        set="old",
        split="test",
        metric="accuracy",
        unit="fraction",
        higher_is_better=True,
        low=0.1,
        high=0.3,
        n=2,
        bytes=9,
        per_class=1,
        matched="",
        beside="",
        seeds=1,
        about="this one set, seed 0",
        whole=True,
        values=[0.1, 0.3],
    )
    here = {**row, "network": NETWORK, "mean": 0.2, "protocol": "yang2024"}
    elsewhere = {**row, "network": "of-another-package", "mean": 0.25, "protocol": "dm"}
    distilled.scored(here, elsewhere).save(path)
    listed = [("now", path, DistilledSet.load(path))]
    carried = [{**here, "set": "now"}, {**elsewhere, "set": "now"}]
    session = limbeck.Session(store.root)
    assert archive.scores(session, listed, task) == carried

    ours, random = entries_of(session, task, listed, (NETWORK,), named("yang2024"), ("random",))

    def keep(entry: Entry, seed: int, value: float) -> None:
        outcome = {"accuracy": torch.tensor([value], dtype=torch.float64)}
        store.remember(entry.context.address(entry.training(seed)), lambda: outcome)

    for seed, value in ((0, 0.5), (1, 0.75), (3, 0.9)):
        keep(ours, seed, value)
    keep(random, 1, 0.4)
    found = archive.scores(session, listed, task)
    assert found[0] == carried[1] and len(found) == 2
    mean, low, high = interval([0.5, 0.75], within=SHARE)
    told = {"set": "now", "mean": mean, "low": low, "high": high, "n": 2, "protocol": "yang2024", "network": NETWORK}
    assert told.items() <= found[1].items()
    keep(random, 0, 0.2)
    counts = {each["set"]: each["n"] for each in archive.scores(session, listed, task)[1:]}
    assert counts == {"now": 2, "random": 2}


def keep_score(store: Store, entry: Entry, seed: int, value: float, of: int = 0) -> None:
    """Keep the learner of a seed, of a distillation of an entry where it has several."""
    asked = entry.learners(seed + 1)[of][seed]
    outcome = {"accuracy": torch.tensor([value], dtype=torch.float64)}
    store.remember(asked.context.address(asked.training), lambda: outcome)


def test_scores_over_distillations_are_read_back_where_enough_of_these_have_learners(
    distilled: DistilledSet, tmp_path: Path
) -> None:
    store, task, path = Store(tmp_path / "store"), limbeck.load("digits"), tmp_path / "set.safetensors"
    session, made = limbeck.Session(store.root), replace(distilled, scores=())
    made.save(path)
    listed = [("now", path, made)]
    again = distilled_again(session, task, listed, 3)
    assert [(each.seed, each.distilled.spec["seed"]) for each in again["now"]] == [(0, 0), (1, 1), (2, 2)]
    assert again["now"][0].path == path and len({each.distilled.digest for each in again["now"]}) == 3
    (ours,) = entries_of(session, task, listed, (NETWORK,), named("yang2024"), (), again)
    for of in range(3):
        for seed in range(2):
            # The mean of each distillation is 0.2, 0.3, 0.4; one has a learner more than the others.
            keep_score(store, ours, seed, 0.2 + 0.1 * of + 0.05 * (-1) ** seed, of)
    keep_score(store, ours, 2, 0.9)
    (row,) = archive.scores(session, listed, task)
    assert (row["seeds"], row["n"], row["values"]) == (3, 6, pytest.approx([0.2, 0.3, 0.4]))
    assert row["about"] == "over 3 distillations, seeds 0 to 2"
    mean, low, high = interval([0.2, 0.3, 0.4])
    assert [row[name] for name in ("mean", "low", "high")] == pytest.approx([mean, low, high])
    # What a header knows of more distillations stands before what the store knows of fewer, and not the other way.
    more, fewer = ({**row, "set": "", "seeds": seeds, "mean": 0.9} for seeds in (4, 1))
    for header, shown in ((more, 0.9), (fewer, mean)):
        scored = [("now", path, replace(made, scores=(header,)))]
        assert [each["mean"] for each in archive.scores(session, scored, task)] == pytest.approx([shown])
    # Two distillations decide nothing: then it is the score of this one set.
    for seed in range(2):
        asked = ours.learners(2)[2][seed]
        store.place(asked.context.address(asked.training)).unlink()
    (row,) = archive.scores(session, listed, task)
    assert (row["seeds"], row["n"], row["about"]) == (1, 3, "this one set, seed 0")


def test_distillations_are_counted_before_and_found_after(distilled: DistilledSet, tmp_path: Path) -> None:
    told: list[str] = []

    class Told(Silent):
        def phase(self, name: str) -> None:
            told.append(name)

    task, path = limbeck.load("digits"), tmp_path / "set.safetensors"
    session = limbeck.Session(tmp_path, progress=Told())
    distilled.save(path)
    made = limbeck.distill(task, "random", ipc=1, network=NETWORK, seed=2, session=session)
    listed = [("one", path, distilled), ("two", path, made)]
    assert distilled_again(session, task, listed, 1) == {} and told == []
    first = distilled_again(session, task, listed, 3)
    # Seeds 0 and 1 of the one set are not in this store; the other is its seed 2, and they are of one recipe.
    assert told == ["1 of 2: distil 2 sets, as 3 seeds of each set are scored", "2 of 2: evaluate"]
    told.clear()
    assert distilled_again(session, task, listed, 3) == first and told == []


def test_a_set_without_a_recipe_cannot_be_distilled_again(distilled: DistilledSet, tmp_path: Path) -> None:
    other = replace(distilled, spec={name: each for name, each in distilled.spec.items() if name != "recipe"})
    other.save(tmp_path / "set.safetensors")
    with pytest.raises(InputError, match="^.*set.safetensors: found no recipe .* imported sets; leave --seeds out$"):
        limbeck.evaluate(tmp_path / "set.safetensors", seeds=3, session=limbeck.Session(tmp_path))
    with pytest.raises(InputError, match="repeats 5, seeds 0: expected at least one of each"):
        limbeck.evaluate(tmp_path / "set.safetensors", seeds=0, session=limbeck.Session(tmp_path))


@pytest.mark.parametrize(("size", "shown"), [(65 * 10, []), (65 * 30 - 1, [2]), (64 * 10, [])])
def test_baselines_that_were_matched_by_bytes_are_read_back_where_they_are_others(
    size: int, shown: list[int], distilled: DistilledSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, task = Store(tmp_path), limbeck.load("digits")
    made = replace(distilled, scores=())
    monkeypatch.setattr(DistilledSet, "budget", Budget(260, size))
    session, listed = limbeck.Session(store.root), [("now", tmp_path / "set.safetensors", made)]
    for count in (1, 2):
        training = Training(Coreset(SELECTIONS["random"], count), 0, named("yang2024"))
        outcome = {"accuracy": torch.tensor([count / 4], dtype=torch.float64)}
        store.remember(ProbeContext(session.problem(task, NETWORK), "now", made).address(training), lambda: outcome)  # noqa: B023
    rows = archive.scores(session, listed, task)
    assert [(row["set"], row["per_class"], row["mean"]) for row in rows if row["matched"] == "items"] == [
        ("random", 1, 0.25)
    ]
    assert [row["per_class"] for row in rows if row["matched"] == "bytes"] == shown
    assert all(row["bytes"] == 65 * 10 * row["per_class"] for row in rows)


def test_experts_that_are_followed_are_found_once_as_many_as_the_most_that_are_asked_for() -> None:
    assert followed(RECIPES["dm"].recipe) == []
    assert followed(RECIPES["tesla"].recipe) == [Experts()]
    start = Relabelled(experts=Experts(count=7))
    recipe = replace(RECIPES["tesla"].recipe, start=start, objective=Trajectory(experts=Experts(count=3)))
    assert followed(recipe) == [Experts(count=7)]
    longer = replace(recipe, start=Relabelled(experts=Experts(count=7, epochs=60)))
    assert followed(longer) == [Experts(count=7, epochs=60), Experts(count=3)]
