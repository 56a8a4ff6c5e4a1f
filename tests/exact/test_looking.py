"""Scores to which learners are added: who gets more, what is decided by what, and that learners stay who they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

import limbeck
from limbeck.comparison import against_baselines, basis
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.evaluation import Score
from limbeck.leading import leads, still_open
from limbeck.runs.allowance import LONG, Allowance
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.runs.looking import Until, looked_at, until_of
from limbeck.runs.pace import Pace
from limbeck.runs.session import Session
from limbeck.runs.worker import do
from limbeck.statistics.estimates import SHARE, interval
from limbeck.studies import write_report


class Here(AbstractExecutor):
    """What would be done by workers is done in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            do(job)
            told(index, 1.0)


def scored(name: str, values: Sequence[float], looks: int = 1, **other: object) -> Score:
    """The score of a set, whose name ends in ".safetensors", or of a baseline."""
    mean, low, high = interval(values, 0.05 / looks, SHARE)
    of_set = int(name.endswith(".safetensors"))
    rest = dict(
        network="convnet", split="test", metric="accuracy", protocol="yang2024", unit="fraction", n=len(values),
        higher_is_better=True, per_class=1, matched="" if of_set else "items", beside="", seeds=of_set, whole=True,
        bytes=8, about="this one set, seed 0" if of_set else "",
    )  # fmt: skip
    rest.update(other)
    return Score(set=name, mean=mean, low=low, high=high, values=tuple(values), looks=looks, **rest)  # type: ignore[arg-type]


def drawn(name: str, mean: float, count: int = 40, spread: float = 0.01) -> list[float]:
    return (mean + spread * Key(("looking", name)).normal(count).double()).tolist()


def looked(until: Until, draws: dict[str, list[float]]) -> tuple[list[Score], list[tuple[int, ...]]]:
    """The scores that it ends with, and how many learners each row had at each look."""
    seen: list[tuple[int, ...]] = []
    sets = [name for name in draws if name.endswith(".safetensors")]

    def score(counts: Sequence[int], look: int) -> list[Score]:
        seen.append(tuple(counts))
        assert look == len(seen)
        pairs = zip(draws.items(), counts, strict=True)
        return [scored(name, values[:count], len(until.looks)) for (name, values), count in pairs]

    return list(looked_at(score, len(draws), sets, until)), seen


def test_learners_are_added_to_those_that_are_not_told_apart_and_what_is_decided_stays_decided() -> None:
    until = until_of(5, 30, True, None, 1, False)
    assert until is not None and until.looks == (5, 10, 20, 30)
    draws = {
        "a.safetensors": drawn("a", 0.5),
        "far": drawn("far", 0.3),
        "near": drawn("near", 0.475),
        "same": drawn("same", 0.5),
    }
    found, seen = looked(until, draws)
    assert [each.n for each in found] == [30, 5, 10, 30]
    assert seen == [(5,) * 4, (10, 5, 10, 10), (20, 5, 10, 20), (30, 5, 10, 30)]
    (said,) = against_baselines([each.row() for each in found], ["a.safetensors"])
    assert [each.side for each in said.claims] == ["above", "above", "open"]
    first = [scored(name, values[:5], 4) for name, values in draws.items()]
    (at_first,) = against_baselines([each.row() for each in first], ["a.safetensors"])
    assert said.facts[0] == at_first.facts[0] and said.facts[0].n == 5
    # What is open is told by how many it has, not by those of what was decided before.
    assert "more would not" in said.deciding or "more learners" in said.deciding
    assert "4 looks" in said.method and "each of 4 looks" in basis([each.row() for each in found])
    # Decided at once, it ends at once.
    found, seen = looked(until, {name: draws[name] for name in ("a.safetensors", "far")})
    assert seen == [(5, 5)]


def test_intervals_of_a_look_are_those_of_its_part_of_the_error() -> None:
    until = Until((5, 10, 20))
    found, _ = looked(until, {"a.safetensors": drawn("a", 0.5), "same": drawn("same", 0.5)})
    values = found[0].values
    half = stats.t.ppf(1 - 0.025 / 3, 19) * stats.sem(values)
    assert (found[0].low, found[0].high) == pytest.approx((found[0].mean - half, found[0].mean + half))
    (said,) = against_baselines([each.row() for each in found], ["a.safetensors"])
    whole = stats.ttest_ind(values, found[1].values, equal_var=False).confidence_interval(1 - 0.05 / 3)
    assert said.facts[0][2:4] == pytest.approx(tuple(whole))


def test_sets_of_one_size_are_told_apart_too_and_a_row_whose_learners_are_one_gets_no_more() -> None:
    until = Until((5, 10))
    found, _ = looked(until, {"a.safetensors": drawn("a", 0.5), "b.safetensors": drawn("b", 0.5)})
    assert [each.n for each in found] == [10, 10]
    found, _ = looked(until, {"a.safetensors": drawn("a", 0.5), "b.safetensors": drawn("b", 0.4)})
    assert [each.n for each in found] == [5, 5]
    rows = [scored("a.safetensors", [0.5], 2).row(), scored("near", drawn("near", 0.5, 5), 2).row()]
    assert still_open(rows, ["a.safetensors"]) == [False, False]
    # Baselines that are the same examples are one, and get more together.
    rows = [scored(name, drawn("same", 0.5, 5), 2).row() for name in ("herding", "kmeans")]
    rows = [scored("a.safetensors", drawn("a", 0.5, 5), 2).row(), *rows]
    assert still_open(rows, ["a.safetensors"]) == [True, True, True]
    assert leads(rows, {"a.safetensors": "a"})[0].by_items[0].fact.n == 5


def test_an_interval_is_narrowed_to_what_was_asked_for() -> None:
    until = until_of(4, None, False, 0.5, 1, True)
    assert until is not None and until.looks == (4, 8, 16, 20)
    found, seen = looked(until, {"a.safetensors": drawn("a", 0.5, spread=0.005), "same": drawn("same", 0.5)})
    assert 100 * (found[0].high - found[0].mean) <= 0.5 and found[1].n == 4
    before = scored("a.safetensors", found[0].values[: seen[-2][0]], 4)
    assert 100 * (before.high - before.mean) > 0.5


def refused(said: str) -> None:
    raise InputError(said)


def test_whoever_ends_with_so_many_learners_has_the_row_of_so_many(tmp_path: Path) -> None:
    """And a page of what is kept, made later, knows that they were looked at more than once."""
    path = str(tmp_path / "set.safetensors")
    with Session(tmp_path / "one", executor=Here()) as session:
        session.paces["mlp"] = Pace(1e9, 1e-4)
        limbeck.distill("digits", "random", ipc=1, network="mlp", session=session).save(path)
        rest: dict[str, object] = {"baselines": ("random", "random:bytes"), "repeats": 4}
        found = limbeck.evaluate(path, until_decided=True, most=8, session=session, **rest)  # type: ignore[arg-type]
        trained = session.computed
        # Asked again nothing is trained.
        again = limbeck.evaluate(path, until_decided=True, most=8, session=session, **rest)  # type: ignore[arg-type]
        assert (again, session.computed) == (found, trained)
        shown = write_report([path], out=tmp_path / "page.html", session=session)
    with Session(tmp_path / "other", executor=Here()) as session:
        session.paces["mlp"] = Pace(1e9, 1e-4)
        plain = limbeck.evaluate(path, session=session, **{**rest, "repeats": 8})  # type: ignore[arg-type]
    assert {each.looks for each in found} == {2} and {each.n for each in found} == {4, 8}
    for ours, theirs in zip(found, plain, strict=True):
        assert ours.values == theirs.values[: ours.n] and ours.set == theirs.set
        if ours.n == 8:
            assert replace(ours, looks=1, low=theirs.low, high=theirs.high) == theirs
    # Whoever must agree is told of the first look and of the last: half of the learners, and all.
    with Session(tmp_path / "third", executor=Here(), confirm=refused) as session:
        session.paces["mlp"] = Pace(1e4, 0.0)
        with pytest.raises(InputError, match="^this takes between .* and .* here$"):
            limbeck.evaluate(path, until_decided=True, most=8, session=session, **rest)  # type: ignore[arg-type]
    kept = {row["set"]: row for row in shown.rows}
    assert kept[path]["looks"] == 2 and (kept[path]["low"], kept[path]["high"]) == (found[0].low, found[0].high)


def test_how_long_it_takes_is_told_from_the_first_look_to_the_last() -> None:
    asked: list[str] = []
    Allowance(asked.append).admit(4 * LONG, whole=True, least=180)
    assert asked == ["this takes between 3 min and 4 h 00 min here"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"most": 10}, "most 10: it bounds until_decided"),
        ({"until_decided": True, "seeds": 3}, "seeds 3: learners are added"),
        ({"until_decided": True, "repeats": 2}, "repeats 2, most 20: expected at least 3"),
        ({"until_decided": True, "most": 4}, "repeats 5, most 4: expected at least 3 at first, and no fewer"),
        ({"half_width": 0.0}, "half_width 0: expected a number above 0"),
        ({"until_decided": True, "baselines": ()}, "one set and no baseline leave nothing to decide"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as raised:
        limbeck.evaluate("nowhere.safetensors", **options)  # type: ignore[arg-type]
    assert message in str(raised.value) and "\n" not in str(raised.value)
