"""The bilevel objectives are the loss at the end of the training that they say they are."""

from __future__ import annotations

from dataclasses import replace

import torch

from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem, Synthetic
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.objectives import TruncatedUnrolled, Unrolled
from limbeck.recipes import RECIPES
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("unrolled",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("convnet-w4-d1-tanh"), torch.device("cpu"), NoCache())
SCHEDULE = Fixed(steps=7, learning_rate=0.1, per_class=2)


def shown() -> Synthetic:
    batch = PROBLEM.real(KEY.fold("start"), 3)
    return Synthetic.of(batch, SCHEDULE.render({}, batch.classes, KEY))


def gradient_of(objective: Unrolled | TruncatedUnrolled, key: Key) -> torch.Tensor:
    synthetic = shown()
    inputs = synthetic.batch.inputs.requires_grad_()
    batch = synthetic.batch._replace(inputs=inputs)
    loss = objective.loss({}, PROBLEM, Synthetic.of(batch, synthetic.schedule), key)
    return torch.autograd.grad(loss, inputs)[0]


def test_the_loss_is_that_of_a_learner_trained_on_the_set() -> None:
    synthetic = shown()

    params = PROBLEM.network.init(KEY.fold("network"))
    for leaf in params.values():
        leaf.requires_grad_()
    optimiser = torch.optim.SGD(params.values(), lr=0.1, momentum=0.9)
    for rows in synthetic.schedule.order:
        optimiser.zero_grad()
        readout = PROBLEM.network.apply(params, synthetic.batch.inputs[rows])
        torch.nn.functional.cross_entropy(readout.outputs, synthetic.batch.classes[rows]).backward()
        optimiser.step()
    real = PROBLEM.real(KEY.fold("real"), 5)
    expected = TASK.loss(PROBLEM.network.apply(params, real.inputs).outputs, real.targets).mean().detach()
    found = Unrolled(per_class=5).loss({}, PROBLEM, synthetic, KEY)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_window_of_the_whole_schedule_is_the_whole() -> None:
    whole, window = Unrolled(per_class=5), TruncatedUnrolled(per_class=5, window=7)
    assert torch.equal(gradient_of(window, KEY), gradient_of(whole, KEY))
    assert torch.equal(gradient_of(TruncatedUnrolled(per_class=5, window=99), KEY), gradient_of(whole, KEY))


def test_windows_stop_anywhere_from_their_length_to_the_end() -> None:
    objective = TruncatedUnrolled(per_class=5, window=2)
    losses = {float(objective.loss({}, PROBLEM, shown(), KEY.fold(index))) for index in range(12)}
    assert len(losses) == 12
    stops = {2 + int(KEY.fold(index, "stop").integers(6, 1)) for index in range(60)}
    assert stops == set(range(2, 8))


def test_a_truncated_gradient_is_not_the_whole_one() -> None:
    objective = TruncatedUnrolled(per_class=5, window=1)
    key = next(key for key in map(KEY.fold, range(99)) if int(key.fold("stop").integers(7, 1)) == 6)
    truncated, whole = gradient_of(objective, key), gradient_of(Unrolled(per_class=5), key)
    assert not torch.allclose(truncated, whole)
    assert float(tree.dot(truncated, whole)) > 0


def test_a_step_of_dd_is_that_of_the_published_loop() -> None:
    """Three times ten steps, each on one image of every class, at thirty rates that a softplus keeps positive."""
    method = RECIPES["dd"].recipe_for("cifar10", 10)
    assert isinstance(method.objective, Unrolled) and method.objective.per_class == 102
    objective, key = replace(method.objective, per_class=20), KEY.fold("dd")
    start = PROBLEM.real(KEY.fold("images"), 10)
    images = start.inputs.clone().requires_grad_()
    raw = {name: leaf.requires_grad_() for name, leaf in method.schedule.init(10, KEY).items()}
    batch = start._replace(inputs=images)
    loss = objective.loss({}, PROBLEM, Synthetic.of(batch, method.schedule.render(raw, batch.classes, KEY)), key)
    found = torch.autograd.grad(loss, (images, *raw.values()))

    rates = torch.nn.functional.softplus(next(iter(raw.values())))
    params = {name: leaf.requires_grad_() for name, leaf in PROBLEM.network.init(key.fold("network")).items()}
    for epoch in range(3):
        for index in range(10):
            rows = [10 * label + index for label in range(10)]
            outputs = PROBLEM.network.apply(params, images[rows]).outputs
            error = torch.nn.functional.cross_entropy(outputs, torch.arange(10))
            slopes = torch.autograd.grad(error, list(params.values()), create_graph=True)
            rate = rates[10 * epoch + index]
            params = {name: leaf - rate * slope for (name, leaf), slope in zip(params.items(), slopes, strict=True)}
    real = PROBLEM.real(key.fold("real"), 20)
    expected = torch.nn.functional.cross_entropy(PROBLEM.network.apply(params, real.inputs).outputs, real.classes)
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(found, torch.autograd.grad(expected, (images, *raw.values())), strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < 1e-5


def test_a_step_of_rat_bptt_is_that_of_the_published_loop() -> None:
    """Adam all the way, without a graph before the window; every step augmented, and the real examples."""
    method = RECIPES["rat-bptt"].recipe_for("cifar10", 10, True)
    assert isinstance(method.objective, TruncatedUnrolled) and isinstance(method.schedule, Fixed)
    assert (method.objective.window, method.schedule.steps) == (60, 200)
    objective = replace(method.objective, per_class=20, window=3)
    schedule = replace(method.schedule, steps=6, learning_rate=0.02)
    key = next(key for key in map(KEY.fold, range(99)) if int(key.fold("stop").integers(4, 1)) == 2)
    start = PROBLEM.real(KEY.fold("images"), 10)
    images = start.inputs.clone().requires_grad_()
    batch = start._replace(inputs=images)
    loss = objective.loss({}, PROBLEM, Synthetic.of(batch, schedule.render({}, batch.classes, KEY)), key)
    (found,) = torch.autograd.grad(loss, images)

    def shown(inputs: torch.Tensor, at: Key) -> torch.Tensor:
        # Mirrored digits are others.
        assert objective.augment == Siamese(("flip", "rotate"), together=True)
        return Siamese(("rotate",)).apply(inputs, at, torch.arange(len(inputs)))

    params = {name: leaf.requires_grad_() for name, leaf in PROBLEM.network.init(key.fold("network")).items()}
    first, second = ({name: torch.zeros_like(leaf) for name, leaf in params.items()} for _ in range(2))
    for step in range(5):
        if step == 2:
            params, first, second = (
                {name: leaf.detach().requires_grad_() for name, leaf in each.items()}
                for each in (params, first, second)
            )
        outputs = PROBLEM.network.apply(params, shown(images, key.fold("augment", step))).outputs
        error = torch.nn.functional.cross_entropy(outputs, batch.classes)
        slopes = dict(zip(params, torch.autograd.grad(error, list(params.values()), create_graph=True), strict=True))
        first = {name: 0.9 * first[name] + 0.1 * slopes[name] for name in params}
        second = {name: 0.999 * second[name] + 0.001 * slopes[name] ** 2 for name in params}
        params = {
            name: leaf
            - 0.02
            * (first[name] / (1 - 0.9 ** (step + 1)))
            / ((second[name] / (1 - 0.999 ** (step + 1))).clamp(min=1e-30).sqrt() + 1e-8)
            for name, leaf in params.items()
        }
    real = PROBLEM.real(key.fold("real"), 20)
    outputs = PROBLEM.network.apply(params, shown(real.inputs, key.fold("augment", "real"))).outputs
    expected = torch.nn.functional.cross_entropy(outputs, real.classes)
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-4, atol=1e-5)
    (theirs,) = torch.autograd.grad(expected, images)
    assert float((found - theirs).norm() / theirs.norm()) < 1e-3
