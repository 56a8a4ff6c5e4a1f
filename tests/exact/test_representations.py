"""Representations without labels: what teaches them, sets whose targets they are, and features that are judged by them.

What is trained is held against dense references, and a teacher whose body is frozen against its closed form.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from doubled_digits import DoubledTask
from limbeck.composition import Recipe
from limbeck.computations import Mixture, Training, Twins
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.sources import training_key
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import entries
from limbeck.judging import judged_by, protocol_for, protocol_of
from limbeck.learn.linear_evaluation import LinearEvaluation
from limbeck.learn.losses import SquaredError
from limbeck.learn.networks.network import ending_in
from limbeck.learn.optim import SGD, Adam
from limbeck.learn.training import fresh
from limbeck.learn.twins import projected, projector, redundancy
from limbeck.objectives import RepresentationRidge
from limbeck.parameterizations import SoftTargets
from limbeck.protocols import Epochs, Linear, Own
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed
from limbeck.starts import Real, Representations
from limbeck.tasks import load

pytestmark = pytest.mark.filterwarnings("ignore:network module.frozen_bodies")
KEY = Key(("representations",))
TASK = load("digits")
CPU = torch.device("cpu")
FROZEN = "module:frozen_bodies.Frozen"
STILL = Twins(network=FROZEN, steps=0)
"""A teacher whose representations are 64 fixed functions of the pixels."""


def problem(network: str = FROZEN, task: Any = TASK) -> Problem:
    return Problem(task, TASK.network(network), CPU, NoCache())


@pytest.fixture
def double() -> Any:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def body(inputs: Tensor) -> Tensor:
    """What enters the last layer of the frozen network."""
    network = problem().network
    return network.apply(network.init(KEY), inputs).features.detach()


def test_redundancy_is_that_of_a_correlation_matrix_and_blind_to_shift_and_scale() -> None:
    left, right = (KEY.fold(side).normal(40, 5).double() for side in ("left", "right"))
    right = right + left
    both = torch.corrcoef(torch.cat([left, right], 1).T)[:5, 5:]
    wanted = (1 - both.diagonal()).square().sum() + 0.3 * (both - both.diagonal().diag()).square().sum()
    torch.testing.assert_close(redundancy(left, right, 0.3), wanted, rtol=1e-4, atol=0)
    again = redundancy(7 * left - 3, 0.5 * right + torch.arange(5), 0.3)
    torch.testing.assert_close(again, wanted, rtol=1e-4, atol=0)


def test_redundancy_is_nothing_where_views_agree_and_numbers_do_not_and_twice_the_weight_for_a_copied_number() -> None:
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    assert float(redundancy(signs, signs, 0.3)) < 1e-8
    copied = signs[:, :1].expand(4, 2)
    assert float(redundancy(copied, copied, 0.3)) == pytest.approx(2 * 0.3, rel=1e-4)
    # Views that say the opposite are as far from the identity as can be.
    assert float(redundancy(signs, -signs, 0.3)) == pytest.approx(2 * 4, rel=1e-4)


def test_its_derivative_through_the_projector_is_that_by_differences() -> None:
    params = tree.map(Tensor.double, projector(4, 3, KEY))
    views = [KEY.fold("views", side).normal(9, 4).double() for side in range(2)]
    one = views[0].clone().requires_grad_()
    given = [one, *(leaf.requires_grad_() for leaf in params.values())]

    def loss(one: Tensor, first: Tensor, second: Tensor) -> Tensor:
        held = {"first": first, "second": second}
        return redundancy(projected(held, one), projected(held, views[1]), 0.05)

    assert torch.autograd.gradcheck(loss, given)


def test_a_network_learns_without_labels_what_a_linear_layer_reads_better_and_its_work_is_counted() -> None:
    on = problem()
    young, old = (Twins("convnet-w8", steps, learning_rate=0.005, batch=64, width=32) for steps in (0, 120))
    test = TASK.load("validation")

    def right(twins: Twins) -> float:
        found, reader = [], twins.reader(on)
        for draw in range(6):
            few = on.real(KEY.fold("few", draw), 5)
            ours, theirs = (
                torch.cat([reader(inputs), torch.ones(len(inputs), 1)], 1) for inputs in (few.inputs, test.inputs)
            )
            weights = torch.linalg.solve(ours.T @ ours + 0.1 * torch.eye(ours.shape[1]), ours.T @ (few.targets - 0.1))
            found.append(float(((theirs @ weights).argmax(1) == test.classes).float().mean()))
        return sum(found) / len(found)

    assert right(old) > right(young) + 0.03
    # Two convolutions of 8 channels on 8 x 8 and 4 x 4, ten outputs of 32 features; two operations each, three times.
    once = 2 * (64 * 8 * 9 + 16 * 8 * 8 * 9 + 32 * 10)
    assert old.flops(ProbeContext(on)) == once * 3 * 2 * 64 * 120 and old.reads(TASK) == 32
    assert (old.needs(), old.depends_on_set, old.evaluates) == ((), False, False)


def test_no_label_is_read_and_running_statistics_are_kept() -> None:
    class Shuffled:
        """The digits under labels of other images."""

        def __getattr__(self, name: str) -> Any:
            return getattr(TASK, name)

        def load_on(self, device: torch.device, split: str, rows: Any = None) -> Batch:
            found = TASK.load_on(device, split, rows)
            return Batch(found.inputs, found.targets.flip(0), found.classes.flip(0))

    twins = Twins(network="convnet-w4-d1-batch", steps=3, batch=16, width=8)
    one, other = (twins.run(ProbeContext(problem(task=task))) for task in (TASK, Shuffled()))
    assert all(torch.equal(a, b) for a, b in zip(tree.leaves(one), tree.leaves(other), strict=True))
    begun = TASK.network(twins.network).statistics()
    assert one["statistics"].keys() == begun.keys()
    assert all(not torch.equal(one["statistics"][name], begun[name]) for name in begun)


def test_the_start_says_of_real_images_what_a_network_of_yours_says() -> None:
    on, start = problem(), Representations(teacher=STILL)
    picked, plain = start.pick(on, 2, KEY), Real().pick(on, 2, KEY)
    assert torch.equal(picked.inputs, plain.inputs) and torch.equal(picked.classes, plain.classes)
    torch.testing.assert_close(picked.targets, body(plain.inputs))
    assert start.needs(on) == (STILL,)
    assert start.bytes_per_item(TASK) == Real().bytes_per_item(TASK) + 4 * 64


@pytest.mark.parametrize("data", ["cartpole"])
def test_what_has_no_two_views_is_refused(data: str) -> None:
    task = load(data)
    other = Problem(task, task.network("mlp-w4"), CPU, NoCache())
    with pytest.raises(InputError, match=r"expected images \(channel, height, width\) of classes"):
        Representations().check(other)
    with pytest.raises(InputError, match=r"expected images \(channel, height, width\) of classes"):
        RepresentationRidge().init(other, KEY)


def test_representations_of_as_many_numbers_as_there_are_classes_are_refused() -> None:
    with pytest.raises(InputError, match="found 10 features of network mlp-w10, as many as there are classes"):
        Representations(teacher=Twins(network="mlp-w10")).check(problem())


def test_a_network_of_other_outputs_has_the_same_body() -> None:
    ten = problem("convnet-w4-d1").network
    three = ending_in(ten, 3)
    params, images = three.init(KEY), TASK.load("validation", torch.arange(4)).inputs
    found = three.apply(params, images)
    body = {name: leaf for name, leaf in params.items() if not name.startswith("head")}
    same = ten.apply({**ten.init(KEY), **body}, images)
    assert found.outputs.shape == (4, 3) and torch.equal(found.features, same.features)
    assert body.keys() == {name for name in ten.init(KEY) if not name.startswith("head")}
    assert ending_in(ten, 3) is three and three.outputs == 3
    with pytest.raises(InputError, match="expected a network of modules"):
        ending_in(Linear().learner(TASK, ten), 3)


OBJECTIVE = RepresentationRidge(STILL, examples=9, ridge=0.05, pool=3, longest=6, optimizer=Adam(), augment=None)
SQUARED = Fixed(steps=1, loss=SquaredError())


def shown(on: Problem, per_class: int = 2) -> Batch:
    start = on.real(KEY.fold("start"), per_class)
    return start._replace(targets=KEY.fold("targets").normal(len(start.classes), 64).to(start.inputs))


def synthetic(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, SQUARED.render({}, batch.classes, KEY))


@pytest.mark.usefixtures("double")
def test_the_loss_is_that_of_a_regression_with_a_constant_and_its_derivatives_are_those_by_differences() -> None:
    on = problem("mlp-w12-tanh", DoubledTask())
    state, batch = OBJECTIVE.init(on, KEY), shown(on)
    for step in range(3):
        state = OBJECTIVE.advance(state, on, synthetic(batch), KEY.fold(step))
    real = TASK.load("train", KEY.fold("real").integers(len(TASK.load("train").classes), 9)).inputs.double()
    params = state.members[state.drawn(KEY)].learner.params
    theirs, ours = (on.network.apply(params, inputs).features for inputs in (real, batch.inputs))
    gram = ours @ ours.T + 1
    weights = torch.inverse(gram + 0.05 * torch.trace(gram) / 20 * torch.eye(20)) @ batch.targets
    wanted = ((theirs @ ours.T + 1) @ weights - body(real)).square().mean()
    found = OBJECTIVE.loss(state, on, synthetic(batch), KEY)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=0)

    inputs, targets = batch.inputs.clone().requires_grad_(), batch.targets.clone().requires_grad_()
    free = batch._replace(inputs=inputs, targets=targets)
    slopes = torch.autograd.grad(OBJECTIVE.loss(state, on, synthetic(free), KEY), [inputs, targets])
    along = [KEY.fold("along").normal(*leaf.shape).double() for leaf in (inputs, targets)]

    def at(by: float) -> float:
        moved = batch._replace(inputs=batch.inputs + by * along[0], targets=batch.targets + by * along[1])
        return float(OBJECTIVE.loss(state, on, synthetic(moved), KEY))

    slope = sum(float((one * other).sum()) for one, other in zip(slopes, along, strict=True))
    assert slope == pytest.approx((at(1e-5) - at(-1e-5)) / 2e-5, rel=1e-6)


@pytest.mark.usefixtures("double")
def test_items_that_span_the_features_and_say_what_the_teacher_says_leave_no_error() -> None:
    # Network and teacher share a frozen body, so that representations are linear in the features.
    on, exact = problem(task=DoubledTask()), replace(OBJECTIVE, ridge=1e-12)
    batch = shown(on, 8)
    right = batch._replace(targets=body(batch.inputs))
    state = exact.init(on, KEY)
    assert float(exact.loss(state, on, synthetic(right), KEY)) < 1e-8
    assert float(exact.loss(state, on, synthetic(batch), KEY)) > 0.1


def test_a_network_of_the_pool_steps_down_the_squared_error_whatever_the_schedule_says() -> None:
    on, plain = problem("mlp-w4"), replace(OBJECTIVE, pool=1, optimizer=SGD(0.5))
    state, batch = plain.init(on, KEY), shown(on)
    by_task = Synthetic.of(batch, Fixed(steps=1).render({}, batch.classes, KEY))
    (after,) = plain.advance(state, on, by_task, KEY).members
    params = tree.map(lambda leaf: leaf.requires_grad_(), state.members[0].learner.params)
    outputs = ending_in(on.network, 64).apply(params, batch.inputs).outputs
    slopes = torch.autograd.grad((outputs - batch.targets).square().mean(), tree.leaves(params))
    for leaf, slope, found in zip(tree.leaves(params), slopes, tree.leaves(after.learner.params), strict=True):
        torch.testing.assert_close(found, leaf - 0.5 * slope)


def test_a_step_is_a_function_of_its_key_and_targets_of_no_teacher_are_refused() -> None:
    on = problem("mlp-w4")
    state, batch = OBJECTIVE.init(on, KEY), shown(on)
    losses = [float(OBJECTIVE.loss(state, on, synthetic(batch), key)) for key in (KEY, KEY, KEY.fold("other"))]
    assert losses[0] == losses[1] != losses[2]
    with pytest.raises(InputError, match=r"found targets \(20, 10\), expected one number for each output, \(20, 64\)"):
        OBJECTIVE.loss(state, on, synthetic(on.real(KEY, 2)), KEY)


def test_a_step_happens_on_the_device_alone() -> None:
    # Nothing can be moved from there to the CPU, where what was kept comes from.
    on = replace(problem("convnet-w4-d1-batch"), device=torch.device("meta"), cache=Begun())
    batch = shown(on)
    batch = batch._replace(targets=batch.targets.to("meta"), inputs=batch.inputs.requires_grad_())
    part = replace(OBJECTIVE, teacher=Twins(network="mlp-w4", steps=0), augment=Twins().augment)
    batch = batch._replace(targets=batch.targets[:, :4])
    state = part.init(on, KEY)
    loss = part.loss(state, on, synthetic(batch), KEY)
    (slope,) = torch.autograd.grad(loss, [batch.inputs])
    assert slope.device == loss.device == on.device
    after = part.advance(state, on, synthetic(tree.detach(batch)), KEY)
    assert {leaf.device for leaf in tree.leaves(after.members)} == {leaf.device for leaf in tree.leaves(state.members)}


class Begun(NoCache):
    """A cache in which a teacher has not learned yet, as outcomes are: on the CPU."""

    def remember(self, address: Any, make: Any, branch: str = "") -> Any:
        network = TASK.network("mlp-w4")
        return {"params": network.init(KEY), "statistics": network.statistics()}


FEW = Linear(steps=12, batch=8, labelled=3)


def set_of(batch: Batch, on: Problem) -> DistilledSet:
    recipe = Recipe(start=Representations(teacher=STILL), parameterization=SoftTargets(), schedule=SQUARED)
    params = recipe.parameterization.init(on, batch, KEY)
    data = {"name": "digits", "fingerprint": TASK.fingerprint}
    schedule = SQUARED.render({}, batch.classes, KEY)
    return DistilledSet(
        params, recipe.parameterization, schedule, TASK.codec, TASK.classes, data, {"network": on.network.name}
    )


def test_a_frozen_body_is_scored_by_the_ridge_regression_of_its_features_on_few_labelled_images() -> None:
    on, seed = problem(), 3
    context = ProbeContext(
        on, "set", BatchSet("a", shown(on), SQUARED.render({}, shown(on).classes, KEY)), "validation"
    )
    found = Training(Mixture(), seed, FEW, keeps=(-1,)).run(context)
    key = training_key(seed)
    rows = [each[key.fold(label).permutation(len(each))[:3]] for label, each in enumerate(TASK.groups("train"))]
    few, judged = TASK.load("train", torch.cat(rows)), TASK.load("validation")
    ours, theirs = (
        torch.cat([body(each.inputs), torch.ones(len(each.classes), 1)], 1).double() for each in (few, judged)
    )
    ridge = 0.01 * ours.square().sum() / len(ours)
    # The primal: as many equations as features.
    weights = torch.linalg.solve(ours.T @ ours + ridge * torch.eye(65), ours.T @ (few.targets.double() - 0.1))
    torch.testing.assert_close(found["params"]["-1"]["head"], weights, rtol=1e-5, atol=1e-7)
    right = (theirs @ weights).argmax(1) == judged.classes
    assert float(found["accuracy"][-1]) == pytest.approx(float(right.double().mean()), abs=1.5 / len(right))


def test_the_body_learns_the_targets_of_any_width_by_squared_error_and_nothing_at_no_steps() -> None:
    on, width = problem("mlp-w4"), 7
    batch = shown(on)._replace(targets=KEY.fold("narrow").normal(20, width))
    learner = FEW.learner(TASK, on.network)
    params = learner.fit(batch, KEY)["body"]  # type: ignore[attr-defined]
    network = ending_in(on.network, width)
    begun = fresh(network, KEY.fold("init"), CPU).params

    def error(params: Any) -> float:
        return float((network.apply(params, batch.inputs).outputs - batch.targets).square().mean())

    held = {name: leaf.clone().requires_grad_() for name, leaf in begun.items()}
    optimizer, order = torch.optim.Adam(held.values(), lr=0.001), KEY.fold("order")
    for epoch in range(4):
        for rows in order.fold(epoch).permutation(20).split(8):
            optimizer.zero_grad()
            (network.apply(held, batch.inputs[rows]).outputs - batch.targets[rows]).square().mean().backward()
            optimizer.step()
    for name, leaf in held.items():
        torch.testing.assert_close(params[name], leaf.detach(), rtol=1e-4, atol=1e-6)
    assert error(params) < error(begun)
    still = replace(FEW, steps=0).learner(TASK, on.network)
    same = still.fit(batch, KEY)["body"]  # type: ignore[attr-defined]
    assert all(torch.equal(same[name], leaf) for name, leaf in begun.items())


def test_a_set_of_representations_is_judged_by_its_features_alone(tmp_path: Path) -> None:
    on = problem()
    made, hard = set_of(shown(on), on), set_of(on.real(KEY, 1), on)
    made.save(tmp_path / "a.safetensors")
    assert DistilledSet.load(tmp_path / "a.safetensors") == made and made.label_kind == "real" and made.represents
    assert protocol_for({"a": made}) == (Linear(), []) and not hard.represents
    assert isinstance(protocol_for({"a": made, "b": hard})[0], Epochs)
    assert isinstance(protocol_for({"b": hard})[0], Own)
    recipe = recipe_for("krr-st", "digits", 1)
    assert judged_by(recipe) == protocol_of([replace(recipe, steps=0)]) == Linear()
    assert isinstance(protocol_of([recipe, recipe_for("dm", "digits", 1)]), Epochs)
    context = ProbeContext(on, "a", made, "validation")
    for protocol, told in (
        (Epochs(epochs=1), r"digits: found targets \(20, 64\), expected a weight for each class, \(20, 10\)"),
        (Own(), r"training loss squared-error: found targets \(20, 64\), expected one number for each output"),
    ):
        with pytest.raises(InputError, match=told):
            Training(Mixture(), 0, protocol).run(context)


def test_learners_of_a_set_differ_and_what_is_too_large_is_no_baseline() -> None:
    on = problem("mlp-w4")
    made = set_of(shown(on), on)
    (entry, *others) = entries([(ProbeContext(on, "a", made), Path("a"), made)], replace(FEW, most=50), ["random"])
    assert not entry.alike and [each.name for each in others] == ["random"]
    with pytest.warns(UserWarning, match="full is left out: 1,295 examples, protocol linear with .* takes 50"):
        entries([(ProbeContext(on, "a", made), Path("a"), made)], replace(FEW, most=50), ["full"])
    learner = replace(FEW, most=50).learner(TASK, on.network)
    assert isinstance(learner, LinearEvaluation)
    with pytest.raises(InputError, match="found 60 items under targets"):
        learner.fit(on.real(KEY, 6), KEY)
    with pytest.raises(InputError, match="expected accuracy over two classes or more"):
        task = load("cartpole")
        FEW.learner(task, task.network("mlp-w4"))
    assert learner.flops(20, 100) == 2 * (64 * 4 + 4 * 4 + 4 * 10) * (3 * 12 * 8 + 100 + 30)
