"""A set that looks otherwise at each step is trained on as it looks at each step, and unrolled so."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractParameterization, Batch, NoCache, Parameters, Problem, Synthetic
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.objectives import TruncatedUnrolled, Unrolled
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("views",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("convnet-w4-d1-tanh"), torch.device("cpu"), NoCache())
STEPS, RATE = 4, 0.1


@dataclass(frozen=True)
class Mixed(AbstractParameterization):
    """Every view is another smooth mixture of the stored images of a class."""

    views = True

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        return Parameters({"inputs": start.inputs.clone()}, {"classes": start.classes, "targets": start.targets})

    def render(self, params: Parameters, key: Key) -> Batch:
        stored = params.learned["inputs"]
        shares = key.fold("shares").uniform(len(stored), 1, 1, 1)
        return Batch(
            stored * shares + stored.roll(1, 0).tanh(), params.fixed["targets"], params.fixed["classes"].long()
        )


def made() -> DistilledSet:
    params = Mixed().init(PROBLEM, PROBLEM.real(KEY.fold("start"), 2), KEY)
    schedule = Fixed().render({}, params.fixed["classes"], KEY)
    data, spec = {"name": "digits", "fingerprint": "f"}, {"network": PROBLEM.network.name}
    return DistilledSet(params, Mixed(), schedule, TASK.codec, TASK.classes, data, spec)


def by_hand(on: DistilledSet, key: Key, rows: slice, extra: Batch | None = None) -> dict[str, Tensor]:
    """SGD with momentum on the renderings of each step."""
    params = {name: leaf.requires_grad_() for name, leaf in PROBLEM.network.init(key.fold("init")).items()}
    optimiser = torch.optim.SGD(params.values(), lr=RATE, momentum=0.9)
    for step in range(STEPS):
        view = Mixed().render(on.params, key.fold("view", step))
        inputs, classes = view.inputs[rows], view.classes[rows]
        if extra is not None:
            inputs, classes = torch.cat([inputs, extra.inputs]), torch.cat([classes, extra.classes])
        optimiser.zero_grad()
        cross_entropy(PROBLEM.network.apply(params, inputs).outputs, classes).backward()
        optimiser.step()
    return {name: leaf.detach() for name, leaf in params.items()}


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(
    ("on", "rows"),
    [(Mixture(), slice(None)), (Mixture(items=tuple(range(5))), slice(5)), (Mixture(real=1), slice(None))],
    ids=["whole", "items", "with real"],
)
def test_a_learner_is_trained_on_the_view_of_each_step(on: Mixture, rows: slice, seed: int) -> None:
    whole = made()
    context = ProbeContext(PROBLEM, "set", whole)
    found = Training(on, seed, Steps(STEPS, 0, RATE), reads=(), keeps=(STEPS,)).run(context)["params"][str(STEPS)]
    extra = Mixture(items=(), real=1).batch(context) if on.real else None
    expected = by_hand(whole, Key(("train", seed)), rows, extra)
    for name, leaf in expected.items():
        torch.testing.assert_close(found[name], leaf, rtol=1e-4, atol=1e-5)
    load, count = on.examples(context, seed)
    seen = [load(torch.arange(count), step).inputs for step in (0, 1, 1)]
    assert not torch.equal(seen[0], seen[1]) and torch.equal(seen[1], seen[2])
    assert not torch.allclose(seen[0], on.batch(context).inputs)


@pytest.mark.parametrize("window", [STEPS, 2])
def test_a_hypergradient_through_changing_views_is_that_of_double_backward(window: int) -> None:
    source = {"stored": PROBLEM.real(KEY.fold("start"), 2).inputs.requires_grad_()}
    start = PROBLEM.real(KEY.fold("start"), 2)

    def view(source: dict[str, Tensor], step: int) -> Batch:
        return Mixed().render(
            Parameters({"inputs": source["stored"]}, {"classes": start.classes, "targets": start.targets}),
            KEY.fold("view", step),
        )

    schedule = Fixed(steps=STEPS, learning_rate=RATE, per_class=1).render({}, start.classes, KEY)
    shown = Synthetic(view(source, 0), schedule, source, view)
    objective = Unrolled(per_class=3) if window == STEPS else TruncatedUnrolled(per_class=3, window=window)
    # The key under which a truncated window ends where the schedule does.
    last = STEPS - window
    key = next(key for key in map(KEY.fold, range(99)) if int(key.fold("stop").integers(last + 1, 1)) == last)
    (found,) = torch.autograd.grad(objective.loss({}, PROBLEM, shown, key), source["stored"])

    params = {name: leaf.requires_grad_() for name, leaf in PROBLEM.network.init(key.fold("network")).items()}
    velocity = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    for step, rows in enumerate(schedule.order[:STEPS]):
        batch = view(source, step)
        loss = TASK.loss(PROBLEM.network.apply(params, batch.inputs[rows]).outputs, batch.targets[rows]).mean()
        gradients = torch.autograd.grad(loss, list(params.values()), create_graph=step >= last)
        for (name, leaf), gradient in zip(params.items(), gradients, strict=True):
            velocity[name] = 0.9 * velocity[name] + gradient
            params[name] = leaf - RATE * velocity[name]
            if step < last:
                velocity[name] = velocity[name].detach()
                params[name] = params[name].detach().requires_grad_()
    real = PROBLEM.real(key.fold("real"), 3)
    value = TASK.loss(PROBLEM.network.apply(params, real.inputs).outputs, real.targets).mean()
    (expected,) = torch.autograd.grad(value, source["stored"])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert float(expected.norm()) > 1e-6
