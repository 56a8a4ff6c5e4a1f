"""Attributes are seldom found where learners differ by their seed alone, though attributes go along with seeds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limbeck.core.findings import Verdict
from limbeck.core.key import Key
from limbeck.probes.attributes import Attributes
from limbeck.probes.carrying import Answer, answer
from limbeck.probes.verdicts.semantics import Count, verdict
from limbeck.statistics.decisions import ABOVE
from limbeck.statistics.ranking import average_precisions, false_discovery
from simulated import RUNS, claiming, seldom

CLASSES, PER_CLASS, EXAMPLES, ATTRIBUTES, RANK = 2, 3, 100, 3, 3
ITEMS, OF = torch.arange(CLASSES).repeat_interleave(PER_CLASS), torch.arange(CLASSES).repeat_interleave(EXAMPLES)
SEEDS, LEARNERS = 2, 8


def attributes(key: Key, directions: Tensor) -> Attributes:
    """Each is carried by the quarter of all examples that lie furthest along a direction, but for chance."""
    along = directions @ key.fold("along").normal(RANK, ATTRIBUTES) + key.fold("chance").normal(len(OF), ATTRIBUTES)
    carried = along > along.quantile(0.75, dim=0)
    return Attributes(tuple(map(str, range(ATTRIBUTES))), carried, torch.ones_like(carried))


def simulated(key: Key, planted: float = 0.0, under: tuple[int, ...] = (0, 1)) -> tuple[Answer, Tensor, Attributes]:
    """Learners whose losses differ along few directions; those without an item are no nearer to one another.

    The first item of each class helps those who carry the first attribute by `planted`, under those seeds.
    """
    directions = key.fold("directions").normal(len(OF), RANK)
    found = attributes(key, directions)

    def losses(name: str, *shape: int) -> Tensor:
        far, noise = key.fold(name, "far").normal(*shape, RANK), key.fold(name, "noise").normal(*shape, len(OF))
        return (far @ directions.T + noise).double()

    whole = losses("whole", LEARNERS)
    influence = losses("without", SEEDS, len(ITEMS)) - whole[:SEEDS, None]
    for seed in under:
        influence[seed, ::PER_CLASS] += planted * found.carried[:, 0]
    return answer(tuple(range(len(ITEMS))), ITEMS, OF, found, influence, whole), influence, found


def said(key: Key, planted: float = 0.0) -> Verdict:
    counted = simulated(key, planted)[0].counted
    return verdict(counted, counted._replace(carrying=0))


def test_learners_without_an_item_that_differ_as_seeds_do_seldom_show_an_attribute() -> None:
    assert seldom(claiming(said))


def by_random_rankings(key: Key) -> bool:
    """Whether random rankings, as null, find any attribute under the first seed, all tests corrected together."""
    _, influence, found = simulated(key)
    p_values: list[float] = []
    for label in range(CLASSES):
        examples = label == OF
        for attribute in range(ATTRIBUTES):
            positive = found.carried[examples, attribute]
            random = key.fold("rankings", label, attribute).uniform(999, EXAMPLES)
            by_chance = average_precisions(random, positive)
            ours = average_precisions(influence[0][label == ITEMS][:, examples], positive)
            p_values += [(1 + int((by_chance >= value).sum())) / 1000 for value in ours]
    return min(false_discovery(p_values)) <= 0.05


def test_random_rankings_would_find_attributes_there() -> None:
    found = sum(by_random_rankings(Key(("null", run))) for run in range(RUNS // 10))
    assert found > RUNS // 20


def test_planted_attributes_are_found() -> None:
    found = simulated(Key(("planted",)), planted=8.0)[0].found
    assert {(test.trial.item, test.trial.attribute) for test in found} >= {(0, 0), (PER_CLASS, 0)}
    assert {test.trial.item for test in found} == {0, PER_CLASS}
    verdict = said(Key(("planted",)), planted=8.0)
    assert verdict.claims[0].side == ABOVE and verdict.text.startswith("2 of 6 items carry")


def test_what_one_seed_shows_alone_is_not_found() -> None:
    both, alone = (
        sum(len(simulated(Key(("one", run)), 8.0, under)[0].found) for run in range(20)) for under in ((0, 1), (0,))
    )
    assert both >= 30 and alone <= 5


def test_a_set_that_is_one_more_draw_of_real_images_seldom_carries_more_than_they_do() -> None:
    def beside(key: Key) -> Verdict:
        # Two images of each class carry something or do not together.
        ours, theirs = (2 * int((key.fold(side).uniform(10) < 0.4).sum()) for side in ("ours", "theirs"))
        found = verdict(Count(20, max(ours, 1), 100, 4), Count(20, theirs, 100, 4))
        return found._replace(claims=found.claims[1:])

    assert seldom(claiming(beside))


@pytest.mark.parametrize(("theirs", "words", "more"), [
    (0, "more than random real examples do (0 of 30)", 2),
    (20, "so do random real examples, 20 of 30", 1),
])  # fmt: skip
def test_images_are_held_against_random_real_ones(theirs: int, words: str, more: int) -> None:
    found = verdict(Count(30, 20, 100, 4), Count(30, theirs, 100, 4))
    assert words in found.text and len(found.claims) == more and found.tone == "note"


def test_few_images_beside_none_of_few_real_ones_are_not_clearly_more() -> None:
    found = verdict(Count(20, 2, 100, 4), Count(20, 0, 100, 4))
    assert "none of 20 random real examples does, which is not clearly fewer" in found.text and len(found.claims) == 1
