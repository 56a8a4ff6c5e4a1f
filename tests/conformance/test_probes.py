"""The laws that every registered probe obeys, and what each does with a subject that it cannot say much of."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from limbeck.computations import Level, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.computations.steps import Steps
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec, part_name, spec_id, to_spec
from limbeck.core.findings import TONES, Finding, out_of_date
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.explanation import EFFORTS
from limbeck.probes import PROBES
from limbeck.probes.agreement import Agreement
from limbeck.probes.continuation import Continuation
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.probes.curvature import Curvature
from limbeck.probes.episodes import Episodes
from limbeck.probes.influence import Influence
from limbeck.probes.landscape import Landscape
from limbeck.probes.learning_time import LearningTime
from limbeck.probes.mimicry import Mimicry
from limbeck.probes.mixing import Mixing
from limbeck.probes.recognition import Recognition
from limbeck.probes.reliance import Reliance
from limbeck.probes.semantics import Semantics
from limbeck.probes.substitution import Substitution
from limbeck.probes.surface import Surface
from limbeck.runs.graph import compute
from limbeck.schedules import Fixed
from limbeck.statistics.decisions import OPEN
from limbeck.tasks import load

CPU = torch.device("cpu")

SHORT, EVERY = 60, 20
"""Steps of a training, and between two of its readings."""
SMALL: dict[str, AbstractProbe] = {
    part_name(type(probe)): probe
    for probe in (
        Agreement(matched=3, subsets=3, trajectories=3, decayed=3, epochs=1, window=0.5, every=EVERY),
        Continuation(repeats=2, steps=SHORT, every=EVERY),
        CrossArchitecture(("mlp",), draws=2, repeats=3, beside=4, steps=(20,)),
        Curvature(SHORT, 2, images=1, relative=0.5, most=8, starts=1, iterations=4, ends=1, repeats=2),
        Episodes(3, 3, 3),
        Influence(items=2, controlled=2, added=1, repeats=2),
        Landscape(every=EVERY, size=3, sample=20, repeats=2),
        LearningTime(every=EVERY, controls=3),
        Mimicry(controls=3, items=15, sample=40, shown=10, every=EVERY),
        Mixing(added=(0, 2), repeats=2),
        Recognition((("", 0), ("mlp", 20)), every=EVERY, sample=50, shown=20, controls=3),
        Reliance(epochs=20, every=EVERY, repeats=3),
        Semantics(items=4, repeats=3, controlled=2),
        Substitution(sizes=(1, 4), repeats=3, every=EVERY, controls=2),
        Surface(EVERY, 1, 3, points=3, images=1, iterations=3, subsets=(1,), bent=1, sample=20, repeats=2),
    )
}
"""Every probe, as thoroughly as a test has time for."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training is of some steps: what is learned does not matter here."""
    # By its name in a text it would be the function of that name.
    module = sys.modules[real_trajectory.__module__]
    monkeypatch.setattr(module, "Level", lambda: Level(first=SHORT, examples=50))
    monkeypatch.setattr(module, "LONGEST", 2 * SHORT)
    monkeypatch.setattr("limbeck.probes.agreement.STEPS", SHORT)
    defaults = Training.__init__.__defaults__
    monkeypatch.setattr(
        Training.__init__, "__defaults__", tuple(Steps(SHORT) if each == Steps() else each for each in defaults)
    )


OF_IMAGES = {name: probe for name, probe in SMALL.items() if not isinstance(probe, Episodes)}
probes = pytest.mark.parametrize("probe", [pytest.param(probe, id=name) for name, probe in OF_IMAGES.items()])


@dataclass(frozen=True)
class Notebook:
    """A memo that keeps what was made, and notes what is asked for."""

    kept: dict[str, Tree] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def holds(self, address: dict[str, Any]) -> bool:
        return spec_id(address) in self.kept

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        name = spec_id(address)
        self.asked.add(name)
        if name not in self.kept:
            self.kept[name] = make()
        return tree.branch(self.kept[name], branch)


def context_of(
    batch: Batch, cache: Notebook, network: str = "convnet-w4-d1", name: str = "a set", data: str = "digits"
) -> ProbeContext:
    task = load(data)
    problem = Problem(task, task.network(network), CPU, cache)
    schedule = Fixed().render({}, batch.classes, Key())
    return ProbeContext(problem, name, BatchSet(f"digest of {len(batch.classes)}", batch, schedule), "test", 100)


def real(per_class: int) -> Batch:
    task = load("digits")
    return Problem(task, task.network("convnet-w4-d1"), CPU, Notebook()).real(Key(("subject",)), per_class)


def rows(batch: Batch, chosen: list[int]) -> Batch:
    return Batch(*tree.map(lambda leaf: leaf[chosen], tuple(batch)))


@pytest.fixture(scope="module")
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture(scope="module")
def context(notebook: Notebook) -> ProbeContext:
    """Two images of every class."""
    return context_of(real(2), notebook)


@pytest.fixture(scope="module")
def control(notebook: Notebook) -> ProbeContext:
    """Two states with an action each."""
    task = load("cartpole")
    problem = Problem(task, task.network("mlp-w4-tanh-policy"), CPU, Notebook())
    return context_of(problem.real(Key(("subject",)), 1), notebook, "mlp-w4-tanh-policy", data="cartpole")


def make_all(context: ProbeContext, computations: Sequence[AbstractComputation], notebook: Notebook) -> None:
    """Do computations and what they need, together where that is faster, as a command does."""
    needs = [need for each in computations for need in each.needs()]
    if needs:
        make_all(context, needs, notebook)
    compute([(each, context) for each in dict.fromkeys(computations)], notebook)


def prepare(probe: AbstractProbe, context: ProbeContext, notebook: Notebook) -> set[str]:
    """Do what a probe asks for, of the set and of its controls, until it asks for no more; where all that is kept."""
    asked: set[str] = set()
    while True:
        rounds = [(about, probe.computations(about)) for about in (context, *context.controls(probe.controls))]
        wanted = {spec_id(about.address(each)) for about, listed in rounds for each in all_of(about, listed)}
        if wanted <= asked:
            return asked
        for about, listed in rounds:
            make_all(about, listed, notebook)
        asked |= wanted


def find(probe: AbstractProbe, context: ProbeContext, notebook: Notebook) -> Finding:
    prepare(probe, context, notebook)
    return probe.find(context)


def all_of(context: ProbeContext, computations: tuple[AbstractComputation, ...]) -> Iterator[AbstractComputation]:
    for each in computations:
        yield from all_of(context, each.needs())
        yield each


def test_every_probe_is_small_here_and_in_every_budget() -> None:
    listed = set(PROBES.parts)
    assert set(SMALL) == listed
    for effort in EFFORTS.values():
        assert sorted(part_name(type(probe)) for probe in effort.probes) == sorted(listed)


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_probe_and_what_it_asks_for_survive_their_specs(
    effort: str, context: ProbeContext, control: ProbeContext
) -> None:
    for probe in EFFORTS[effort].probes:
        about = control if isinstance(probe, Episodes) else context
        assert from_spec(json.loads(json.dumps(to_spec(probe)))) == probe
        # One of each kind: there are thousands of some in the full budget.
        for computation in {type(each): each for each in all_of(about, probe.computations(about))}.values():
            assert from_spec(json.loads(json.dumps(to_spec(computation)))) == computation
            assert computation.flops(about) > 0


@probes
def test_a_finding_rests_on_the_computations_that_were_asked_for_and_is_data(
    probe: AbstractProbe, context: ProbeContext
) -> None:
    rests_on_what_was_asked_for(probe, context)


def rests_on_what_was_asked_for(probe: AbstractProbe, context: ProbeContext) -> None:
    cache = context.problem.cache
    assert isinstance(cache, Notebook)
    asked = prepare(probe, context, cache)
    cache.asked.clear()
    found = probe.find(context)
    assert cache.asked and cache.asked <= asked
    check(found, probe)
    assert found.control or found.verdict.startswith("Not known"), "as many random real examples stand beside"
    assert {fact.name for fact in found.control} <= {fact.name for fact in found.facts}
    assert Finding.of(json.loads(json.dumps(found.document(), allow_nan=False))) == Finding.of(found.document())
    assert probe.find(context).document() == found.document()


@probes
def test_a_finding_does_not_hang_on_the_name_of_the_set(probe: AbstractProbe, context: ProbeContext) -> None:
    other = replace(context, name="<script>")
    assert replace(probe.find(other), set="a set").document() == probe.find(context).document()


HOSTILE = {
    "one image": lambda: rows(real(1), [4]),
    "one class": lambda: rows(real(3), [6, 7, 8]),
    "a class without images": lambda: rows(real(2), [0, 1, *range(4, 20)]),
    "two images of each class that are equal": lambda: rows(
        real(1), [each for row in range(10) for each in (row, row)]
    ),
    "soft targets": lambda: real(2)._replace(targets=torch.full((20, 10), 0.1)),
    "far out of range": lambda: real(2)._replace(inputs=1e4 * real(2).inputs),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
@probes
def test_a_probe_answers_of_a_strange_set(probe: AbstractProbe, make: Callable[[], Batch], notebook: Notebook) -> None:
    batch = make()
    strange = context_of(batch, notebook)
    digest = spec_id([batch.inputs.sum().item(), batch.targets.sum().item(), len(batch.classes)])
    check(find(probe, replace(strange, set=replace(strange.distilled, digest=digest)), notebook), probe)


@probes
def test_a_probe_answers_under_a_network_of_batch_statistics(probe: AbstractProbe, notebook: Notebook) -> None:
    check(find(probe, context_of(real(2), notebook, "convnet-w4-d1-batch"), notebook), probe)


@pytest.mark.parametrize("scale", [1.0, 0.0, 1e4], ids=["real", "equal", "far out of range"])
def test_a_probe_of_episodes_answers_of_policies(scale: float, control: ProbeContext, notebook: Notebook) -> None:
    batch = control.distilled.batch
    scaled = BatchSet(f"scaled by {scale}", batch._replace(inputs=scale * batch.inputs), control.distilled.schedule)
    rests_on_what_was_asked_for(SMALL["episodes"], replace(control, set=scaled))


def test_a_task_without_episodes_has_no_probe_of_them(context: ProbeContext) -> None:
    with pytest.raises(InputError, match="probe episodes: expected a task that is judged by episodes.*digits"):
        SMALL["episodes"].check(context.problem.task)


def check(found: Finding, probe: AbstractProbe) -> None:
    """What holds of every finding."""
    assert found.probe == part_name(type(probe)) and found.question == probe.question
    assert found.tone in TONES and found.verdict and "\n" not in found.verdict and "nan" not in found.verdict.split()
    json.dumps(found.document(), allow_nan=False)
    for table in found.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.name
    for fact in found.facts:
        assert fact.n >= 1 and (fact.low <= fact.value <= fact.high or fact.value != fact.value), fact
    assert len({table.name for table in found.tables}) == len(found.tables)
    for each in (found, Finding.of(found.document())):
        assert out_of_date(each, type(probe).tables) == "", "its tables are the rows that the probe declares"
    assert len({fact.name for fact in found.facts}) == len(found.facts)
    still = [each.fact for each in found.claims if each.side == OPEN]
    if still and len(still) < len(found.claims):
        assert still[0] in found.deciding, "where a part is decided, what is open is named"
