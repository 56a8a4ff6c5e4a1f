"""Trainings that are done together come to what each comes to by itself, up to rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.record import END
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.protocols import Epochs, Own
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("together",))
LEFT_OUT = [Training(Mixture(tuple(each for each in range(20) if each != item)), 0) for item in range(5)]
SUBSETS = [Training(Mixture((), 2, seed), seed, Steps(20, 8), reads=(10, 20), keeps=(20,)) for seed in range(4)]


def context_of(network: str = "convnet-w8-d2", name: str = "set") -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), torch.device("cpu"), NoCache())
    batch = problem.real(KEY.fold(name), 2)
    return ProbeContext(problem, name, BatchSet("digest", batch, Fixed().render({}, batch.classes, KEY)), "test", 50)


@pytest.mark.parametrize("trainings", [LEFT_OUT, SUBSETS], ids=["left out", "subsets"])
def test_trainings_done_together_come_to_what_each_comes_to(trainings: list[Training]) -> None:
    sets = context_of(name="one"), context_of(name="another")
    asked = [(each, sets[index % 2]) for index, each in enumerate(trainings)]
    keys = {each.stack(context) for each, context in asked}
    assert len(keys) == 1 and next(iter(keys))[1] > 1
    (first, context), *others = asked
    for (each, its), outcome in zip(asked, first.run_together(context, others), strict=True):
        alone = tree.flatten(each.run(its))
        together = tree.flatten(outcome)
        assert alone.keys() == together.keys()
        for name, leaf in alone.items():
            assert leaf.shape == together[name].shape and leaf.dtype == together[name].dtype
        torch.testing.assert_close(together["losses"], alone["losses"], rtol=0.02, atol=0.02)
        assert float((together["accuracy"] - alone["accuracy"]).abs().max()) <= 0.04


@pytest.mark.parametrize(
    "change",
    [
        lambda each: replace(each, protocol=Epochs("dsa", epochs=1)),
        lambda each: replace(each, start=replace(each, keeps=(-1,))),
        lambda each: replace(each, network="convnet-w8-d2-batch"),
        lambda each: replace(each, network="convnet"),
    ],
    ids=["augmented", "gone on with", "running statistics", "fills a core"],
)
def test_what_cannot_go_together_or_gains_nothing_is_done_by_itself(change: Callable[[Training], Training]) -> None:
    context, training = context_of(), change(Training(Mixture((), 50)))
    assert training.stack(context)[1] == 1


def test_sets_that_say_how_long_they_train_are_trained_as_long_each_together() -> None:
    of = context_of()
    sets = [
        replace(of, set=replace(of.set, schedule=Fixed(steps=steps).render({}, of.set.batch.classes, KEY)))
        for steps in (4, 12, 4, 12)
    ]
    trainings = [Training(protocol=Own(), seed=index // 2, keeps=(END,)) for index in range(4)]
    assert len({each.stack(its) for each, its in zip(trainings, sets, strict=True)}) == 1
    together = trainings[0].run_together(sets[0], list(zip(trainings, sets, strict=True))[1:])
    for each, its, outcome in zip(trainings, sets, together, strict=True):
        torch.testing.assert_close(outcome["losses"], each.run(its)["losses"], rtol=1e-3, atol=1e-4)
