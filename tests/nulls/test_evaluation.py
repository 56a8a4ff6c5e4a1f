"""Scores of sets that are no better or worse than their baselines: how often a verdict says that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from limbeck.comparison import against_baselines
from limbeck.core.findings import Finding, Verdict
from limbeck.core.key import Key
from limbeck.evaluation import Score
from limbeck.runs.looking import Until, looked_at
from limbeck.statistics.estimates import SHARE, interval
from simulated import RUNS, claiming, claims, seldom

NAMES = ("random", "herding", "kmeans", "kcenter")


def row(name: str, values: Sequence[float], seeds: int = 0, repeats: int = 1, **fields: Any) -> dict[str, Any]:
    """The row of a set or baseline whose draws are known."""
    mean, low, high = interval(values, 0.05 / fields.get("looks", 1), SHARE)
    matched = "" if seeds else "bytes" if name.endswith(":bytes") else "items"
    about = "over distillations" if seeds > 1 else "this one set, seed 0" if seeds else ""
    rest = dict(
        set=name, network="convnet", split="test", metric="accuracy", mean=mean, low=low, high=high,
        n=len(values) * repeats, protocol="yang2024", bytes=100 if matched == "items" else 400, unit="fraction",
        higher_is_better=True, per_class=4, matched=matched, beside="", seeds=seeds, about=about, whole=True,
        values=tuple(values),
    )  # fmt: skip
    return Score(**{**rest, **fields}).row()


def drawn(key: Key, name: str, count: int, spread: float, mean: float = 0.5) -> list[float]:
    return (mean + spread * key.fold(name).normal(count).double()).tolist()


def verdict(found: Finding) -> Verdict:
    return Verdict(found.verdict, found.tone, found.claims)


def beside(key: Key, counts: Sequence[int], spreads: Sequence[float], gain: float = 0.0) -> Verdict:
    """The verdict on a set and as many baselines as there are counts less one: half by items, half by bytes."""
    names = [*NAMES, *(f"{name}:bytes" for name in NAMES)][: len(counts) - 1]
    rows = [row("set", drawn(key, "set", counts[0], spreads[0], 0.5 + gain), seeds=1)]
    for name, count, spread in zip(names, counts[1:], spreads[1:], strict=True):
        rows.append(row(name, drawn(key, name, count, spread)))
    (found,) = against_baselines(rows, ["set"])
    assert len(found.claims) == len(names)
    return verdict(found)


@pytest.mark.parametrize("count", [3, 20])
@pytest.mark.parametrize("baselines", [1, 8])
def test_a_set_as_good_as_its_baselines_is_seldom_said_to_differ(count: int, baselines: int) -> None:
    alike = [count] * (baselines + 1), [0.02] * (baselines + 1)
    assert seldom(claiming(lambda key: beside(key, *alike)))


@pytest.mark.parametrize(("ours", "theirs"), [(3, 3), (3, 20), (20, 3)])
@pytest.mark.parametrize("spreads", [(0.002, 0.05), (0.05, 0.002)])
def test_nor_where_counts_and_spreads_are_unlike(ours: int, theirs: int, spreads: tuple[float, float]) -> None:
    """Where a set's learners hardly vary and those of random examples do, intervals that do not touch are no rule."""
    counts, scales = [ours, *[theirs] * 8], [spreads[0], *[spreads[1]] * 8]
    assert seldom(claiming(lambda key: beside(key, counts, scales)))


def test_two_learners_decide_nothing_however_far_apart() -> None:
    found = beside(Key(("two",)), [2, 2], [1e-6, 1e-6], gain=0.4)
    assert found.tone == "unknown" and not any(each.side != "open" for each in found.claims)


@pytest.mark.parametrize(("count", "gain"), [(3, 0.3), (5, 0.1), (20, 0.04)])
def test_a_set_that_is_better_is_said_to_be(count: int, gain: float) -> None:
    planted = [beside(Key(("planted", run)), [count] * 4, [0.02] * 4, gain) for run in range(30)]
    assert sum(each.tone == "use" for each in planted) > 24
    worse = [beside(Key(("planted", run)), [count] * 4, [0.02] * 4, -gain) for run in range(30)]
    assert sum(each.tone == "avoid" for each in worse) > 24


def distilled(key: Key, seeds: int, repeats: int, spread: float, gain: float = 0.0) -> list[list[float]]:
    """value[k][r] = mean + distillation[k] + network[k, r]."""
    between = spread * key.fold("distillations").normal(seeds).double()
    networks = 0.01 * key.fold("networks").normal(seeds, repeats).double()
    return (0.5 + gain + between[:, None] + networks).tolist()


def over_distillations(key: Key, seeds: int, repeats: int, spread: float, gain: float = 0.0) -> Verdict:
    groups = distilled(key, seeds, repeats, spread, gain)
    means = [sum(group) / len(group) for group in groups]
    rows = [row("set", means, seeds, repeats), row("random", drawn(key, "random", 10, 0.02))]
    (found,) = against_baselines(rows, ["set"])
    return verdict(found)


def over_one_set(key: Key, spread: float) -> Verdict:
    """What learners of one distillation say, taken for the recipe."""
    (values,) = distilled(key, 1, 10, spread)
    (found,) = against_baselines([row("set", values, 1), row("random", drawn(key, "random", 10, 0.02))], ["set"])
    return verdict(found)


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("spread", [0.0, 0.03])
def test_a_recipe_as_good_as_random_images_is_seldom_said_to_differ(seeds: int, spread: float) -> None:
    assert seldom(claiming(lambda key: over_distillations(key, seeds, 5, spread)))
    # Learners of one distillation know nothing of how much distillations differ.
    assert spread == 0 or not seldom(claiming(lambda key: over_one_set(key, spread)))


def test_a_recipe_that_is_better_is_said_to_be_from_three_distillations_on() -> None:
    planted = [over_distillations(Key(("planted", run)), 5, 5, 0.02, gain=0.15) for run in range(30)]
    assert sum(each.tone == "use" for each in planted) > 24
    assert over_distillations(Key(("planted",)), 2, 5, 0.0, gain=0.4).tone == "unknown"


@pytest.mark.parametrize(("between", "repeats"), [(0.0, 3), (0.03, 1), (0.03, 5)])
def test_the_interval_over_distillations_holds_the_mean_in_95_of_100_cases(between: float, repeats: int) -> None:
    missed = 0
    for run in range(400):
        groups = distilled(Key(("coverage", run)), 4, repeats, between)
        _, low, high = interval([sum(group) / len(group) for group in groups])
        missed += not low <= 0.5 <= high
    assert seldom(missed, 400) and missed > 5


LOOKS = (4, 8, 16, 32, 64)


def looking(
    run: int, looks: int, baselines: int, shared: float, spreads: Sequence[float] = (0.02, 0.02), gain: float = 0.0
) -> Finding:
    """The verdict that learners are added for until it is decided, each look at 5 % / `looks`.

    `shared` is how much learners of one seed have in common, whatever they are trained on.
    """
    key, names = Key(("looking", run)), ("set", *NAMES[:baselines])
    common = key.fold("seed").normal(LOOKS[-1]).double()
    draws = []
    for name in names:
        own = key.fold(name).normal(LOOKS[-1]).double()
        values = spreads[name != "set"] * (shared**0.5 * common + (1 - shared) ** 0.5 * own)
        draws.append((0.5 + gain * (name == "set") + values).tolist())

    def score(counts: Sequence[int], look: int) -> list[Score]:
        rows = [row(*each, int(each[0] == "set"), looks=looks) for each in zip(names, draws, strict=True)]
        return [of_first(Score(**each), count) for each, count in zip(rows, counts, strict=True)]

    scores = looked_at(score, len(names), ["set"], Until(LOOKS))
    (found,) = against_baselines([each.row() for each in scores], ["set"])
    return found


def of_first(score: Score, count: int) -> Score:
    """The score of the first of its learners."""
    return replace(score, values=score.values[:count], n=count)


@pytest.mark.parametrize(
    ("baselines", "shared", "spreads"),
    [(1, 0.0, (0.02, 0.02)), (2, 0.45, (0.02, 0.02)), (1, 0.0, (0.002, 0.05))],
)
def test_learners_that_are_added_until_it_is_decided_decide_nothing_where_there_is_nothing(
    baselines: int, shared: float, spreads: tuple[float, float]
) -> None:
    found = [looking(run, len(LOOKS), baselines, shared, spreads) for run in range(RUNS)]
    assert seldom(sum(claims(verdict(each)) for each in found))


def test_whoever_looks_again_and_again_at_five_per_cent_finds_something() -> None:
    assert not seldom(sum(claims(verdict(looking(run, 1, 1, 0.0))) for run in range(RUNS)))


def test_learners_that_are_added_find_what_is_there() -> None:
    assert sum(looking(run, len(LOOKS), 4, 0.45, gain=0.02).tone == "use" for run in range(30)) > 24


def test_the_interval_of_a_score_that_ended_where_it_was_narrow_holds_its_mean() -> None:
    """Ended so, the plain interval of 95 % misses it in 8 to 12 of 100 cases."""
    until, missed = Until(LOOKS, decided=False, half_width=1.0), [0, 0]
    for run in range(400):
        values = drawn(Key(("narrow", run)), "set", LOOKS[-1], 0.02)

        def score(counts: Sequence[int], look: int, values: Sequence[float] = values) -> list[Score]:
            return [Score(**row("set", values[: counts[0]], 1, looks=len(LOOKS)))]

        (found,) = looked_at(score, 1, ["set"], until)
        for place, level in enumerate((0.05 / len(LOOKS), 0.05)):
            _, low, high = interval(found.values, level)
            missed[place] += not low <= 0.5 <= high
    assert seldom(missed[0], 400) and missed[1] > missed[0]
