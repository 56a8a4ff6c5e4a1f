"""The first sentence about sets: where none is better than real examples none is told to be used, and one that is, is.

Every set has an effect of its own, which all of its learners share: one set of random real examples is better than
another, though none is better than such sets are.
"""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from limbeck.comparison import against_baselines
from limbeck.core.findings import Claim, Finding
from limbeck.core.key import Key
from limbeck.opening import UNDECIDED, Opening, grouped, holds, opening
from limbeck.statistics.decisions import side
from limbeck.statistics.estimates import SHARE, difference, interval, mean_of
from simulated import RUNS, seldom

EFFECT, LEARNER = 0.04, 0.02
"""How far sets of real examples lie from one another, and learners of one set."""


def row(name: str, values: list[float], **fields: Any) -> dict[str, Any]:
    """The row of a set, or of a baseline of as many examples or bytes, whose draws are known."""
    mean, low, high = interval(values, within=SHARE)
    ours = name.endswith(".safetensors")
    matched = "" if ours else "bytes" if name.endswith(":bytes") else "items"
    return {
        "set": name, "network": "convnet", "split": "test", "metric": "accuracy", "mean": mean, "low": low,
        "high": high, "n": len(values), "protocol": "yang2024", "bytes": 100 if matched == "items" else 400,
        "unit": "fraction", "higher_is_better": True, "per_class": 4 if matched == "bytes" else 2, "matched": matched,
        "beside": "", "seeds": int(ours), "about": "this one set, seed 0" if ours else "", "whole": True,
        "values": values, **fields,
    }  # fmt: skip


def of_one(key: Key, name: str, mean: float, count: int, effect: float = EFFECT) -> dict[str, Any]:
    """Learners of one set, with its effect."""
    own = float(effect * key.fold((name, "effect")).normal(1).double())
    return row(name, (mean + own + LEARNER * key.fold(name).normal(count).double()).tolist())


def of_many(key: Key, name: str, mean: float, count: int) -> dict[str, Any]:
    """Learners of random real examples, of which each has its own."""
    effects, noise = (key.fold((name, what)).normal(count).double() for what in ("effects", "noise"))
    return row(name, (mean + EFFECT * effects + LEARNER * noise).tolist())


def scored(key: Key, count: int, gains: dict[str, float], selected: float | None) -> Opening:
    """Sets by their gains over random real examples, and selections by theirs, where there are some."""
    sets = [f"{name}.safetensors" for name in gains]
    rows = [of_one(key, name, 0.6 + gain, count) for name, gain in zip(sets, gains.values(), strict=True)]
    rows.append(of_many(key, "random", 0.6, count))
    if selected is not None:
        rows += [of_one(key, name, 0.6 + selected, count, 0.0) for name in ("herding", "kmeans")]
    return opening(rows, (), sets)


@pytest.mark.parametrize("count", [3, 8])
@pytest.mark.parametrize("selected", [None, EFFECT])
def test_of_two_sets_of_random_real_examples_none_is_told_to_be_used(count: int, selected: float | None) -> None:
    alike = {"one": 0.0, "two": 0.0}
    said = [scored(Key(("alike", run)), count, alike, selected).sentence for run in range(RUNS)]
    assert seldom(sum(each.startswith("Use") and "rather" not in each for each in said))


@pytest.mark.parametrize("selected", [None, EFFECT])
def test_a_set_that_wins_with_intervals_apart_is_told_to_be_used(selected: float | None) -> None:
    found = [scored(Key(("won", run)), 8, {"one": 0.3, "two": 0.0}, selected) for run in range(20)]
    assert sum(each.sentence.startswith("Use one to train on 2 examples per class") for each in found) > 18
    assert all(each.uses[0].use in ("one", UNDECIDED) for each in found)
    assert sum(each.uses[1] == ("the best of 2 sets", "one", each.uses[1].sure) for each in found) > 18


def test_real_examples_that_are_better_are_what_to_train_on_and_a_recipe_cut_short_is_not_blamed() -> None:
    rows = [row("a.safetensors", [0.50, 0.51, 0.49]), row("herding", [0.70, 0.71, 0.69])]
    worse = opening(rows, (), ["a.safetensors"])
    assert worse.sentence.startswith("Train on real examples by herding, not on a: as many of them are 20.0 points (")
    assert worse.uses[0].use == "2 real examples per class (herding)" and "method" not in worse.sentence
    short = opening([{**rows[0], "whole": False}, rows[1]], (), ["a.safetensors"])
    assert "which says nothing against the method" in short.sentence


def test_of_data_of_one_class_no_class_is_spoken_of() -> None:
    rows = [
        {**row(name, values), "classes": 1}
        for name, values in (
            ("a.safetensors", [0.70, 0.71, 0.69]),
            ("herding", [0.50, 0.51, 0.49]),
            ("random:bytes", [0.80, 0.81, 0.79]),
        )
    ]
    found = opening(rows, (), ["a.safetensors"])
    assert (
        found.sentence.startswith("Use a to train on 2 examples: ") and "keep 4 real examples instead" in found.sentence
    )
    assert [each.purpose for each in found.uses] == ["training, 2 items", "training, 400 B (4 real examples)"]
    assert found.uses[1].use == "4 real examples (random)" and "class" not in str(found)


def test_two_learners_decide_nothing_and_intervals_are_those_of_all_comparisons_at_once() -> None:
    ours, theirs = [0.70, 0.72, 0.74, 0.71], [0.60, 0.62, 0.61, 0.63]
    few = opening([row("a.safetensors", ours[:2]), row("kmeans", theirs[:2])], (), ["a.safetensors"])
    assert few.uses[0].use == UNDECIDED and few.sentence.startswith("No set is shown to be better")
    names = ("herding", "kmeans", "kcenter")
    rows = [row("a.safetensors", ours), row("b.safetensors", theirs), *(row(name, theirs) for name in names)]
    rows[2:] = [{**each, "values": [value + 1e-3 * place for value in theirs]} for place, each in enumerate(rows[2:])]
    found = opening(rows, (), ["a.safetensors", "b.safetensors"])
    nearest = difference("", ours, rows[-1]["values"], 0.05 / (2 * 3 + 1))
    low, high = (f"{100 * end:.1f}" for end in nearest[2:4])
    assert side(nearest) == "above" and f"({low} to {high}) or more above as many real examples" in found.sentence


def test_what_is_open_among_all_and_decided_by_the_verdict_on_a_set_is_said_to_be_both() -> None:
    """Three sets beside herding: a gain that holds over one comparison, and not over six."""
    ours, theirs = [0.64, 0.66, 0.68], [0.60, 0.61, 0.62]
    sets = [f"{name}.safetensors" for name in "abc"]
    lower = ([value - 0.1 * place for value in ours] for place in range(3))
    rows = [row(name, values) for name, values in zip(sets, lower, strict=True)] + [row("herding", theirs)]
    gains = [difference("", ours, theirs, 0.05 / tests) for tests in (1, 6)]
    assert [side(each) for each in gains] == ["above", "open"]
    verdict = next(each for each in against_baselines(rows, sets) if each.set == sets[0])
    assert "significantly better" in verdict.verdict
    found, why = opening(rows, (), sets), "better by its own verdict, which has fewer comparisons to hold over at once"
    assert found.sentence.startswith("No set is shown to be better") and f"beside herding, {why})." in found.sentence
    assert found.shorter[-1].endswith("by its own verdict alone.") and found.uses[0].sure.endswith(why)
    # Alone they are one comparison, and one answer.
    assert "verdict" not in opening([rows[0], rows[-1]], (), sets[:1]).sentence
    # A set beside draws is held against one more of them, its verdict against their mean.
    drawn = opening([rows[0], row("random", [0.58, 0.61, 0.63])], (), sets[:1]).sentence
    assert drawn.startswith("No set is shown") and "on the mean of draws and not on one more" in drawn


def test_rows_say_of_which_size_and_network_they_are_where_these_differ() -> None:
    """Two sets of each size, and then under another network too: no two rows are for the same."""
    names = ["a", "b", "c", "d"]
    rows = [row(f"{name}.safetensors", [0.7, 0.71, 0.69], per_class=2 + place // 2) for place, name in enumerate(names)]
    sets = [f"{name}.safetensors" for name in names]
    assert [use.purpose for use in opening(rows, (), sets).uses] == [
        "the best of 2 sets of 2 per class", "the best of 2 sets of 3 per class",
    ]  # fmt: skip
    both = opening([*rows, *({**each, "network": "mlp"} for each in rows)], (), sets).uses
    assert len({use.purpose for use in both}) == 4 and both[0].purpose == "the best of 2 sets of 2 per class (convnet)"


def test_of_an_error_less_is_better() -> None:
    rows = [
        row(name, values, higher_is_better=False, unit="kWh", metric="error")
        for name, values in (
            ("a.safetensors", [1.0, 1.1, 0.9]),
            ("herding", [3.0, 3.1, 2.9]),
            ("b.safetensors", [5.0] * 3),
        )
    ]
    found = opening(rows, (), ["a.safetensors", "b.safetensors"])
    assert found.sentence.startswith("Use a to train on 2 examples per class: its learners reach 1 kWh")


def test_equal_bytes_are_told_of_in_the_same_sentence() -> None:
    rows = [row("a.safetensors", [0.70, 0.71, 0.69]), row("herding", [0.50, 0.51, 0.49])]
    for values, said in (
        ([0.90, 0.91, 0.89], "; in its 400 B, keep 4 real examples per class instead, 20.0 points"),
        ([0.68, 0.73, 0.70], "; in its 400 B, 4 real examples per class may do as well."),
        ([0.30, 0.31, 0.29], "; in its 400 B, it is better than 4 real examples per class, too, by 40.0 points"),
    ):
        found = opening([*rows, row("herding:bytes", values)], (), ["a.safetensors"])
        assert found.sentence.startswith("Use a to train on 2 examples") and said in found.sentence


@pytest.mark.parametrize("ours", [0.9, 0.7, 0.6, 0.3])
@pytest.mark.parametrize("in_bytes", [0.95, 0.5, 0.1])
@pytest.mark.parametrize("seeds", [1, 3])
def test_it_can_be_said_in_two_lines_that_leave_no_claim_out(ours: float, in_bytes: float, seeds: int) -> None:
    spread, name = (0.0, 0.01, -0.01), "a-set-of-mine.safetensors"
    scored = {name: ours, "random": 0.5, "herding": 0.7, "kmeans": 0.71, "kcenter": 0.4, "random:bytes": in_bytes}
    rows = [row(each, [mean + apart for apart in spread]) for each, mean in scored.items()]
    rows[0] |= {"whole": False, "seeds": seeds}
    said = opening(rows, (), [name])
    short = said.within(2)
    assert (
        len(textwrap.wrap(short, 80)) <= 2 < len(textwrap.wrap(said.sentence, 80)) and said.within(9) == said.sentence
    )
    kept = "B 4 real", "may do as well", "instead", "better than 4 real"
    for claim in ("Use a", "by kmeans, not on a", "nothing is decided", "its recipe was cut short", *kept):
        assert (claim in short.replace("real per", "real examples per")) == (claim in said.sentence), short


def test_baselines_that_are_the_same_examples_are_one_comparison() -> None:
    values = [0.60, 0.62, 0.61]
    rows = [row("a.safetensors", [0.70, 0.72, 0.71]), row("herding", values), row("kmeans", values)]
    assert opening(rows, (), ["a.safetensors"]).sentence == opening(rows[:2], (), ["a.safetensors"]).sentence


def found(name: str, values: list[float], tone: str = "use", probe: str = "cross-architecture") -> Finding:
    fact = mean_of("gain", values)
    claims = (Claim("gain", 0.0, side(fact), 0),)
    return Finding(probe, name, "Does it?", "It does.", tone, facts=(fact,), claims=claims, deciding="9 more would")


def test_claims_of_a_verdict_have_to_hold_for_all_sets_at_once() -> None:
    """The mean of the draws that a verdict just decides at 5 % is open at 5 % over two, as it is computed there."""
    values = [0.4, 1.0, 1.6]
    alone, both = mean_of("gain", values), mean_of("gain", values, 0.025)
    assert not alone.low > 0 > both.low
    values = [0.6, 1.0, 1.4]
    alone, both = mean_of("gain", values), mean_of("gain", values, 0.025)
    assert alone.low > 0 > both.low
    assert holds(found("a", values), 1) and not holds(found("a", values), 2)
    assert opening((), [found("a", values)], ["a"]).sentence == "Use a to train other networks."
    two = opening((), [found("a", values), found("b", values)], ["a", "b"])
    assert two.sentence.startswith("No use of these sets is shown") and two.uses[0].sure.startswith(
        "open: a or b by its own verdict"
    )


def test_verdicts_of_random_sets_are_seldom_told_as_a_use_of_any_of_ten() -> None:
    def told(key: Key) -> bool:
        sets = [str(place) for place in range(10)]
        draws = [key.fold(name).normal(4).double().tolist() for name in sets]
        tones = ["use" if side(mean_of("gain", values)) == "above" else "unknown" for values in draws]
        findings = [found(*each) for each in zip(sets, draws, tones, strict=True)]
        return opening((), findings, sets).sentence.startswith("Use")

    assert seldom(sum(told(Key(("ten", run))) for run in range(RUNS)))


def test_verdicts_stand_by_what_they_come_to_and_each_once() -> None:
    listed = [found(str(place), [1.0, 1.1], tone) for place, tone in enumerate(("note", "unknown", "avoid", "use"))]
    by_heading = grouped(listed)
    assert list(by_heading) == ["use", "do not", "open", "to know"]
    assert sorted(each.set for some in by_heading.values() for each in some) == ["0", "1", "2", "3"]
    assert list(grouped(listed[:1])) == ["to know"]
