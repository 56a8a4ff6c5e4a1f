"""Influence, as it is asked of a set: planted influences are found, and what is no image's own is not called so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.leave_one_out import matrix
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.family import from_spec
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.probes.influence import Influence
from limbeck.probes.left_out import distances
from limbeck.probes.semantics import Semantics
from limbeck.probes.tables.influence import RealImageRow
from limbeck.protocols import Epochs
from limbeck.tasks import load

CPU = torch.device("cpu")
KEY = Key(("influence",))


@dataclass(frozen=True)
class Planted:
    """A memo of trainings whose losses are given: base - the sum of the effects of the items trained on.

    Those of the set are planted, and those of its control; each seed adds noise to every item.
    """

    effects: torch.Tensor
    real: torch.Tensor
    noise: float = 0.0

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        training = from_spec(address["computation"])
        on, ours = training.on, self.effects if address["set"] in ("planted", "") else self.real
        items = range(len(ours)) if on.items is None else on.items
        noise = KEY.fold("noise", training.seed, address["set"]).normal(*ours.shape)
        losses = 2.0 - (ours + self.noise * noise)[list(items)].sum(0)
        predictions = torch.zeros(1, len(losses), dtype=torch.int16)
        found = {"losses": losses[None], "predictions": predictions, "accuracy": torch.tensor([0.5])}
        return tree.branch(found, branch)


def planted(effects: Callable[[Batch, Batch], torch.Tensor], noise: float = 0.0) -> tuple[ProbeContext, torch.Tensor]:
    """A set of twenty digits, the influences planted in it, and those of real examples that help their class alone."""
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), CPU, NoCache())
    batch = problem.real(KEY, 2)
    context = ProbeContext(problem, "set", BatchSet("planted", batch, Epochs().schedule(None, 20, KEY)), "test")
    given = effects(batch, context.examples)
    own = (batch.classes[:, None] == context.examples.classes[None]).double()
    return replace(context, problem=replace(problem, cache=Planted(given, own, noise))), given


def of_class(batch: Batch, examples: Batch) -> torch.Tensor:
    """Each helps its own class, one example more than the next, and harms others a little."""
    own = batch.classes[:, None] == examples.classes[None]
    strength = KEY.fold("strength").uniform(len(batch.classes), len(examples.classes))
    return torch.where(own, 0.2 + strength, -0.05 * strength)


def test_planted_influence_is_found() -> None:
    context, effects = planted(of_class, noise=0.05)
    found = Influence(added=4, controlled=6).find(context)
    assert Finding.of(found.document()) == found
    own = context.distilled.batch.classes[:, None] == context.examples.classes[None]
    mean = torch.stack([matrix(context, seed) for seed in range(3)]).mean(0)
    expected = torch.stack([mean[i][own[i]].mean() for i in range(20)])
    assert found.table("items").column("mean influence in class") == pytest.approx(expected.tolist(), abs=1e-6)
    assert found.fact("mean influence out of class").value == pytest.approx(-0.025, abs=0.002)
    assert found.fact("in class of top 10").value == 1
    # Of variance 1/12 within a class and of 0.0025 by the seed: the share of the one in both.
    assert found.fact("seed correlation within class").value == pytest.approx((1 / 12) / (1 / 12 + 0.0025), abs=0.02)
    assert abs(found.fact("seed correlation of others within class").value) < 0.1
    assert found.fact("additive correlation within class").value > 0.9
    assert abs(found.fact("distance correlation within class").value) < 0.2
    assert {fact.n for fact in found.facts} == {3}, "seeds are the draws, not items"
    assert found.verdict.startswith("Items stand for something of their own") and found.tone == "note"
    assert [claim.side for claim in found.claims] == ["above", "above"] and not found.deciding
    top = next(row for row in found.table("examples").rows if row[:3] == (4, "helped", 1))
    place = int(mean[4].argmax())
    assert top[3] == int(context.rows[place]) and top[5] == pytest.approx(float(mean[4].max()), abs=1e-6)
    last = next(row for row in found.table("examples").rows if row[:3] == (4, "harmed", 1))
    assert last[3] == int(context.rows[int(mean[4].argmin())])


def test_the_control_stands_beside_under_the_same_names() -> None:
    context, _ = planted(of_class, noise=0.05)
    found = Influence(controlled=6).find(context)
    control = {fact.name: fact for fact in found.control}
    assert set(control) == {fact.name for fact in found.facts} - {
        "additive correlation", "additive correlation within class"
    }  # fmt: skip
    # The planted real examples help their class alone: nothing within it is their own, but all of the top is of it.
    assert control["mean influence in class"].value == pytest.approx(1, abs=0.02)
    assert abs(control["own repeatability"].value) < 0.2 and control["in class of top 10"].value == 1
    assert "Of random real examples it is not shown" in found.verdict
    assert len(RealImageRow.of(found) or []) == 6
    assert "100 % are of its own class (100 % for random real examples; shown, not tested)" in found.verdict


def test_a_correlation_that_other_images_have_too_is_no_image_s_own() -> None:
    def shared(batch: Batch, examples: Batch) -> torch.Tensor:
        return KEY.fold("shared").normal(1, len(examples.classes)).repeat(len(batch.classes), 1)

    context, _ = planted(shared, noise=0.1)
    found = Influence().find(context)
    assert found.fact("seed correlation within class").low > 0.5
    assert found.verdict.startswith("Inconclusive") and found.tone == "unknown"
    assert [claim.side for claim in found.claims] == ["open", "open"]


def test_listed_examples_have_their_influence_and_distance_and_half_of_a_sample_is_of_the_class() -> None:
    context, _ = planted(of_class, noise=0.1)
    found = Influence(items=8, shown=3, scattered=9).find(context).table("examples")
    items = (0, 1, 4, 5, 10, 11, 14, 15)
    influence = torch.stack([matrix(context, seed, items) for seed in range(3)]).mean(0)
    apart = distances(context, items)
    where = {row: place for place, row in enumerate(context.rows.tolist())}
    assert tuple(dict.fromkeys(row[0] for row in found.rows)) == items
    for item, _, _, row, name, told, distance in found.rows:
        place = where[row]
        assert told == pytest.approx(float(influence[items.index(item), place]))
        assert distance == pytest.approx(float(apart[items.index(item), place]))
        assert name == context.problem.task.classes[int(context.examples.classes[place])]
    for item in items:
        own = context.problem.task.classes[int(context.distilled.batch.classes[item])]
        sample = [row for row in found.rows if row[:2] == (item, "sample")]
        assert [row[4] == own for row in sample] == [True] * 5 + [False] * 4
        assert len({row[3] for row in sample}) == 9


def test_influence_that_is_the_seeds_alone_is_not_called_an_image_s_own() -> None:
    context, _ = planted(lambda batch, examples: 0.01 * of_class(batch, examples).sign(), noise=1.0)
    found = Influence().find(context)
    assert abs(found.fact("own repeatability").value) < 0.1
    assert found.verdict.startswith("Inconclusive") and found.tone == "unknown"


def test_where_leaving_out_does_the_same_to_all_of_a_class_it_is_not_known() -> None:
    def even(batch: Batch, examples: Batch) -> torch.Tensor:
        return (batch.classes[:, None] == examples.classes[None]).float()

    found = Influence().find(planted(even)[0])
    assert found.tone == "unknown" and found.verdict.startswith("Not known") and not found.claims


def test_influence_that_is_distance_is_called_similarity() -> None:
    def near(batch: Batch, examples: Batch) -> torch.Tensor:
        return -torch.cdist(batch.inputs.flatten(1), examples.inputs.flatten(1)) / 10

    context, _ = planted(near, noise=0.01)
    found = Influence(controlled=2).find(context)
    assert found.fact("distance correlation within class").value < -0.9
    assert "It is little more than similarity" in found.verdict
    direct = (
        context.problem.task.codec.decode(context.distilled.batch.inputs)[2]
        - context.problem.task.codec.decode(context.examples.inputs)[5]
    ).norm()
    assert float(distances(context, (2,))[0, 5]) == pytest.approx(float(direct), abs=1e-5)


def test_all_it_reads_is_among_its_computations() -> None:
    probe = Influence(items=8, added=2, controlled=4)
    context, _ = planted(of_class)
    about = (context, *context.controls(probe.controls))
    asked = {str(each.address(one)) for each in about for one in probe.computations(each)}
    # Under each of three seeds: with all, without each; real alone, with each added; the control, without each.
    assert len(asked) == 3 * ((1 + 8) + (1 + 2) + (1 + 4))
    planted_memo = context.problem.cache

    class Watching:
        def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
            assert str(address) in asked
            return planted_memo.remember(address, make, branch)

    probe.find(replace(context, problem=replace(context.problem, cache=Watching())))


def of_items(context: ProbeContext, items: list[int]) -> ProbeContext:
    """The context of some of the items, as a set."""
    batch = Batch(*(leaf[items] for leaf in context.distilled.batch))
    return replace(context, set=replace(context.distilled, batch=batch))


@pytest.mark.parametrize("items", [[0], list(range(0, 20, 2))], ids=["one image", "one image of each class"])
def test_of_an_image_that_is_alone_in_its_class_nothing_is_told(items: list[int]) -> None:
    context = of_items(planted(of_class)[0], items)
    for probe in (Influence(), Semantics()):
        assert probe.computations(context) == ()
        found = probe.find(context)
        assert found.tone == "unknown" and found.verdict.startswith("Not known") and not found.facts


def test_images_that_are_alone_in_their_class_are_left_out_of_a_mixed_set() -> None:
    context = of_items(planted(of_class)[0], [0, 1, 2, 4, 5])
    assert Influence().left_out(context) == (0, 1, 3, 4)
    found = Influence(added=2).find(context)
    assert found.table("items").column("item") == [0, 1, 3, 4]
    assert "of 5 items, 1 alone in a class: not asked about" in found.caveats


@pytest.mark.parametrize("repeats", [1, 2])
def test_fewer_than_three_seeds_decide_nothing(repeats: int) -> None:
    found = Influence(repeats=repeats).find(planted(of_class)[0])
    assert found.tone == "unknown" and found.verdict.startswith("Inconclusive")
    assert (
        found.deciding
        == {
            1: "about 2 more seeds would decide it",
            2: "about 1 more seed would decide all that is open",
        }[repeats]
    )


def test_a_set_of_one_class_and_losses_without_end_are_answered() -> None:
    context, _ = planted(of_class, noise=0.05)
    pair = of_items(context, [0, 1])
    assert Influence(controlled=2).find(pair).verdict.startswith("Items stand for something of their own")
    endless, _ = planted(lambda batch, examples: of_class(batch, examples) * float("inf"))
    assert Influence().find(endless).tone == "unknown"
