"""Attributes are found where they were planted, and there alone; measured ones are what they are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
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
from limbeck.probes.attributes import AbstractAttributes, Attributes, Measured
from limbeck.probes.attributes.contract import of_texts
from limbeck.probes.attributes.measured import HUES, hue_of, top_quarter
from limbeck.probes.semantics import Semantics
from limbeck.probes.tables.semantics import AttributeRow, CurveRow
from limbeck.protocols import Epochs
from limbeck.statistics.ranking import average_precision
from limbeck.tasks import load

CPU = torch.device("cpu")
KEY = Key(("semantics",))
PAIR, ATTRIBUTE = 6, 1
"""The item that is made to help carriers of an attribute, and the attribute."""


@dataclass(frozen=True)
class Drawn(AbstractAttributes):
    """Three attributes at random, of a third of all examples each."""

    def describe(self) -> str:
        return "at random"

    def check(self, context: ProbeContext) -> None:
        pass

    def of(self, context: ProbeContext) -> Attributes:
        carried = KEY.fold("attributes").uniform(len(context.rows), 3) < 1 / 3
        return Attributes(("striped", "dotted", "plain"), carried, torch.ones_like(carried))


@dataclass(frozen=True)
class Planted:
    """A memo of trainings whose losses are those of chance, for each learner, less the effects of the items.

    Those of the set are `effects`; real examples, where a control is asked about, have `real`.
    """

    effects: torch.Tensor
    real: torch.Tensor
    right: torch.Tensor

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        training, ours = from_spec(address["computation"]), address["set"] == "set"
        items, effects = training.on.items, self.effects if ours else self.real
        chance = KEY.fold("learner", training.seed, address["set"], str(items)).normal(effects.shape[1])
        losses = 2.0 + chance - effects[list(range(len(effects)) if items is None else items)].sum(0)
        return tree.branch({"losses": losses[None], "predictions": self.right[None].to(torch.int16)}, branch)


def context_of(planted: bool, real: bool = False) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), CPU, NoCache())
    schedule = Epochs().schedule(None, 20, KEY)
    context = ProbeContext(problem, "set", BatchSet("set", problem.real(KEY, 2), schedule), "test")
    carried = Drawn().of(context).carried[:, ATTRIBUTE]
    effects, theirs = torch.zeros(20, len(context.rows)), torch.zeros(20, len(context.rows))
    if planted:
        effects[PAIR] = 8.0 * carried
    if real:
        theirs[:] = 8.0 * carried
        effects[::2] = 8.0 * carried
    # Right on carriers of the planted attribute alone.
    right = torch.where(carried, context.examples.classes, -1)
    return replace(context, problem=replace(problem, cache=Planted(effects, theirs, right)))


def test_exactly_the_planted_pair_is_found() -> None:
    context = context_of(planted=True)
    found = Semantics(Drawn()).find(context)
    assert Finding.of(found.document()) == found
    rows = AttributeRow.of(found) or []
    assert [(row.item, row.class_, row.attribute) for row in rows if row.found] == [(PAIR, "3", "dotted")]
    assert rows[0].found and len(rows) == 20 * 3
    # The average precision is that of the item's influence on its own class, the mean over two seeds.
    own = context.examples.classes == 3
    carried = Drawn().of(context).carried[own, ATTRIBUTE]
    expected = sum(average_precision(matrix(context, seed, (PAIR,))[0, own], carried) for seed in (0, 1)) / 2
    assert rows[0].average_precision == pytest.approx(expected, abs=1e-6)
    assert found.verdict.startswith(
        "1 of 20 items carry a nameable attribute beyond their class; none of 20 random real examples does, which is "
        "not clearly fewer."
    )
    assert "right on 100 % of the test examples of class 3 that carry it and on 0 % of the others" in found.verdict
    assert [claim.side for claim in found.claims] == ["above"] and found.tone == "note"
    curves = CurveRow.of(found) or []
    assert {(row.class_, row.attribute) for row in curves} == {("3", "dotted")}
    assert {row.item for row in curves} == {PAIR, PAIR + 1}
    end = next(row for row in curves if (row.item, row.recall) == (PAIR, 1.0))
    assert end.precision >= end.prevalence == pytest.approx(float(carried.double().mean()))


def test_nothing_is_found_where_nothing_was_planted() -> None:
    found = Semantics(Drawn()).find(context_of(planted=False))
    assert found.verdict == (
        "Inconclusive: none of 20 items is found to carry any of 3 attributes beyond its class, under both of two "
        "seeds and beyond what seeds alone do (60 tests). Of 20 random real examples none is."
    )
    assert found.tone == "unknown" and [claim.side for claim in found.claims] == ["open"]
    # Of one of two seeds at random a p-value is uniform; both are as large as in a quarter of cases.
    p_values = torch.tensor(found.table("attributes").column("p"))
    assert 0.25 < float(p_values.mean()) < 0.75


def test_what_real_images_carry_as_well_is_said_to_be_so() -> None:
    found = Semantics(Drawn()).find(context_of(planted=False, real=True))
    control = {fact.name: fact for fact in found.control}
    assert {fact.name for fact in found.facts} == set(control)
    carrying = round(20 * control["share of items that carry an attribute"].value)
    assert carrying > 10 and f"so do random real examples, {carrying} of 20" in found.verdict


def test_what_one_seed_shows_alone_is_not_found() -> None:
    context = context_of(planted=True)
    both = context.problem.cache

    class UnderOne:
        def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
            planted = from_spec(address["computation"]).seed == 0
            return (both if planted else replace(both, effects=both.real)).remember(address, make, branch)

    found = Semantics(Drawn()).find(replace(context, problem=replace(context.problem, cache=UnderOne())))
    assert found.verdict.startswith("Inconclusive")


def test_where_they_are_looked_at_again_more_is_asked_of_attributes() -> None:
    context = context_of(planted=True)
    rows = AttributeRow.of(Semantics(Drawn()).find(replace(context, level=1e-12))) or []
    assert not any(row.found for row in rows) and rows[0].adjusted_p < 0.05


def test_what_too_few_carry_is_not_tested() -> None:
    @dataclass(frozen=True)
    class Rare(Drawn):
        def of(self, context: ProbeContext) -> Attributes:
            found = super().of(context)
            known = found.known.clone()
            known[:, 0] = False
            return found._replace(known=known, carried=found.carried & (torch.arange(3) != 1))

    found = Semantics(Rare(), repeats=3).find(context_of(planted=False))
    assert set(found.table("attributes").column("attribute")) == {"plain"}


def test_it_is_answered_where_it_cannot_be_told() -> None:
    context = context_of(planted=False)
    single = replace(
        context, set=replace(context.distilled, batch=Batch(*(leaf[:1] for leaf in context.distilled.batch)))
    )
    assert Semantics().computations(single) == () and Semantics().find(single).tone == "unknown"
    cache = context.problem.cache
    endless = replace(cache, effects=cache.effects * float("nan"))
    assert Semantics().find(replace(context, problem=replace(context.problem, cache=endless))).tone == "unknown"

    @dataclass(frozen=True)
    class Nothing(Drawn):
        def of(self, context: ProbeContext) -> Attributes:
            return Attributes((), torch.zeros(len(context.rows), 0).bool(), torch.zeros(len(context.rows), 0).bool())

    assert Semantics(Nothing()).find(context).tone == "unknown"


@pytest.mark.parametrize("name", HUES)
def test_a_hue_is_that_of_its_angle_on_the_colour_circle(name: str) -> None:
    import colorsys

    low, high = HUES[name]
    middle = ((low + (high if high > low else high + 360)) / 2) % 360
    colour = torch.tensor(colorsys.hsv_to_rgb(middle / 360, 0.8, 0.9))
    assert hue_of(colour.view(1, 3, 1, 1)).item() == list(HUES).index(name)
    assert hue_of(torch.full((1, 3, 1, 1), 0.6)).item() == -1


def coloured(colour: tuple[float, float, float], border: tuple[float, float, float]) -> torch.Tensor:
    image = torch.tensor(border).view(3, 1, 1).expand(3, 16, 16).clone()
    image[:, 4:12, 4:12] = torch.tensor(colour).view(3, 1, 1)
    return image


def test_measured_attributes_are_those_of_the_pixels() -> None:
    images = torch.stack([
        coloured((1.0, 0.9, 0.0), (0.1, 0.1, 0.1)),
        coloured((0.9, 0.0, 0.0), (0.3, 0.5, 1.0)),
        coloured((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    ])  # fmt: skip
    found = Measured()._at_once(images)
    told = [{name for name, row in found.items() if row.dtype == torch.bool and row[place]} for place in range(3)]
    assert told == [{"yellow hue", "dark background"}, {"red hue", "blue background"}, {"bright background"}]
    assert float(found["luminance"][2]) == pytest.approx((64 * 0.5 + 192) / 256)
    # Steps of a half on the 8 pixels of each side, out of 15 rows of 16 neighbours each way.
    assert float(found["edges"][2]) == pytest.approx(2 * 16 * 0.5 / 240)


def test_quarters_are_of_each_class() -> None:
    values = torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0, 5.0])
    found = top_quarter(values, torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2]))
    assert found.nonzero()[:, 0].tolist() == [3, 7]


def test_digits_have_the_attributes_that_need_no_colour() -> None:
    context = context_of(planted=False)
    found = Measured().of(context)
    assert "bright" in found.names and not any("hue" in name for name in found.names)
    assert float(found.carried[:, found.names.index("bright")].double().mean()) == pytest.approx(0.25, abs=0.02)


def test_terms_are_attributes_of_the_classes_where_some_but_not_most_have_them() -> None:
    classes = torch.tensor([0] * 10 + [1] * 10)
    texts = ["a car"] * 7 + ["a yellow car, parked"] * 3 + ["yellow bird"] * 9 + [None]
    names, carried, known = of_texts(texts, classes, "object")
    assert names == ["object: parked", "object: yellow", "object: yellow car"]
    yellow = names.index("object: yellow")
    assert carried[:, yellow].tolist() == [False] * 7 + [True] * 12 + [False]
    # All birds are yellow: there it tells nothing apart.
    assert known[:, yellow].tolist() == [True] * 10 + [False] * 10


def test_a_probe_reads_no_more_than_it_asks_for(tmp_path: Path) -> None:
    context = context_of(planted=False)
    probe = Semantics(Drawn(), items=8, repeats=3, controlled=4)
    about = (context, *context.controls(probe.controls))
    asked = {str(each.address(one)) for each in about for one in probe.computations(each)}
    # Under two seeds each image left out, and three learners of all.
    assert len(asked) == (2 * 8 + 3) + (2 * 4 + 3)
    cache = context.problem.cache

    class Watching:
        def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
            assert str(address) in asked
            return cache.remember(address, make, branch)

    probe.find(replace(context, problem=replace(context.problem, cache=Watching())))
