"""What a score comes to: one set or its recipe, equal counts or equal bytes, and what is known of all real data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from limbeck.cli.table import drawn
from limbeck.cli.tables import scores
from limbeck.comparison import against_baselines, basis, called, document_of, draws
from limbeck.core.family import to_spec
from limbeck.core.findings import Finding
from limbeck.evaluation import Score, standing
from limbeck.objectives import Distribution
from limbeck.protocols import Epochs
from limbeck.recipes import RECIPES, recipe_for
from limbeck.statistics.estimates import SHARE, interval

NAMES = ("a", "b")


def row(name: str, mean: float, spread: float = 0.01, count: int = 5, **other: Any) -> dict[str, Any]:
    """A row whose draws have that mean and that deviation; names in `NAMES` are of sets."""
    base = [index - (count - 1) / 2 for index in range(count)]
    scale = spread / (sum(each**2 for each in base) / max(count - 1, 1)) ** 0.5 if count > 1 else 0.0
    values = [mean + scale * each for each in base]
    of_set = name in NAMES
    matched = "" if of_set or name == "full" else "bytes" if name.endswith(":bytes") else "items"
    rest = dict(
        network="convnet", split="test", metric="accuracy", protocol="yang2024", unit="fraction", bytes=8,
        higher_is_better=True, per_class=1, matched=matched, beside="", seeds=int(of_set),
        about="this one set, seed 0" if of_set else "", whole=True, n=count,
    )  # fmt: skip
    rest.update(other)
    mean, low, high = interval(values, within=SHARE if rest["unit"] == "fraction" else (-1e9, 1e9))
    return Score(set=name, mean=mean, low=low, high=high, values=tuple(values), **rest).row()


def found(*rows: Mapping[str, Any]) -> Finding:
    return against_baselines(rows, NAMES)[0]


def half(tests: int, spreads: Sequence[float] = (0.01, 0.01), count: int = 5) -> float:
    """Half of the interval of a difference by Welch, one of so many that hold at once."""
    parts = [spread**2 / count for spread in spreads]
    freedom = sum(parts) ** 2 / sum(part**2 / (count - 1) for part in parts)
    return float(stats.t.ppf(1 - 0.025 / tests, freedom)) * sum(parts) ** 0.5


def points(gain: float, tests: int) -> str:
    """A difference in points and its interval, as a verdict says it."""
    width = 100 * half(tests)
    return f"{100 * gain:.1f} points ({100 * gain - width:.1f} to {100 * gain + width:.1f})"


@pytest.mark.parametrize(
    ("mean", "tone", "verdict"),
    [
        (0.60, "use",
         f"This one set, seed 0, is significantly better to train on than as many real examples by random or herding, "
         f"by {points(0.1, 2)} or more."),
        (0.495, "note",
         f"This one set, seed 0, is significantly better to train on than as many real examples by random, by "
         f"{points(0.095, 2)}; not significantly different from those by herding."),
        (0.405, "avoid",
         f"This one set, seed 0, is significantly worse to train on than as many real examples by herding, by "
         f"{points(0.095, 2)}: use those instead; not significantly different from those by random."),
        (0.20, "avoid",
         f"This one set, seed 0, is significantly worse to train on than as many real examples by random or herding, "
         f"by up to {points(0.3, 2)}: use those instead."),
    ],
)  # fmt: skip
def test_a_set_differs_from_baselines_of_its_size_where_simultaneous_intervals_of_differences_leave_zero(
    mean: float, tone: str, verdict: str
) -> None:
    others = [row("random", 0.40, bytes=5), row("herding", 0.50, bytes=5)]
    elsewhere = [row("kmeans", 0.9, per_class=10), row("kmeans", 0.9, split="validation"), row("b", 0.9)]
    said = found(row("a", mean, bytes=99), *others, *elsewhere)
    assert (said.set, said.tone, said.verdict) == ("a", tone, verdict)
    width = half(2)
    for fact, baseline in zip(said.facts, (0.4, 0.5), strict=True):
        assert fact[1:4] == pytest.approx((mean - baseline, mean - baseline - width, mean - baseline + width))
    assert [fact.name for fact in said.facts] == ["gain over random", "gain over herding"]
    assert [each.fact for each in said.claims] == [fact.name for fact in said.facts]


def test_intervals_that_do_not_touch_are_no_rule_of_what_differs() -> None:
    # One of eight baselines by whose own wide interval the set lies, just: by chance one of eight does.
    sure = [row("a", 0.5, 0.0001), *(row(f"r{index}", 0.5, 0.02) for index in range(7)), row("random", 0.47, 0.02)]
    assert sure[-1]["high"] < sure[0]["low"]
    assert found(*sure).tone == "unknown"


def test_what_is_open_says_what_would_decide_it_and_few_draws_are_never_enough() -> None:
    said = found(row("a", 0.52, 0.02), row("random", 0.50, 0.02))
    assert (said.tone, said.claims[0].side) == ("unknown", "open")
    assert said.verdict.startswith("Inconclusive: this one set, seed 0, is not significantly different from as many")
    # Where t(n - 1) s sqrt(2 / n) falls below 0.02, from where it is at n = 5.
    scale = half(1, (0.02, 0.02)) / float(stats.t.ppf(0.975, 4)) * 5**0.5
    wanted = next(n for n in range(5, 99) if float(stats.t.ppf(0.975, n - 1)) * scale / n**0.5 < 0.02)
    assert said.deciding == f"about {wanted - 5} more learners would decide it"
    for count, few in ((1, "1 learner decides"), (2, "2 learners decide")):
        said = found(row("a", 0.9, 1e-9, count), row("random", 0.1, 1e-9, count))
        assert (said.tone, said.verdict) == ("unknown", f"Inconclusive: {few} nothing; it takes 3.")
        assert said.deciding.startswith("about ") and said.claims[0].side == "open"


@pytest.mark.parametrize(
    ("seeds", "count", "tone", "verdict"),
    [
        (2, 2, "unknown", "Inconclusive: 2 distillations decide nothing; it takes 3."),
        (3, 3, "use", "Over 3 distillations, seeds 0 to 2, the set is significantly better to train on than as many"),
        (5, 5, "use", "Over 5 distillations, seeds 0 to 4, the set is significantly better to train on than as many"),
    ],
)
def test_a_recipe_is_told_by_its_distillations_and_one_set_by_its_learners(
    seeds: int, count: int, tone: str, verdict: str
) -> None:
    about = f"over {seeds} distillations, seeds 0 to {seeds - 1}"
    ours = row("a", 0.8, 0.001, count, seeds=seeds, n=5 * seeds, about=about)
    said = found(ours, row("random", 0.4, 0.01))
    assert said.tone == tone and said.verdict.startswith(verdict)
    assert said.method.startswith(f"{seeds} distillations of 5 fresh learners each, of which the mean is one draw")
    assert said.caveats == () and draws(ours) == f"n {seeds} x 5"
    alone = found(row("a", 0.8), row("random", 0.4))
    assert "This one set" in alone.verdict and "5 fresh learners of this one set" in alone.method
    assert "another distillation by the same recipe may score otherwise" in alone.caveats[0]


def test_what_would_decide_a_recipe_are_distillations() -> None:
    ours = row("a", 0.5, 0.02, 3, seeds=3, n=15, about="over 3 distillations, seeds 0 to 2")
    assert "more distillations would" in found(ours, row("random", 0.48, 0.02)).deciding
    assert "more learners would" in found(ours, row("random", 0.48, 0.02, 2), row("herding", 0.48, 0.02)).deciding


def test_a_recipe_that_was_cut_short_is_not_said_to_be_worse() -> None:
    cut = {"about": "this one set, 120 of the published 500,000 steps, seed 0", "whole": False}
    worse = found(row("a", 0.2, bytes=99, **cut), row("herding", 0.5))
    assert worse.tone == "unknown" and worse.claims[0].side == "below"
    assert worse.verdict == (
        "Inconclusive: it says nothing against the method, whose recipe was cut short. This one set, 120 of the "
        "published 500,000 steps, seed 0, is significantly worse to train on than as many real examples by herding, by "
        f"{points(0.3, 1)}."
    )
    assert worse.deciding == "all steps of its recipe would decide it"
    better = found(row("a", 0.8, bytes=99, **cut), row("herding", 0.5))
    assert better.tone == "use"
    assert better.verdict.startswith(
        "This one set, 120 of the published 500,000 steps, seed 0, is significantly better"
    )


def spec(name: str, data: str = "cifar10", ipc: int = 10, **changes: Any) -> dict[str, Any]:
    recipe = replace(recipe_for(name, data, ipc), **changes)
    return {"recipe": to_spec(recipe), "data": {"name": data, "zca": False}, "ipc": ipc, "seed": 3}


@pytest.mark.parametrize(
    ("name", "changes", "about", "whole"),
    [
        ("bptt", {"steps": 120}, "this one set, 120 of the published 500,000 steps, seed 3", False),
        ("bptt", {}, "this one set, seed 3", True),
        ("mtt", {"steps": 4999}, "this one set, 4,999 of the published 5,000 steps, seed 3", False),
        ("dm", {"steps": 9}, "this one set, 9 of the published 20,000 steps, seed 3", False),
        ("dm", {"steps": 9, "objective": Distribution(per_class=7)},
         "this one set, in the manner of dm for 9 of its 20,000 steps, seed 3", False),
        ("dm", {"objective": Distribution(per_class=7)}, "this one set, seed 3", True),
        ("random", {}, "this one set, seed 3", True),
    ],
)  # fmt: skip
def test_how_much_of_a_published_recipe_a_set_is_stands_with_its_score(
    name: str, changes: dict[str, Any], about: str, whole: bool
) -> None:
    assert standing(spec(name, **changes)) == (about, whole)


def test_the_published_steps_are_those_for_the_data_and_the_size() -> None:
    assert standing(spec("dc", ipc=1, steps=10))[0] == "this one set, 10 of the published 1,000 steps, seed 3"
    assert standing(spec("dc", ipc=50, steps=10))[0] == "this one set, 10 of the published 50,000 steps, seed 3"
    assert standing(spec("krr-st", steps=10))[0] == "this one set, 10 of its usual 100,000 steps, seed 3"
    several = standing(spec("dc", ipc=50, steps=10), [0, 1, 2])
    assert several == ("over 3 distillations, 10 of the published 50,000 steps, seeds 0 to 2", False)


@pytest.mark.parametrize("name", sorted(method.name for method in RECIPES.values()))
def test_every_published_recipe_is_known_for_itself(name: str) -> None:
    published = recipe_for(name, "cifar10", 10)
    if published.steps:
        said = standing(spec(name, steps=published.steps - 1))[0]
        whose = "the published" if RECIPES[name].nearest("cifar10", 10, False) else "its usual"
        assert f"{published.steps - 1:,} of {whose} {published.steps:,} steps" in said
    assert standing(spec(name)) == ("this one set, seed 3", True)


def test_a_set_without_a_recipe_is_one_set_and_a_recipe_of_another_package_is_like_none() -> None:
    assert standing({"network": "convnet", "imported": {}}) == ("this one set", True)
    foreign = spec("dm", steps=1)
    foreign["recipe"]["objective"] = {"part": "objective/of-another-package", "strength": 2}
    assert standing(foreign) == ("this one set, seed 3", True)


def test_a_baseline_that_is_trained_as_another_set_says_is_none_of_this_one() -> None:
    rows = [row("a", 0.6), row("b", 0.6)]
    rows += [row("random", mean, beside=name) for name, mean in (("a", 0.4), ("b", 0.7))]
    rows += [row("full", mean, beside=name, bytes=999) for name, mean in (("a", 0.8), ("b", 0.9))]
    a, b = against_baselines(rows, NAMES)
    assert a.tone == "use" and f"by {points(0.2, 2)}. It is {points(0.2, 2)} below all real data." in a.verdict
    assert b.tone == "avoid"
    assert b.verdict.endswith(f"{points(0.1, 2)}: use those instead. It is {points(0.3, 2)} below all real data.")
    names = {"a": "short", "b": "b"}
    assert [called(each, rows, names) for each in rows[:4]] == ["short", "b", "random beside short", "random beside b"]
    assert called(row("random", 0.4, beside="a"), rows[:3], names) == "random"


@pytest.mark.parametrize(
    ("items", "by_bytes", "tone", "verdict"),
    [
        (0.4, 0.7, "avoid",
         f"This one set, seed 0, is significantly better to train on than as many real examples by random, by "
         f"{points(0.2, 2)}. At equal bytes (4 real examples per class) it is significantly worse to train on than "
         f"real examples by random, by {points(0.1, 2)}: use those instead."),
        (None, 0.6, "unknown",
         "Inconclusive: at equal bytes (4 real examples per class) this one set, seed 0, is not significantly "
         "different from real examples by random."),
        (0.6, 0.4, "note",
         "This one set, seed 0, is not significantly different from as many real examples by random. At equal bytes (4 "
         f"real examples per class) it is significantly better to train on than real examples by random, by "
         f"{points(0.2, 2)}."),
    ],
)  # fmt: skip
def test_a_set_is_beside_as_many_real_images_and_then_beside_equal_bytes(
    items: float | None, by_bytes: float, tone: str, verdict: str
) -> None:
    rows = [row("a", 0.6, bytes=49), row("random:bytes", by_bytes, bytes=40, per_class=4)]
    # One that is larger than the set, and one that fits but is not the largest.
    rows += [row("random:bytes", 0.9, bytes=50, per_class=5), row("random:bytes", 0.1, bytes=10)]
    if items is not None:
        rows.append(row("random", items, bytes=10))
    said = found(*rows)
    assert (said.tone, said.verdict) == (tone, verdict)


def test_where_as_many_images_are_as_many_bytes_it_says_so_and_fewer_are_not_called_equal() -> None:
    rows = [row("a", 0.6, bytes=49, per_class=4), row("random", 0.4, bytes=40, per_class=4)]
    assert "than as many real examples (also as many bytes) by random" in found(*rows).verdict
    # Those that were matched with a smaller set.
    assert "At equal bytes" not in found(*rows, row("random:bytes", 0.1, bytes=10, per_class=1)).verdict
    assert "also as many bytes" not in found({**rows[0], "bytes": 50}, rows[1]).verdict
    assert "also as many bytes" not in found({**rows[0], "bytes": 39}, rows[1]).verdict


def test_of_a_set_whose_learners_are_all_one_more_learners_are_not_asked_for() -> None:
    said = found(row("a", 0.6, count=1), row("random", 0.4))
    assert said.tone == "unknown" and said.verdict.endswith("its learners are all one, which decides nothing.")
    assert said.deciding == "--seeds 3, which distils it again, would decide it"
    few = found(row("a", 0.6, count=1), row("random", 0.4, count=1))
    assert "1 learner decides nothing" in few.verdict and "2 more learners" in few.deciding


def test_where_all_real_images_fit_in_the_bytes_of_a_set_it_says_so() -> None:
    rows = [row("a", 0.6, bytes=60), row("random:bytes", 0.4, bytes=40, per_class=4)]
    assert "At equal bytes (4 real examples per class, all there are) this one set" in found(*rows).verdict


def test_of_an_error_less_is_better_and_differences_have_its_unit() -> None:
    error = {"metric": "squared error", "unit": "K^2", "higher_is_better": False, "bytes": 99}
    others = [row("random", 4.0, **error), row("herding", 9.0, **error)]
    better = found(row("a", 2.0, **error), *others)
    assert better.tone == "use" and "by random or herding, by 2 K^2 (1.98 to 2.02) or more." in better.verdict
    worse = found(row("a", 10.0, **error), *others)
    assert worse.tone == "avoid" and "worse to train on" in worse.verdict and "by up to 6 K^2 (5.98 to" in worse.verdict


def test_all_real_data_count_only_where_training_on_them_had_levelled_off() -> None:
    rows = [row("a", 0.6, bytes=99), row("random", 0.4, bytes=9), row("full", 0.85, bytes=999)]
    said = found(*rows)
    assert said.verdict.endswith(f"by {points(0.2, 2)}. It is {points(0.25, 2)} below all real data.")
    assert [each.fact for each in said.claims] == ["gain over random", "gain over full"]
    short = row("full", 0.61, bytes=999, about="after 5 epochs", whole=False)
    said = found(*rows[:2], short)
    # What is not shown to be all that real data give is not said to be near, and corrects nothing.
    assert f"by {points(0.2, 1)}. How far it is from all real data is not known: after 5 epochs" in said.verdict
    assert [each.fact for each in said.claims] == ["gain over random"]
    assert called(short, [short], {}) == "full, after 5 epochs" and called(rows[2], rows, {}) == "full"
    near = found(*rows[:2], row("full", 0.605, bytes=999))
    assert near.verdict.endswith("It is not significantly different from all real data.") and near.tone == "use"
    assert against_baselines([rows[0], rows[2]], NAMES) == []


def test_each_network_has_its_verdict_and_each_document_what_it_rests_on() -> None:
    rows = [row("a", 0.6), row("random", 0.4)]
    two = [*rows, *(row(each["set"], each["mean"], network="mlp") for each in rows)]
    assert [each.verdict.split(":")[0] for each in against_baselines(two, NAMES)] == ["convnet", "mlp"]
    (said,) = document_of(rows, ["a"], Epochs())["verdicts"]
    assert said["tone"] == "use" and said["deciding"] == "" and said["facts"][0]["name"] == "gain over random"
    assert said["claims"] == [{"fact": "gain over random", "cut": 0.0, "side": "above", "draws": 0}]


def test_the_table_of_scores_says_what_each_is_of_and_what_intervals_are_over() -> None:
    from rich.console import Console

    def shown(rows: Sequence[dict[str, Any]]) -> list[str]:
        console = Console(width=200, force_terminal=False)
        with console.capture() as capture:
            console.print(drawn(scores(list(rows), "yang2024: so"), console.width))
        return [" ".join(line.split()) for line in capture.get().splitlines()]

    one = [row("a", 0.6, 0.0), row("random", 0.4, 0.0), row("full", 0.5, 0.0, about="after 5 epochs", whole=False)]
    assert shown(one) == [
        "Test accuracy, %, 95 % interval over learners of this one set. Protocol yang2024: so",
        "set of per class stored convnet",
        "a this one set, seed 0 1 8 B 60.0 (60.0 to 60.0), n 5",
        "random 1 8 B 40.0 (40.0 to 40.0), n 5",
        "full, after 5 epochs 1 8 B 50.0 (50.0 to 50.0), n 5",
    ]
    about = "over 3 distillations, seeds 0 to 2"
    several = [row("a", 0.6, 0.0, 3, seeds=3, n=15, about=about), row("random", 0.4, 0.0)]
    title, _, first, _ = shown(several)
    assert title.startswith("Test accuracy, %, 95 % interval over distillations, of real examples over learners.")
    assert first == "a over 3 distillations, seeds 0 to 2 1 8 B 60.0 (60.0 to 60.0), n 3 x 5"
    # Of as many numbers in 32 bits there is a column where one takes other bytes as it is stored, and only there.
    assert shown([{**each, "float32": each["bytes"]} for each in one]) == shown(one)
    small = [{**one[0], "float32": 8}, {**one[1], "float32": 32}, one[2]]
    assert shown(small)[1:] == [
        "set of per class stored as float32 convnet",
        "a this one set, seed 0 1 8 B 8 B 60.0 (60.0 to 60.0), n 5",
        "random 1 8 B 32 B 40.0 (40.0 to 40.0), n 5",
        "full, after 5 epochs 1 8 B 50.0 (50.0 to 50.0), n 5",
    ]
    for rows, told in ((one, "0"), (small, "32")):
        numbers = scores(rows, "so").numbers
        assert numbers is not None and str(numbers.rows[1][numbers.columns.index("float32")]) == told
    # What had levelled off under one network and not under another stands in two lines.
    other = [row("full", 0.7, 0.0, network="mlp")]
    assert shown([*one, *other])[-2:] == [
        "full, after 5 epochs 1 8 B 50.0 (50.0 to 50.0), n 5",
        "full 1 8 B 70.0 (70.0 to 70.0), n 5",
    ]
    assert basis([one[1]]) == "95 % interval over learners"
