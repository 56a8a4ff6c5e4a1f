"""Distribution matching is the published sum over classes, however it is batched."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from limbeck.core.contracts import NoCache, Problem, Synthetic
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn import microbatches
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import Operations
from limbeck.objectives import Distribution
from limbeck.protocols import Epochs
from limbeck.tasks import load
from limbeck.tasks.images import ImageTask

KEY = Key(("distribution",))


def problem(network: str = "convnet-w8-d2") -> Problem:
    task = load("digits")
    return Problem(task, task.network(network), torch.device("cpu"), NoCache())


def shown(on: Problem) -> Synthetic:
    batch = on.real(KEY.fold("synthetic"), 2)
    return Synthetic.of(batch, Epochs().schedule(None, len(batch.classes), KEY))


def literal(on: Problem, synthetic: Synthetic, key: Key, per_class: int, augment: Siamese) -> torch.Tensor:
    """Class by class, as the paper writes it."""
    params = on.network.init(key.fold("network"))
    real = on.real(key.fold("real"), per_class)
    total = torch.zeros(())
    for label in range(len(on.task.classes)):
        means = []
        for batch in (real, synthetic.batch):
            mine = batch.classes == label
            inputs = augment.without("flip").apply(batch.inputs[mine], key.fold("augment"), batch.classes[mine])
            means.append(on.network.apply(params, inputs).features.mean(0))
        total = total + ((means[0] - means[1]) ** 2).sum()
    return total


@pytest.mark.parametrize("per_class", [5, 60])
def test_the_batched_loss_is_the_literal_sum_over_classes(per_class: int) -> None:
    on = problem()
    objective = Distribution(per_class=per_class)
    expected = literal(on, shown(on), KEY, per_class, objective.augment)
    torch.testing.assert_close(objective.loss({}, on, shown(on), KEY), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
def test_real_images_that_are_not_held_at_once_come_to_the_same_to_the_bit(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = replace(problem(), compiled=compiled)
    whole = Distribution(per_class=9).loss({}, on, shown(on), KEY)
    monkeypatch.setattr(microbatches, "NUMBERS", 4 * 64)
    parts = Distribution(per_class=9).loss({}, on, shown(on), KEY)
    loaded: list[int] = []
    load_on = ImageTask.load_on
    monkeypatch.setattr(
        ImageTask,
        "load_on",
        lambda task, at, split, rows=None: loaded.append(len(rows)) or load_on(task, at, split, rows),
    )
    monkeypatch.setattr(microbatches, "HELD", 3 * 4 * 64 * 4)
    assert torch.equal(Distribution(per_class=9).loss({}, on, shown(on), KEY), parts)
    assert loaded == [20] + [12] * 7 + [6]
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)


def test_pieces_of_the_real_batch_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    on = problem()
    whole = Distribution().loss({}, on, shown(on), KEY)
    monkeypatch.setattr(microbatches, "NUMBERS", 7 * 64)
    torch.testing.assert_close(Distribution().loss({}, on, shown(on), KEY), whole, rtol=1e-5, atol=1e-6)


def test_networks_with_batch_norm_see_the_real_batch_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    on = problem("convnet-w8-d2-batch")
    whole = Distribution().loss({}, on, shown(on), KEY)
    monkeypatch.setattr(microbatches, "NUMBERS", 7 * 64)
    assert torch.equal(Distribution().loss({}, on, shown(on), KEY), whole)


def test_a_set_equal_to_the_real_batch_has_no_loss() -> None:
    on = problem()
    batch = on.real(KEY.fold("real"), 20)
    synthetic = Synthetic.of(batch, Epochs().schedule(None, len(batch.classes), KEY))
    assert float(Distribution(per_class=20).loss({}, on, synthetic, KEY)) < 1e-9


def test_draws_that_come_again_are_matched_as_at_the_first_time() -> None:
    on, objective = problem(), Distribution(per_class=5, draws=2)
    synthetic, state, found = shown(on), objective.init(on, KEY), []
    for step in range(5):
        found.append(objective.loss(state, on, synthetic, KEY.fold("ignored", step)))
        state = objective.advance(state, on, synthetic, KEY.fold("ignored", step))
    for index in range(2):
        # Each is the literal loss of a key of its own.
        key = Key(("distribution", KEY.seed, "draw", index))
        torch.testing.assert_close(
            found[index], literal(on, synthetic, key, 5, objective.augment), rtol=1e-4, atol=1e-5
        )
    assert torch.equal(torch.stack(found[2:]), torch.stack([found[0], found[1], found[0]]))
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(objective.init(on, KEY.fold("other"))["aims"], objective.init(on, KEY)["aims"])


def test_what_is_remembered_is_computed_once() -> None:
    on, objective, read = problem(), Distribution(per_class=5, draws=2), []

    class Counting(Distribution):
        def _aim(self, problem: Problem, key: Key) -> torch.Tensor:
            read.append(key)
            return super()._aim(problem, key)

    counting = Counting(per_class=5, draws=2)
    state = counting.init(on, KEY)
    for _ in range(6):
        counting.loss(state, on, shown(on), KEY)
        state = counting.advance(state, on, shown(on), KEY)
    assert len(read) == 2 and torch.equal(state["aims"][0], objective.init(on, KEY)["aims"][0])


def test_steps_are_cheaper_from_where_all_draws_are_known_and_can_be_tried_from_the_first_on() -> None:
    on, objective = problem(), Distribution(per_class=5, draws=4)

    def step(state: Tree) -> tuple[Tree, int]:
        with Operations() as counted:
            objective.loss(state, on, shown(on), KEY)
            after = objective.advance(state, on, shown(on), KEY)
        return after, counted.count

    state, counts = objective.init(on, KEY), list[int]()
    later = objective.later(state)
    assert later is not None and Distribution().later({}) is None
    for _ in range(7):
        state, count = step(state)
        counts.append(count)
    assert len(set(counts[: later.step])) == len(set(counts[later.step :])) == 1 and counts[0] > counts[-1]
    assert step(later.state)[1] == counts[-1] and objective.later(state).step == later.step  # type: ignore[union-attr]
