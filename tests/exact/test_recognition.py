"""Recognition counts what real-trained networks say of a set; a search is chosen by validation data alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from limbeck.computations import (
    AllReal,
    Chosen,
    Draw,
    FeatureMap,
    Mixture,
    RealSurroundings,
    Recognised,
    Search,
    Steps,
    Surroundings,
    Training,
    real_trajectory,
)
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Schedule
from limbeck.core.family import from_spec, spec_id, to_spec
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.rules import Momentum
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.cross_architecture import CrossArchitecture
from limbeck.probes.recognition import Recognition
from limbeck.probes.verdicts.recognition import NEAR, OFF
from limbeck.tasks import load

CPU = torch.device("cpu")
KEY = Key(("recognition",))
NETWORK = "convnet-w4-d1"
SCHEDULE = Schedule(torch.full((3,), 0.01), torch.arange(1)[None], Momentum(0.9, 0.0).rule())


class Kept:
    """A memo in memory."""

    def __init__(self) -> None:
        self.found: dict[str, Tree] = {}

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        name = spec_id(address)
        if name not in self.found:
            self.found[name] = make()
        return tree.branch(self.found[name], branch)


@dataclass(frozen=True)
class Planted(ProbeContext):
    """A case whose outcomes are given."""

    plant: Callable[..., Tree] = lambda computation: {}
    """Of a computation, and of the draw of the control where it takes that too."""

    def outcome(self, computation: AbstractComputation, branch: str = "") -> Tree:
        told = (computation, self.draw) if self.plant.__code__.co_argcount > 1 else (computation,)
        return tree.branch(self.plant(*told), branch)


def context_of(batch: Batch, cache: Any = None, evaluation_size: int = 100, network: str = NETWORK) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), CPU, cache or Kept())
    return ProbeContext(problem, "set", BatchSet("digest", batch, SCHEDULE), "test", evaluation_size)


def real_items(per_class: int = 2) -> Batch:
    task = load("digits")
    return Problem(task, task.network(NETWORK), CPU, NoCache()).real(KEY, per_class)


def planted(plant: Callable[..., Tree], items: Batch | None = None) -> Planted:
    found = context_of(real_items() if items is None else items)
    return Planted(found.problem, found.name, found.set, found.split, found.evaluation_size, plant=plant)


def accuracy(value: float) -> Tree:
    return {"accuracy": torch.tensor(value, dtype=torch.float64)}


def test_what_is_recognised_is_what_the_learner_says() -> None:
    context = context_of(real_items())
    training = Training(AllReal(), protocol=Steps(5, 32), reads=(5,), keeps=(5,))
    found = context.outcome(Recognised(training))
    learner = list(training.learners(context))[-1]
    outputs = context.problem.network.apply(learner.params, context.distilled.batch.inputs).outputs
    assert found["predictions"].tolist() == outputs.argmax(1).tolist()
    assert float(found["accuracy"]) == float((outputs.argmax(1) == context.distilled.batch.classes).double().mean())


def test_items_that_are_evaluation_examples_lie_on_them() -> None:
    examples = context_of(real_items()).examples
    items = tree.rows(examples, torch.arange(0, 100, 7))
    context = context_of(items)
    training = Training(AllReal(), protocol=Steps(5, 32), reads=(), keeps=(5,))
    around = context.outcome(Surroundings(training, neighbours=1))
    # Each is at distance 0 from itself, which is one of the real examples, and is its own nearest.
    torch.testing.assert_close(around["distance"], torch.zeros(len(items.classes)).double(), atol=1e-4, rtol=0)
    assert bool((around["agreement"] == 1).all())
    real = context.outcome(RealSurroundings(training, neighbours=1, sample=50))
    assert real["distance"].shape == (50,) and bool((real["distance"] > 0).all())
    drawn = context.outcome(FeatureMap(training, shown=20))
    assert drawn["examples"].shape == (20, 2) and drawn["items"].shape == (len(items.classes), 2)


def test_a_learner_is_looked_at_where_its_training_ended() -> None:
    cache, network = Kept(), load("digits").network(NETWORK)
    context = context_of(real_items(), cache)
    by = real_trajectory(0, 100)
    ended = {str(step): network.init(KEY.fold("at", step)) for step in (0, 100, 200)}
    cache.found[spec_id(context.address(by))] = {"params": ended, "steps": torch.tensor([0, 100, 200])}
    found = context.outcome(Recognised(by), "predictions")
    outputs = network.apply(ended["200"], context.distilled.batch.inputs).outputs
    assert found.tolist() == outputs.argmax(1).tolist()


def test_swapped_labels_are_not_recognised_and_do_not_agree() -> None:
    right = real_items(3)
    wrong = right._replace(classes=(right.classes + 1) % 10)
    probe = Recognition((("", 60),), repeats=2, controls=3)
    cache = Kept()
    scores = []
    for items, name in ((right, "right"), (wrong, "wrong")):
        context = context_of(items, cache)
        context = replace(context, set=replace(context.distilled, digest=name))
        finding = probe.find(context)
        scores.append([finding.facts[0].value, finding.fact(NEAR).value])
    assert scores[0][0] > 0.7 and scores[0][1] > 0.6
    assert scores[1][0] < 0.3 and scores[1][1] < 0.3


REAL = torch.linspace(1, 3, 101, dtype=torch.float64)
"""Distances of real examples: their median is 2, and 95 % are below 2.9."""


def surroundings(distances: list[float], agreement: float) -> Tree:
    return {
        "agreement": torch.full((len(distances),), agreement, dtype=torch.float64),
        "distance": torch.tensor(distances, dtype=torch.float64),
    }


def finding_of(
    distances: list[float],
    agreement: float = 0.6,
    control: tuple[float, ...] = (0.8, 0.82, 0.84, 0.82),
    recognised: tuple[float, float] = (1.0, 0.75),
    right: float = 0.9,
) -> Finding:
    """The finding on items at such distances from their class, where those of controls are near it."""

    def plant(computation: AbstractComputation, draw: int | None) -> Tree:
        seed = computation.seed if isinstance(computation, Training) else computation.learner.seed  # type: ignore[attr-defined]
        if isinstance(computation, Recognised):
            mine = recognised[1] if computation.learner.network else recognised[0]
            return {**accuracy(mine if draw is None else 0.7), "predictions": torch.zeros(len(distances)).short()}
        if isinstance(computation, Surroundings):
            # Controls are near their class but for one item of the last.
            theirs = [1.0] * (len(distances) - 1) + [8.0 if draw == 2 else 1.0]
            shift = 0.001 * seed
            return surroundings(distances, agreement + shift) if draw is None else surroundings(theirs, control[draw])
        if isinstance(computation, RealSurroundings):
            return {"agreement": torch.full((101,), 0.9, dtype=torch.float64), "distance": REAL}
        if isinstance(computation, FeatureMap):
            count = len(distances)
            return {"examples": torch.zeros(2, 2), "items": torch.zeros(count, 2), "classes": torch.tensor([0, 1])}
        return {"accuracy": torch.tensor([right])}

    probe = Recognition((("", 300), ("lenet", 300)), controls=4)
    return probe.find(planted(plant, real_items(len(distances) // 10)))


OFF_ITEMS = [1.0] * 9 + [2.89] * 7 + [2.91, 4.0, 8.0, math.inf]


def test_the_share_off_has_the_interval_of_wilson_and_is_held_against_five_percent_and_controls() -> None:
    finding = finding_of(OFF_ITEMS)
    off = finding.fact(OFF)
    # Four of twenty, whose interval is that of 20 * 101 / 121 = 16 items at 95 % for two numbers at once.
    z = 2.2414
    middle, half = (0.2 + z * z / 32) / (1 + z * z / 16), z * (0.16 / 16 + z * z / 1024) ** 0.5 / (1 + z * z / 16)
    assert off.value == pytest.approx(0.2) and off.n == 20
    assert (off.low, off.high) == pytest.approx((middle - half, middle + half), abs=1e-4)
    assert next(fact for fact in finding.control if fact.name == OFF).value == pytest.approx(0.05 / 4)
    assert [each.side for each in finding.claims] == ["above", "below"]
    items = finding.table("items")
    assert items.column("distance")[17] == pytest.approx(2.0) and items.column("off")[15:17] == [0.0, 1.0]
    assert finding.verdict.startswith(
        "Networks trained on real examples recognise 75 % (lenet) to 100 % (convnet-w4-d1) of "
        "the set, of random real training examples 70 %. It lies off real examples: 20 % ("
    )
    assert "5 % of unseen real examples and 1 % of random training examples" in finding.verdict
    assert Finding.of(finding.document()).verdict == finding.verdict


def test_what_real_images_score_by_construction_is_not_held_against_the_set() -> None:
    # One of twenty lies off, as one of twenty real examples does; and the set agrees as controls do.
    finding = finding_of([1.0] * 19 + [4.0], agreement=0.85)
    assert finding.tone == "unknown" and finding.verdict.startswith("Inconclusive: whether it lies")
    assert "5 % (" in finding.verdict and not any(each.side != "open" for each in finding.claims)


def test_what_controls_show_too_is_no_property_of_the_set() -> None:
    # Fewer near examples of its class than unseen real examples have, but controls have as few, and differ.
    finding = finding_of([1.0] * 200, agreement=0.6, control=(0.5, 0.6, 0.7, 0.6))
    assert [each.side for each in finding.claims][1] == "open"
    assert "less clearly" not in finding.verdict


def test_shares_stay_within_bounds_and_a_ceiling_is_said_to_be_one() -> None:
    finding = finding_of(OFF_ITEMS, agreement=0.99, control=(1.0, 1.0, 0.99, 1.0), recognised=(1.0, 1.0))
    for fact in (*finding.facts, *finding.control):
        assert 0 <= fact.low <= fact.value <= fact.high <= 1, fact
    assert "recognise 100 % of the set" in finding.verdict and "More cannot be recognised." in finding.verdict


def test_a_verdict_names_every_network_where_all_say_the_same() -> None:
    found = finding_of([1.0] * 20, recognised=(0.8, 0.8))
    assert "(convnet-w4-d1, lenet) recognise 80 % (80 to 80) of the set" in found.verdict


def test_networks_that_have_learned_nothing_tell_nothing() -> None:
    found = finding_of([1.0] * 20, recognised=(0.1, 0.1), right=0.12)
    assert found.tone == "unknown" and found.verdict.startswith("Not known: convnet-w4-d1 has not learned the data")


def test_the_trajectory_is_shared_and_a_network_is_asked_once_by_any_name() -> None:
    context = context_of(real_items())
    probe = Recognition((("", 0), (NETWORK, 0), ("lenet", 0), ("mlp", 50)), every=20)
    trainings = list(dict.fromkeys(each for each in probe.computations(context) if isinstance(each, Training)))
    assert [each.network for each in trainings] == [""] * 3 + ["lenet"] * 3 + ["mlp"] * 3
    assert trainings[:3] == [real_trajectory(seed, 20) for seed in range(3)]
    # Another network is trained until it levels off too; of its learners the last alone is kept.
    assert trainings[3].until == trainings[0].until and trainings[3].keeps == (-1,) and trainings[6].keeps == (50,)
    control = {type(each) for each in probe.computations(context.control(0))}
    assert control == {Training, Recognised, Surroundings}


def search(**fields: Any) -> Search:
    return Search(steps=(3, 6), sample=50, **fields)


def test_the_first_draw_is_customary_and_the_others_are_in_the_space() -> None:
    where = Search(batches=(0, 16), network="lenet")
    assert where.setting(0) == {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0, "steps": 300, "batch": 0}
    drawn = [where.setting(index) for index in range(1, 400)]
    logs = torch.tensor([math.log10(each["learning_rate"]) for each in drawn])
    assert float(logs.min()) >= -3.01 and float(logs.max()) <= -0.99
    # Uniform on [-3, -1]: mean -2, deviation 2 / sqrt(12); the mean of 399 is within four of its own deviations.
    assert float(logs.mean()) == pytest.approx(-2, abs=4 * 2 / (12 * 399) ** 0.5)
    for name, values in (
        ("momentum", where.momenta),
        ("weight_decay", where.weight_decays),
        ("steps", where.steps),
        ("batch", (0, 16)),
    ):
        assert {each[name] for each in drawn} == set(values)
    assert replace(where, on=Mixture((), 5)).setting(7) == where.setting(7)
    assert replace(where, network="mlp").setting(7) != where.setting(7)


def test_the_draw_with_the_best_validation_accuracy_is_taken_whatever_its_test_accuracy() -> None:
    test = {0: 0.2, 1: 0.9, 2: 0.4}
    validation = {0: 0.3, 1: 0.5, 2: 0.6}

    def plant(computation: AbstractComputation) -> Tree:
        assert isinstance(computation, Draw)
        value = torch.tensor(validation[computation.index], dtype=torch.float64)
        return {"validation": value, **accuracy(test[computation.index])}

    context = planted(plant)
    found = Chosen(search(), 3, 1).run(context)
    assert int(found["index"]) == 2
    again = search().measured(context, search().training(context, 2, 1))
    assert torch.equal(found["accuracy"], again["accuracy"])


def test_a_draw_is_read_on_validation_and_on_evaluation_examples() -> None:
    context = context_of(real_items())
    found = Draw(search(), 1).run(context)
    learner = list(search().training(context, 1, 0).learners(context))[-1]
    for name, each in (("accuracy", context), ("validation", replace(context, split="validation", evaluation_size=50))):
        outputs = context.problem.network.apply(learner.params, each.examples.inputs).outputs
        assert float(found[name]) == float((outputs.argmax(1) == each.examples.classes).double().mean())


def test_a_last_batch_of_one_is_avoided() -> None:
    context = context_of(tree.rows(real_items(), torch.arange(17)))
    assert Search(batches=(16,)).training(context, 1, 0).protocol.batch == 0
    assert Search(batches=(8,)).training(context_of(real_items()), 1, 0).protocol.batch == 8


PROBES = (
    Recognition((("", 30), ("lenet", 4)), sample=30, repeats=2, controls=3),
    CrossArchitecture(("lenet", "mlp"), draws=2, repeats=2, steps=(4, 8), sample=50),
)


def hostile(name: str) -> Batch:
    items = real_items()
    if name == "one image":
        return tree.rows(items, torch.tensor([3]))
    if name == "one class":
        return tree.rows(items, (items.classes == 4).nonzero()[:, 0])
    return items._replace(targets=KEY.fold("soft").normal(20, 10).softmax(1))


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)
@pytest.mark.parametrize("distilled", ["one image", "one class", "soft targets"])
def test_a_probe_answers_of_any_set_with_nothing_but_its_computations(probe: AbstractProbe, distilled: str) -> None:
    cache = Kept()
    context = context_of(hostile(distilled), cache)
    for about in (context, *context.controls(probe.controls)):
        for computation in probe.computations(about):
            assert from_spec(to_spec(computation)) == computation and computation.flops(about) > 0
            about.outcome(computation)
    done = len(cache.found)
    finding = probe.find(context)
    assert len(cache.found) == done
    assert finding.tone in ("use", "avoid", "note", "unknown") and finding.verdict
    assert all(math.isfinite(fact.value) for fact in finding.facts)


def test_a_network_that_normalises_by_the_batch_is_left_out_for_one_image_and_trained_for_more() -> None:
    probe = CrossArchitecture(("convnet-w4-d1-batch",), draws=1, repeats=1, steps=(4,), sample=50)
    alone = probe.find(context_of(hostile("one image")))
    assert alone.tone == "unknown" and "left out" in alone.caveats[0]
    assert probe.find(context_of(real_items())).table("networks").column("network")[1] == "convnet-w4-d1-batch"
    assert Recognition((("convnet-w4-d1-batch", 4),), sample=30, controls=3).find(context_of(real_items())).facts
