"""Recognition counts what real-trained networks say of a set; a search is chosen by validation data alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from limbeck.computations import AllReal, Chosen, Draw, Mixture, Recognised, Search, Steps, Surroundings, Training
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

    plant: Callable[[AbstractComputation], Tree] = lambda computation: {}

    def outcome(self, computation: AbstractComputation, branch: str = "") -> Tree:
        return tree.branch(self.plant(computation), branch)


def context_of(batch: Batch, cache: Any = None, evaluation_size: int = 100, network: str = NETWORK) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), CPU, cache or Kept())
    return ProbeContext(problem, "set", BatchSet("digest", batch, SCHEDULE), "test", evaluation_size)


def real_items(per_class: int = 2) -> Batch:
    task = load("digits")
    return Problem(task, task.network(NETWORK), CPU, NoCache()).real(KEY, per_class)


def planted(plant: Callable[[AbstractComputation], Tree], items: Batch | None = None) -> Planted:
    found = context_of(real_items() if items is None else items)
    return Planted(found.problem, found.name, found.set, found.split, found.evaluation_size, plant)


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
    around = context.outcome(Surroundings(training, neighbours=1, sample=50, shown=20))
    # Each is at distance 0 from itself, which is one of the real examples, and is its own nearest.
    torch.testing.assert_close(around["distance"], torch.zeros(len(items.classes)).double(), atol=1e-4, rtol=0)
    assert bool((around["agreement"] == 1).all())
    assert around["real"]["distance"].shape == (50,) and bool((around["real"]["distance"] > 0).all())
    assert around["map"]["examples"].shape == (20, 2) and around["map"]["items"].shape == (len(items.classes), 2)


def test_swapped_labels_are_not_recognised_and_do_not_agree() -> None:
    right = real_items(3)
    wrong = right._replace(classes=(right.classes + 1) % 10)
    probe = Recognition((("", 60),), every=60)
    cache = Kept()
    scores = []
    for items, name in ((right, "right"), (wrong, "wrong")):
        context = context_of(items, cache)
        context = replace(context, set=replace(context.distilled, digest=name))
        finding = probe.find(context)
        scores.append([finding.facts[0].value, finding.fact("near examples of its class").value])
    assert scores[0][0] > 0.7 and scores[0][1] > 0.6
    assert scores[1][0] < 0.3 and scores[1][1] < 0.3


def surroundings(distances: list[float]) -> Tree:
    count = len(distances)
    return {
        "agreement": torch.full((count,), 0.6, dtype=torch.float64),
        "distance": torch.tensor(distances, dtype=torch.float64),
        "real": {
            "agreement": torch.tensor([0.8, 1.0], dtype=torch.float64),
            "distance": torch.linspace(1, 3, 101, dtype=torch.float64),
        },
        "map": {"examples": torch.zeros(2, 2), "items": torch.zeros(count, 2), "classes": torch.tensor([0, 1])},
    }


def test_planted_surroundings_give_the_share_off_and_the_relative_distance() -> None:
    # Of real distances 1 to 3 the median is 2 and 95 % are below 2.9.
    distances = [1.0] * 9 + [2.89] * 7 + [2.91, 4.0, 8.0, math.inf]

    def plant(computation: AbstractComputation) -> Tree:
        if isinstance(computation, Recognised):
            return {**accuracy(0.75 if computation.learner.network else 1.0), "predictions": torch.zeros(20).short()}
        return surroundings(distances) if isinstance(computation, Surroundings) else {"accuracy": torch.tensor([0.9])}

    finding = Recognition((("", 300), ("lenet", 300))).find(planted(plant))
    assert finding.fact("share off the real examples").value == pytest.approx(4 / 20)
    assert finding.fact("median distance over that of real examples").value == pytest.approx(2.89 / 2)
    assert finding.table("items").column("distance")[17] == pytest.approx(2.0)
    assert "75 % (lenet) to 100 % (convnet-w4-d1)" in finding.verdict and "20 % of its images lie" in finding.verdict
    assert Finding.of(finding.document()).verdict == finding.verdict


def test_a_verdict_names_every_network_where_all_say_the_same() -> None:
    def plant(computation: AbstractComputation) -> Tree:
        if isinstance(computation, Recognised):
            return {**accuracy(0.8), "predictions": torch.zeros(20).short()}
        return surroundings([1.0] * 20) if isinstance(computation, Surroundings) else {"accuracy": torch.tensor([0.9])}

    found = Recognition((("", 300), ("lenet", 300))).find(planted(plant))
    assert "(convnet-w4-d1, lenet) recognise 80 %" in found.verdict


def test_networks_that_have_learned_nothing_tell_nothing() -> None:
    def plant(computation: AbstractComputation) -> Tree:
        if isinstance(computation, Recognised):
            return {**accuracy(0.1), "predictions": torch.zeros(20).short()}
        return surroundings([1.0] * 20) if isinstance(computation, Surroundings) else {"accuracy": torch.tensor([0.12])}

    assert Recognition((("", 300),)).find(planted(plant)).tone == "unknown"


def test_the_course_is_shared_and_a_network_is_asked_once_by_any_name() -> None:
    context = context_of(real_items())
    probe = Recognition((("", 300), (NETWORK, 300), ("lenet", 300)), every=20)
    trainings = [each for each in probe.computations(context) if isinstance(each, Training)]
    assert [each.network for each in trainings] == ["", "lenet"]
    assert trainings[0].keeps[-1] == 300 and len(trainings[0].reads) == 16


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


def transferring(table: dict[tuple[str, bool], list[float]]) -> Finding:
    def plant(computation: AbstractComputation) -> Tree:
        assert isinstance(computation, Draw | Chosen)
        values = table[computation.search.network, not computation.depends_on_set]
        seed = computation.seed - 1 if isinstance(computation, Chosen) else 0
        return {**accuracy(values[seed]), "validation": torch.tensor(0.5), "index": torch.tensor(0)}

    return CrossArchitecture(("lenet", "mlp"), draws=2, repeats=2).find(planted(plant))


@pytest.mark.parametrize(
    ("lenet", "mlp", "tone", "words"),
    [
        ([0.50, 0.52], [0.40, 0.42], "use", "It transfers to other networks"),
        ([0.20, 0.22], [0.19, 0.21], "avoid", "use it for its own network alone"),
        ([0.50, 0.52], [0.19, 0.21], "note", "It transfers to lenet, not significantly to mlp"),
    ],
)
def test_a_set_transfers_where_it_teaches_more_than_as_many_real_images(
    lenet: list[float], mlp: list[float], tone: str, words: str
) -> None:
    real = {(name, True): [0.30, 0.32] for name in ("", "lenet", "mlp")}
    finding = transferring({**real, ("", False): [0.60, 0.62], ("lenet", False): lenet, ("mlp", False): mlp})
    assert finding.tone == tone and words in finding.verdict
    assert finding.fact("retained by lenet").value == pytest.approx((lenet[0] / 0.60 + lenet[1] / 0.62) / 2)
    gain = finding.fact("gain over real images of mlp")
    assert gain.value == pytest.approx(sum(mlp) / 2 - 0.31) and gain.n == 2
    assert Finding.of(finding.document()).tone == tone


def test_a_set_that_teaches_its_own_network_nothing_has_nothing_to_transfer() -> None:
    finding = transferring({(name, real): [0.3, 0.3] for name in ("", "lenet", "mlp") for real in (True, False)})
    assert finding.tone == "note" and "Nothing to transfer" in finding.verdict


PROBES = (
    Recognition((("", 300), ("lenet", 4)), every=150, sample=30),
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
    for computation in probe.computations(context):
        assert from_spec(to_spec(computation)) == computation and computation.flops(context) > 0
        context.outcome(computation)
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
    assert Recognition((("convnet-w4-d1-batch", 4),), sample=30).find(context_of(real_items())).facts
