"""The running mean of a learner's parameters: a closed form, what is read of it and kept, alone and in a stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from limbeck.computations import Mixture, OfAllData, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.training import Learner, averaged
from limbeck.protocols import PROTOCOLS, Epochs, Own
from limbeck.protocols.own import FREPO
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("averaged",))
DECAY, STEPS = 0.7, 5
PLAIN = Epochs(epochs=STEPS, learning_rate=0.3)


def context_of(name: str = "set", network: str = "mlp-w4") -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), torch.device("cpu"), NoCache())
    batch = problem.real(KEY.fold(name), 1)
    return ProbeContext(problem, name, BatchSet(name, batch, Fixed().render({}, batch.classes, KEY)), "test", 50)


def mean_of(learners: list[Any], decay: float = DECAY) -> Any:
    """The mean of parameters after each step, by its sum."""
    weights = torch.tensor([decay ** (len(learners) - step) for step in range(1, len(learners) + 1)]).double()
    shares = weights / weights.sum()
    return tree.map(
        lambda *leaves: sum(share * leaf.double() for share, leaf in zip(shares, leaves, strict=True)), *learners
    )


@pytest.mark.parametrize("ratio", [0.5, 0.9, -0.3])
def test_of_a_geometric_course_it_is_the_closed_form(ratio: float) -> None:
    start = KEY.normal(3).double()
    course = [Learner({"p": start * ratio**step}, {"seen": torch.tensor(step)}) for step in range(9)]
    found = list(averaged(iter(course), DECAY))
    assert found[0] is course[0] and torch.equal(found[1].params["p"], course[1].params["p"])
    for step, learner in enumerate(found[1:], 1):
        # (1 - d) sum of d^(t - s) r^s over s from 1 to t, as a share of its weights.
        total = (1 - DECAY) * ratio * (DECAY**step - ratio**step) / (DECAY - ratio)
        torch.testing.assert_close(learner.params["p"], start * total / (1 - DECAY**step), rtol=1e-12, atol=1e-14)
        assert int(learner.statistics["seen"]) == step


def test_without_a_decay_they_are_the_learners_themselves() -> None:
    course = [Learner({"p": KEY.fold(step).normal(2)}, {}) for step in range(3)]
    assert all(one is other for one, other in zip(averaged(iter(course), 0.0), course, strict=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_read_and_kept_is_the_mean_of_what_training_came_to(seed: int) -> None:
    context, every = context_of(), tuple(range(STEPS + 1))
    plain = Training(Mixture(), seed, PLAIN, reads=every, keeps=every).run(context)
    protocol = replace(PLAIN, average=DECAY)
    found = Training(Mixture(), seed, protocol, reads=(0, 3, -1), keeps=(3, -1)).run(context)
    for name, last in (("3", 3), ("-1", STEPS)):
        expected = mean_of([plain["params"][str(step)] for step in range(1, last + 1)])
        for path, leaf in found["params"][name].items():
            torch.testing.assert_close(leaf.double(), expected[path], rtol=1e-5, atol=1e-6)
    assert torch.equal(found["losses"][0], plain["losses"][0])
    with torch.no_grad():
        outputs = context.problem.network.apply(found["params"]["-1"], context.examples.inputs).outputs
    torch.testing.assert_close(found["losses"][-1], context.problem.task.loss(outputs, context.examples.targets))
    assert not torch.allclose(found["losses"][-1], plain["losses"][-1], atol=1e-3)
    # Whoever asks for one is not given the other.
    assert context.address(Training(Mixture(), seed, protocol)) != context.address(Training(Mixture(), seed, PLAIN))


def test_a_stack_is_averaged_as_each_of_its_learners_is() -> None:
    protocol = replace(PLAIN, average=DECAY)
    sets = context_of("one"), context_of("other")
    asked = [(Training(Mixture(), seed, protocol, keeps=(2, -1)), sets[seed % 2]) for seed in range(4)]
    assert asked[0][0].stack(sets[0])[1] >= len(asked)
    (first, context), *others = asked
    for (each, its), together in zip(asked, first.run_together(context, others), strict=True):
        for path, leaf in tree.flatten(each.run(its)["params"]).items():
            torch.testing.assert_close(tree.flatten(together["params"])[path], leaf, rtol=1e-4, atol=1e-5)


def test_frepo_is_scored_so_and_protocols_say_it() -> None:
    frepo = PROTOCOLS["frepo"]
    assert (frepo.average, frepo.augment) == (0.995, FREPO)
    assert all(each.average == 0 for name, each in PROTOCOLS.items() if name != "frepo")
    assert "scored by the running mean of its parameters, decay 0.995" in str(frepo)
    assert Own(augment=FREPO).name == "frepo with average 0.0" and "scored by" not in str(Own(augment=FREPO))
    assert Epochs(average=0.9).name == "yang2024 with average 0.9"
    assert OfAllData(frepo, 7).average == 0.995
    for part in (Own, Epochs):
        with pytest.raises(InputError, match="average: found 1"):
            part(average=1.0)
