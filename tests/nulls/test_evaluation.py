"""Scores of sets that are no better or worse than their baselines: how often a verdict says that they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from limbeck.comparison import against_baselines
from limbeck.core.findings import Finding, Verdict
from limbeck.core.key import Key
from limbeck.evaluation import Score
from limbeck.statistics.estimates import SHARE, interval
from simulated import claiming, seldom

NAMES = ("random", "herding", "kmeans", "kcenter")


def row(name: str, values: Sequence[float], seeds: int = 0, repeats: int = 1, **fields: Any) -> dict[str, Any]:
    """The row of a set or baseline whose draws are known."""
    mean, low, high = interval(values, within=SHARE)
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
