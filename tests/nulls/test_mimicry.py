"""Random real sets are not said to look like anything else, nor their learners to err otherwise; others are."""

from __future__ import annotations

import pytest
import torch

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.tables.mimicry import FEATURES, INPUTS
from limbeck.probes.verdicts.mimicry import Measured, Resemblance, errors, resemblance, verdict
from limbeck.statistics.decisions import ABOVE, OPEN
from limbeck.statistics.neighbours import nearest
from limbeck.statistics.resemblance import MEANS, NEITHER, REAL, Look, explained, kinds, ranks, relative
from simulated import RUNS, claims, seldom

CLASSES, NUMBERS, TRAINING, UNSEEN, CONTROLS, SEEDS = 5, 20, 100, 100, 5, 3
LEVEL = 0.05


def world(key: Key) -> torch.Tensor:
    return 1.5 * key.fold("means").normal(CLASSES, NUMBERS).double()


def examples(key: Key, means: torch.Tensor, count: int) -> torch.Tensor:
    """Examples of every class alike, each class more spread in some directions."""
    spread = torch.linspace(0.5, 2, NUMBERS, dtype=torch.float64)
    return means.repeat_interleave(-(-count // CLASSES), 0)[:count] + spread * key.normal(count, NUMBERS).double()


def look(points: torch.Tensor, training: torch.Tensor) -> Look:
    g = training.mean(0)
    labels = torch.arange(len(training)) // -(-len(training) // CLASSES)
    means = torch.stack([training[labels == label].mean(0) for label in range(CLASSES)])
    distances, rows = nearest(points, training, 1)
    contrasts = [(each - g).norm(dim=1) for each in (points, training[rows[:, 0]])]
    return Look(relative(distances[:, 0], *contrasts), explained(points, means, g))


def split(whole: Look, sizes: list[int]) -> list[Look]:
    return [Look(*part) for part in zip(*(numbers.split(sizes) for numbers in whole), strict=True)]


def seen(key: Key, items: torch.Tensor, training: torch.Tensor, means: torch.Tensor, space: str) -> Resemblance:
    """What items look like: as data, or as three learners see them, each of whom sees other directions more clearly."""
    unseen = examples(key.fold("unseen"), means, UNSEEN)
    drawn = [training[key.fold("control", draw).permutation(TRAINING)[: len(items)]] for draw in range(CONTROLS)]
    learners = [torch.ones(NUMBERS, dtype=torch.float64)] if space == INPUTS else [
        (key.fold("learner", seed).normal(NUMBERS).double() / 2).exp() for seed in range(SEEDS)
    ]  # fmt: skip
    parts = (items, torch.cat(drawn), unseen)
    looks = [split(look(torch.cat(parts) * by, training * by), [len(part) for part in parts]) for by in learners]
    by_kind = [torch.stack([kinds(each[part], each[2]).double() for each in looks]) for part in range(3)]

    def ranked(name: str, part: int) -> torch.Tensor:
        return torch.stack([ranks(getattr(each[part], name), getattr(each[2], name)) for each in looks]).mean(0)

    measured = Measured(
        space,
        *by_kind,
        {name: ranked(name, 0) for name in ("relative", "explained")},
        ranked("explained", 1),
        (0.5, 0.5),
    )
    return resemblance(measured, CONTROLS, 2, LEVEL)


def likeness(key: Key, count: int, unseen: bool) -> list[Resemblance]:
    """Of a set of random real examples, of the training examples or of others."""
    means = world(key)
    training = examples(key.fold("training"), means, TRAINING)
    order = key.fold("items").permutation(TRAINING)[:count]
    items = examples(key.fold("items"), means, TRAINING)[order] if unseen else training[order]
    return [seen(key.fold(space), items, training, means, space) for space in (INPUTS, FEATURES)]


def misled(found: list[Resemblance], unseen: bool) -> bool:
    """Whether anything is said of real examples that is not so; those of training are copies, and so are near."""
    others = [each.claim(kind).side == ABOVE for each in found for kind in (MEANS, NEITHER)]
    asked = ("relative", "explained") if unseen else ("explained",)
    return any([*others, *(each.ranked(name).side != OPEN for each in found for name in asked)])


@pytest.mark.parametrize("unseen", [True, False], ids=["unseen", "training"])
def test_random_real_examples_are_seldom_said_to_look_like_anything_else(unseen: bool) -> None:
    # Few items in one half of the runs and many in the other.
    keys = [(Key(("null", run)), 10 if run % 2 else 50) for run in range(RUNS)]
    assert seldom(sum(misled(likeness(key, count, unseen), unseen) for key, count in keys))


def test_of_a_set_of_which_half_looks_like_anything_it_is_seldom_said_what_most_does() -> None:
    def decided(key: Key) -> bool:
        half = key.uniform(20) < 0.5
        by_kind = torch.stack([half, ~half, torch.zeros(20).bool(), torch.zeros(20).bool()]).double()[None]
        real = torch.zeros(1, 4, UNSEEN, dtype=torch.float64)
        found = resemblance(Measured(INPUTS, by_kind, by_kind, real, {}, real[0, 0], (0.5, 0.5)), CONTROLS, 1, LEVEL)
        return any(found.claim(kind).side == ABOVE for kind in (REAL, MEANS, NEITHER))

    assert seldom(sum(decided(Key(("half", run))) for run in range(RUNS)))


def erring(key: Key, shift: float = 0.0) -> Verdict:
    """Of a set that is one more control, which differ by nature, and whose learners differ by their seeds."""
    alike = 0.3 + 0.1 * key.fold("natures").normal(CONTROLS + 1, 1) + 0.05 * key.fold("seeds").normal(1, SEEDS)
    ours, *controls = (alike + 0.1 * key.fold("learners").normal(CONTROLS + 1, SEEDS)).double().tolist()
    return verdict([], errors([each + shift for each in ours], controls, LEVEL))


def test_learners_of_one_more_control_are_seldom_said_to_err_otherwise() -> None:
    assert seldom(sum(claims(erring(Key(("null", run)))) for run in range(RUNS)))


@pytest.mark.parametrize(("shift", "said"), [(0.9, "err more like"), (-0.9, "err less like")])
def test_learners_that_err_otherwise_are_said_to(shift: float, said: str) -> None:
    found = [erring(Key(("planted", run)), shift) for run in range(40)]
    assert sum(claims(each) and said in each.text for each in found) >= 36


def test_blends_and_noise_among_real_examples_are_said_to_be_what_they_are() -> None:
    key = Key(("planted",))
    means = world(key)
    training = examples(key.fold("training"), means, TRAINING)
    blends = 0.7 * means[:4] + 0.3 * means[1:]
    planted = {MEANS: blends.repeat(5, 1), NEITHER: 4 * key.fold("noise").normal(20, NUMBERS).double()}
    for kind, items in planted.items():
        found = [seen(key.fold(space), items, training, means, space) for space in (INPUTS, FEATURES)]
        assert [each.leading for each in found] == [kind, kind] and found[0].claim(kind).side == ABOVE
        number = "explained" if kind == MEANS else "relative"
        assert [each.ranked(number).side for each in found] == [ABOVE, ABOVE]
