"""Distribution matching under a queue of networks in training: its loss, its training and who leaves the queue."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.objectives.trained_distribution import FIRST, Queue, TrainedDistribution
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("trained-distribution",))
PART = TrainedDistribution(queue=6, interval=2, trained=3, steps=2, batch=20, per_class=5)


def problem(network: str = "convnet-w8-d2") -> Problem:
    task = load("digits")
    return Problem(task, task.network(network), torch.device("cpu"), NoCache())


def shown(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, Epochs().schedule(None, len(batch.classes), KEY))


def seed(state: Queue, slot: int) -> dict[str, torch.Tensor]:
    return {name: leaf[slot] for name, leaf in state.learners.params.items()}


def test_the_loss_is_the_literal_sum_over_classes() -> None:
    on = problem()
    state = PART.init(on, KEY)._replace(accuracies=torch.full((6,), 0.3))
    batch, real = on.real(KEY.fold("synthetic"), 2), on.real(KEY.fold("real"), 5)
    params = seed(state, int(KEY.fold("member").permutation(FIRST)[0]))
    total = torch.zeros(())
    for label in range(10):
        means = []
        for whole in (real, batch):
            mine = whole.classes == label
            draw = KEY.fold("augment")
            inputs = PART.augment.without("flip").apply(whole.inputs[mine], draw, whole.classes[mine])
            readout = on.network.apply(params, inputs)
            means.append(readout.features.mean(0))
        named = functional.cross_entropy(readout.outputs, batch.classes[mine])
        total = total + ((means[0] - means[1]) ** 2).sum() + 50 * 0.3 * named
    torch.testing.assert_close(PART.loss(state, on, shown(batch), KEY), total, rtol=1e-4, atol=1e-4)


def test_members_are_trained_on_real_images_by_momentum_and_decay_and_the_others_stay() -> None:
    on = problem()
    state = PART.init(on, KEY)
    after = PART.advance(state, on, shown(on.real(KEY, 1)), KEY)
    chosen = KEY.fold("train").permutation(FIRST)[:3].tolist()
    for slot in range(6):
        params = {name: leaf.clone().requires_grad_() for name, leaf in seed(state, slot).items()}
        optimizer = torch.optim.SGD(params.values(), lr=0.01, momentum=0.9, weight_decay=5e-4)
        right = 0.0
        for step in range(2 if slot in chosen else 0):
            real = on.real(KEY.fold("train", slot).fold("batch", step), 2)
            outputs = on.network.apply(params, real.inputs).outputs
            right += float((outputs.argmax(1) == real.classes).float().mean()) / 2
            optimizer.zero_grad()
            functional.cross_entropy(outputs, real.classes).backward()
            optimizer.step()
        for name, leaf in seed(after, slot).items():
            torch.testing.assert_close(leaf, params[name].detach(), rtol=1e-5, atol=1e-6)
        assert float(after.accuracies[slot]) == pytest.approx(right)
        assert float(after.batches[slot]) == (2 if slot in chosen else 0)


def test_a_fresh_network_joins_on_schedule_and_takes_the_place_of_the_oldest() -> None:
    on, state, joined = problem(), PART.init(problem(), KEY), []
    synthetic = shown(on.real(KEY, 1))
    for step in range(10):
        now = KEY.fold("step", step)
        state = PART.advance(state, on, synthetic, now)
        fresh = on.network.init(now.fold("network"))
        joined += [
            (step, slot)
            for slot in range(6)
            if all(torch.equal(leaf, fresh[name]) for name, leaf in seed(state, slot).items())
        ]
    assert joined == [(1, 4), (3, 5), (5, 0), (7, 1), (9, 2)]
    assert int(state.age) == 10 and float(state.batches[2]) == float(state.accuracies[2]) == 0


def test_networks_with_batch_norm_are_read_by_their_running_statistics() -> None:
    on = problem("convnet-w8-d2-batch")
    state = PART.advance(PART.init(on, KEY), on, shown(on.real(KEY, 1)), KEY)
    one = on.real(KEY.fold("synthetic"), 1)
    assert torch.isfinite(PART.loss(state, on, shown(one), KEY))
    trained = KEY.fold("train").permutation(FIRST)[:3].tolist()
    moved = (state.learners.statistics["block1.norm.running_mean"] != 0).all(1).nonzero()[:, 0].tolist()
    assert moved == sorted(trained)


@pytest.mark.parametrize("fields", [{"queue": 3}, {"interval": 0}, {"steps": 0}])
def test_impossible_counts_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"trained-distribution\.\w+: found"):
        TrainedDistribution(**fields)
