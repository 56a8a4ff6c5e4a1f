"""Learners that are stacked are the learners that each would be by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

import strange_tasks
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Schedule
from limbeck.core.key import Key
from limbeck.learn import stacked
from limbeck.learn.networks import Network
from limbeck.learn.peak import Peak
from limbeck.learn.population import training
from limbeck.learn.rules import Adam, Momentum
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.stacked import Setup, alike, stacked_training, stacks, subset, trained
from limbeck.learn.training import Learner, last, row_loader
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("stacked", "test"))
CPU = torch.device("cpu")
FULL = Epochs(epochs=5, batch=0, learning_rate=0.05, optimizer=Momentum(0.9, 0.01))
SHUFFLED = replace(FULL, epochs=2, batch=3)
# A bias before an instance norm has a gradient of nothing but rounding, which Adam's own epsilon would make steps of.
ADAM = replace(SHUFFLED, learning_rate=0.01, optimizer=Adam(epsilon=1e-4))
NETWORKS = [
    "convnet-w4-d2",
    "convnet-w4-d1-group-max-tanh",
    "convnet-w4-d1-layer-nopool-gelu",
    "convnet-w4-d1-none-sigmoid",
    "mlp",
    "lenet",
    "vit",
]


def problem_of(network: str = "convnet-w4-d1") -> Problem:
    task = load("digits")
    return Problem(task, task.network(network), CPU, NoCache())


def in_double(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


def setups_of(problem: Problem, protocol: Epochs, counts: tuple[int, ...], double: bool = True) -> list[Setup]:
    """Learners on items of their own out of one pool, in orders of their own."""
    pool = problem.task.load("train", torch.arange(40))
    cast = in_double if double else lambda value: value
    return [
        Setup(
            Learner(cast(problem.network.init(KEY.fold(index))), {}),
            subset(row_loader(problem.task, cast(pool)), KEY.fold("items", index).permutation(40)[:count]),
            protocol.schedule(None, count, KEY.fold("order", index)),
        )
        for index, count in enumerate(counts)
    ]


def steps_of(schedule: Schedule) -> range:
    return range(len(schedule.learning_rates) + 1)


@pytest.fixture(autouse=True)
def few_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked, "FEWEST", 2)


@pytest.fixture
def stacked_sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many learners each stack held."""
    sizes: list[int] = []

    def noted(problem: Problem, setups: list[Setup]) -> Iterator[Learner]:
        sizes.append(len(setups))
        return stacked_training(problem, setups)

    monkeypatch.setattr(stacked, "stacked_training", noted)
    return sizes


def equal(setups: list[Setup], problem: Problem, tolerance: float) -> None:
    """At every step each learner of `trained` is the one that is trained by itself, as a share of its norm."""
    together: dict[tuple[int, int], Learner] = {}
    for index, step, learner in trained(problem, setups, steps_of(setups[0].schedule)):
        assert (index, step) not in together
        together[index, step] = learner
    for index, setup in enumerate(setups):
        for step, alone in enumerate(training(problem, *setup, KEY)):
            learner = together.pop((index, step))
            assert not tree.leaves(learner.statistics)
            for one, other in zip(tree.leaves(learner.params), tree.leaves(alone.params), strict=True):
                assert one.dtype == other.dtype and not one.requires_grad
                assert float((one - other).norm()) <= tolerance * (1 + float(other.norm()))
    assert not together


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("protocol", [FULL, SHUFFLED, ADAM], ids=["full", "shuffled", "adam"])
def test_a_stack_is_its_learners(
    network: str, protocol: Epochs, stacked_sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(network)
    monkeypatch.setattr(stacked, "FILLS_A_CORE", float("inf"))
    equal(setups_of(problem, replace(protocol, epochs=1) if network == "vit" else protocol, (5,) * 3), problem, 1e-9)
    assert stacked_sizes == [3]


def test_in_single_precision_they_agree_to_rounding(stacked_sizes: list[int]) -> None:
    problem = problem_of("convnet-w8-d2")
    equal(setups_of(problem, FULL, (9,) * 4, double=False), problem, 1e-3)
    assert stacked_sizes == [4]


def test_learners_of_unequal_data_are_stacked_with_their_like(stacked_sizes: list[int]) -> None:
    problem = problem_of()
    # In batches of 3: 7 and 7 have rows of 3, 3 and 1; 8 and 8 of 3, 3 and 2; 9 is alone.
    equal(setups_of(problem, SHUFFLED, (7, 8, 9, 7, 8)), problem, 1e-9)
    assert stacked_sizes == [2, 2]
    whole = setups_of(problem, FULL, (6, 5, 5, 5))
    equal(whole, problem, 1e-9)
    assert stacked_sizes == [2, 2, 3]


def test_schedules_are_alike_that_differ_in_their_order_alone() -> None:
    one, other = (SHUFFLED.schedule(None, 7, KEY.fold(index)) for index in range(2))
    assert not torch.equal(one.order, other.order)
    assert alike([one, other, SHUFFLED.schedule(None, 8, KEY), one]) == [[0, 1, 3], [2]]
    different = [
        one._replace(learning_rates=one.learning_rates * 2),
        one._replace(learning_rates=one.learning_rates[:-1]),
        *(
            replace(SHUFFLED, optimizer=rule).schedule(None, 7, KEY)
            for rule in (Momentum(0.5, 0.01), Momentum(0.9, 0.5), Adam())
        ),
    ]
    assert alike([one, *different]) == [[index] for index in range(6)]


def test_learners_come_at_the_steps_asked_for_stack_after_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of()
    setups = setups_of(problem, FULL, (4,) * 5)
    # Inputs of two learners at once: stacks of 2, 2 and 1.
    monkeypatch.setattr("limbeck.learn.microbatches.NUMBERS", 2 * 4 * 64)
    order = [(index, step) for index, step, _ in trained(problem, setups, {0, 3, 99})]
    assert order == [(0, 0), (1, 0), (0, 3), (1, 3), (2, 0), (3, 0), (2, 3), (3, 3), (4, 0), (4, 3)]


def test_a_stack_never_holds_more_inputs_than_a_microbatch(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of()
    most = 0
    monkeypatch.setattr("limbeck.learn.microbatches.NUMBERS", 13 * 64)
    seen = stacked.gradient

    def watched(loss: Any, params: Any, batch: Batch) -> Any:
        nonlocal most
        most = max(most, batch.classes.numel())
        return seen(loss, params, batch)

    monkeypatch.setattr(stacked, "gradient", watched)
    equal(setups_of(problem, FULL, (3,) * 11), problem, 1e-9)
    assert most == 12


@pytest.mark.parametrize("name", strange_tasks.LOADERS)
def test_strange_tasks_are_stacked_but_for_graphs(name: str, stacked_sizes: list[int]) -> None:
    task = strange_tasks.LOADERS[name](None)
    problem = Problem(task, task.network("small"), CPU, NoCache())
    equal(setups_of(problem, SHUFFLED, (7,) * 4), problem, 0.0 if name == "graph" else 1e-9)
    assert stacked_sizes == ([] if name == "graph" else [4])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.filterwarnings("error:not compiled")
def test_a_compiled_stack_is_an_eager_one() -> None:
    problem = problem_of("mlp")
    setups = setups_of(problem, SHUFFLED, (6, 6))
    found, expected = (last(stacked_training(replace(problem, compiled=each), setups)) for each in (True, False))
    for name, leaf in found.params.items():
        torch.testing.assert_close(leaf, expected.params[name], rtol=1e-9, atol=1e-12)


def test_what_fills_a_core_is_looped_on_a_processor_and_stacked_elsewhere() -> None:
    small, large = problem_of("convnet-w16-d2"), problem_of("convnet-w128-d2")
    assert stacks(small, 20, 50) == 50
    assert stacks(large, 20, 50) == 1
    elsewhere = replace(large, device=torch.device("cuda"))
    assert stacks(elsewhere, 20, 50) == 50
    assert 1 < stacks(elsewhere, 1000, 1000) < 1000


def test_a_stack_elsewhere_takes_a_share_of_the_memory_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = replace(problem_of("convnet-w8-d1"), device=torch.device("cuda"))
    one = stacked.step_bytes(problem.task, problem.network, 5)
    for learners in (3, 7):
        monkeypatch.setattr(stacked, "capacity", lambda device, most=learners: (most + 0.5) * one / stacked.SHARE)
        assert stacks(problem, 5, 50) == learners
    monkeypatch.setattr(stacked, "capacity", lambda device: one)
    assert stacks(problem, 5, 50) == 1, "one by itself has to do with what there is"


def test_what_a_step_takes_is_what_its_tensors_take_at_once() -> None:
    problem = problem_of("convnet-w8-d1")
    batch = problem.task.load("train", torch.arange(9))
    params = problem.network.init(KEY)
    with Peak() as peak:
        stacked.gradient(mean_loss(problem.task, problem.network), params, batch)
    told = stacked.step_bytes(problem.task, problem.network, 9)
    held = sum(leaf.nbytes for leaf in tree.leaves(params))
    assert told == pytest.approx(peak.most + held, rel=0.1)


class RunsOut:
    """A training in stacks that has memory for `most` learners, and else runs out after its second step."""

    def __init__(self, most: int) -> None:
        self.most, self.sizes = most, list[int]()

    def __call__(self, problem: Problem, setups: list[Setup]) -> Iterator[Learner]:
        self.sizes.append(len(setups))
        for step, learners in enumerate(stacked_training(problem, setups)):
            if len(setups) > self.most and step == 2:
                raise torch.OutOfMemoryError("there is no more")
            yield learners


@pytest.mark.parametrize("most", [2, 4])
def test_where_memory_runs_out_there_are_half_as_many_and_the_same_learners(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, setups = problem_of(), setups_of(problem_of(), FULL, (5,) * 7)
    training_in_stacks = RunsOut(most)
    monkeypatch.setattr(stacked, "stacked_training", training_in_stacks)
    with pytest.warns(UserWarning, match="memory ran out with 7 learners at once; they go on 4 at once"):
        equal(setups, problem, 1e-9)
    assert training_in_stacks.sizes == {4: [7, 4, 3], 2: [7, 4, 2, 2, 2]}[most], "and the last by itself"


def test_one_learner_that_has_no_room_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def runs_out(*_: Any) -> Iterator[Learner]:
        raise torch.OutOfMemoryError("there is no more")

    monkeypatch.setattr(stacked, "stacked_training", runs_out)
    monkeypatch.setattr(stacked, "training", runs_out)
    with pytest.warns(UserWarning, match="1 at once"), pytest.raises(torch.OutOfMemoryError):
        list(trained(problem_of(), setups_of(problem_of(), FULL, (5,) * 2), {0}))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_few_learners_and_running_statistics_are_looped(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    small = replace(problem_of(), device=torch.device(device))
    assert stacks(small, 5, 1) == 1
    assert stacks(small, 5, 2) == (1 if device == "cpu" else 2)
    assert stacks(replace(problem_of("convnet-w4-d1-batch"), device=torch.device(device)), 5, 50) == 1


class Moody(nn.Sequential):
    """A user's module that vmap does not take: what it does depends on what it computes."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self[0](images.flatten(1))
        return self[1](hidden if hidden.sum() > 0 else -hidden)


def test_a_network_that_cannot_be_stacked_is_looped(monkeypatch: pytest.MonkeyPatch, stacked_sizes: list[int]) -> None:
    network = Network("moody", (1, 8, 8), 10, lambda: Moody(nn.Linear(64, 5), nn.Linear(5, 10)))
    problem = replace(problem_of(), network=network)
    assert stacks(problem, 5, 50) == 1
    equal(setups_of(problem, FULL, (4, 4)), problem, 0.0)
    assert not stacked_sizes
