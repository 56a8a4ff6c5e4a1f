"""An expert's soft labels are its predictions, and stay to the last bit through distilling, storing and scoring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.func import functional_call

import limbeck
from limbeck.computations import Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import FIRST_SEED, Experts
from limbeck.core import tree
from limbeck.core.contracts import Batch, Budget, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.distilled_set import DistilledSet
from limbeck.learn import microbatches
from limbeck.learn.optim import SGD
from limbeck.learn.rules import Momentum
from limbeck.learn.training import fit, row_loader
from limbeck.objectives import Trajectory
from limbeck.parameterizations import FixedTargets, Pixels
from limbeck.protocols import Epochs
from limbeck.recipes import RECIPES
from limbeck.runs.store import Store
from limbeck.schedules import Fixed
from limbeck.starts import Noise, Real, Relabelled
from limbeck.tasks import load

KEY = Key(("relabelled",))
CPU = torch.device("cpu")
NETWORK = "convnet-w4-d1"
SHORT = Experts(count=2, epochs=2)


@dataclass(frozen=True)
class Told:
    """A memo of experts whose snapshots are drawn by number and step."""

    network: Any

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        number, step = address["computation"]["seed"] - FIRST_SEED, branch.removeprefix("params/")
        return self.network.init(KEY.fold(number, int(step)))


def problem(network: str = NETWORK) -> Problem:
    task = load("digits")
    return Problem(task, task.network(network), CPU, Told(task.network(network)))


@pytest.mark.parametrize("start", [Real(), Noise()], ids=["real", "noise"])
@pytest.mark.parametrize("network", [NETWORK, "convnet-w4-d1-batch"])
def test_the_labels_are_the_predictions_of_that_snapshot(
    start: Real | Noise, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microbatches, "NUMBERS", 7 * 64)
    on = problem(network)
    picked, plain = Relabelled(start, SHORT, number=1, epoch=2).pick(on, 2, KEY), start.pick(on, 2, KEY)
    assert torch.equal(picked.inputs, plain.inputs) and torch.equal(picked.classes, plain.classes)
    module = on.network.factory().train()  # type: ignore[attr-defined]
    params = {name: leaf.double() for name, leaf in on.network.init(KEY.fold(1, SHORT.step(on, 2))).items()}
    outputs = functional_call(module.double(), params, (plain.inputs.double(),))
    expected = outputs.exp() / outputs.exp().sum(1, keepdim=True)
    torch.testing.assert_close(picked.targets.double(), expected, rtol=1e-4, atol=1e-6)


def test_an_expert_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="expert 0 of the 2 .*limbeck experts digits"):
        Relabelled(experts=SHORT, epoch=1).pick(replace(problem(), cache=NoCache()), 1, KEY)


@pytest.mark.parametrize("fields", [{"number": 2}, {"number": -1}, {"epoch": 3}, {"epoch": -1}])
def test_a_snapshot_that_there_cannot_be_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"relabelled\.(number|epoch): found"):
        Relabelled(experts=SHORT, **{"epoch": 1, **fields})


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_fixed_targets_are_kept_to_the_last_bit_and_not_learned(kind: torch.dtype) -> None:
    targets = KEY.fold("targets").normal(6, 3).to(kind).softmax(1)
    start = Batch(KEY.fold("inputs").normal(6, 1, 4, 4).to(kind), targets, torch.arange(3).repeat_interleave(2))
    part = FixedTargets()
    params = part.init(problem(), start, KEY)
    rendered = part.render(params, KEY)
    assert all(torch.equal(leaf, expected) for leaf, expected in zip(rendered, start, strict=True))
    assert list(tree.flatten(params.learned)) == ["inputs"]
    stored = part.stored(params)
    assert torch.equal(part.render(stored, KEY).targets, targets.float())
    # Floats of 32 bits, and a byte for each class.
    assert Budget.of(stored) == (6 * 16 + 6 + 18, 4 * 6 * 16 + 6 + 4 * 18)


def test_a_learner_is_scored_after_training_by_soft_cross_entropy() -> None:
    on = problem()
    batch = Relabelled(experts=SHORT, epoch=2).pick(on, 1, KEY)
    schedule = Epochs(epochs=4, learning_rate=0.1).schedule(None, len(batch.classes), KEY)
    found = fit(on.task, on.network, row_loader(on.task, batch), schedule, KEY, CPU)
    module = on.network.factory()  # type: ignore[attr-defined]
    module.load_state_dict(on.network.init(KEY.fold("init")))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    for _ in range(4):
        optimizer.zero_grad()
        (-batch.targets * module(batch.inputs).log_softmax(1)).sum(1).mean().backward()
        optimizer.step()
    for name, leaf in module.named_parameters():
        torch.testing.assert_close(found.params[name], leaf.detach(), rtol=1e-4, atol=1e-6)


def test_a_start_s_labels_live_through_distilling_storing_and_scoring(tmp_path: Path) -> None:
    task, store, recipe = load("digits"), Store(tmp_path), RECIPES["tesla"].recipe
    on = Problem(task, task.network(NETWORK), CPU, store)
    one = Experts(count=1, epochs=2, augment=None)
    training, before = one.training(on, 0), ProbeContext(on)
    store.remember(before.address(training), lambda: training.run(before))
    start = Relabelled(experts=one, epoch=2)
    recipe = replace(
        recipe,
        start=start,
        parameterization=FixedTargets(Pixels()),
        objective=Trajectory(experts=one, reach=1, latest=1, augment=None),
        schedule=replace(recipe.schedule, around=Fixed(steps=2, optimizer=Momentum(0.0))),
        # Decay pulls at all that is learned.
        optimizer=SGD(learning_rate=1.0, weight_decay=0.1),
    )
    made = limbeck.distill(task, recipe, ipc=1, network=NETWORK, steps=2, checks=1, session=limbeck.Session(tmp_path))
    made.save(tmp_path / "set.safetensors")
    found = DistilledSet.load(tmp_path / "set.safetensors")
    begun = start.pick(on, 1, Key(("distill", 0)).fold("start"))
    assert torch.equal(found.batch.targets, begun.targets) and not torch.equal(found.batch.inputs, begun.inputs)
    assert found.label_mode == found.header()["labels"] == "soft"
    assert all(torch.equal(found[index][1], begun.targets[index]) for index in range(10))
    context = ProbeContext(on, set=found, split="validation")
    assert 0 < float(Training(protocol=Steps(3)).run(context)["accuracy"][-1]) < 1
    # Ten images, their classes in a byte each, and ten numbers for each image.
    assert found.budget.bytes == 10 * 64 * 4 + 10 + 10 * 10 * 4
