"""Kernel ridge regression on a set: as a loss, and as what a set is scored by."""

from __future__ import annotations

import functools
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from limbeck.computations import AllReal, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Entry, entries
from limbeck.learn.kernels import NeuralTangent
from limbeck.objectives import KernelRidge as Objective
from limbeck.options import compose
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.protocols import Epochs, KernelRidge, named
from limbeck.recipes import recipe_for
from limbeck.runs import archive
from limbeck.runs.scoring import entries_of, known
from limbeck.runs.session import Session
from limbeck.schedules import Fixed
from limbeck.starts import Real
from limbeck.tasks import load

KEY = Key(("kernel ridge",))
CPU = torch.device("cpu")
TASK = load("digits")
KERNEL = NeuralTangent(2, "relu", 1.3, 0.2)


def problem() -> Problem:
    return Problem(TASK, TASK.network("mlp-w4"), CPU, NoCache())


def dense(items: Tensor, labels: Tensor, asked: Tensor, ridge: float, kernel: NeuralTangent = KERNEL) -> Tensor:
    """What the regression says, number for number as Nguyen et al. write it."""
    rows = [each.double().flatten(1) for each in (items, asked)]
    gram, across = kernel.between(rows[0], rows[0]), kernel.between(rows[1], rows[0])
    regularised = gram + ridge * torch.trace(gram) / len(gram) * torch.eye(len(gram), dtype=torch.float64)
    return across @ torch.linalg.inv(regularised) @ (labels.double() - 0.1)


def shown(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, Fixed(steps=1).render({}, batch.classes, KEY))


@functools.cache
def made() -> DistilledSet:
    """Twenty real scans."""
    pixels = Pixels()
    batch = Real().pick(problem(), 2, KEY)
    return DistilledSet(
        params=held(batch),
        parameterization=pixels,
        schedule=Fixed(steps=3).render({}, batch.classes, KEY),
        codec=TASK.codec,
        classes=TASK.classes,
        data=TASK.reference,
        spec={"network": "mlp-w4"},
    )


def test_the_loss_is_that_of_the_dense_formula_on_as_many_real_images_of_every_class() -> None:
    objective, batch = Objective(KERNEL, ridge=0.03, per_class=6), problem().real(KEY.fold("set"), 2)
    real = problem().real(KEY.fold("real"), 6)
    assert real.classes.bincount().tolist() == [6] * 10
    expected = (
        dense(batch.inputs, batch.targets, real.inputs, 0.03) - (real.targets.double() - 0.1)
    ).square().mean() / 2
    found = objective.loss({}, problem(), shown(batch), KEY)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=0.0)


def test_of_many_classes_a_step_sees_no_more_than_so_many_real_images() -> None:
    assert Objective().of_each(problem()) == 500
    few, least = Objective(most=60), Objective(most=3)
    assert few.of_each(problem()) == 6 and least.of_each(problem()) == 1
    batch = problem().real(KEY.fold("set"), 1)
    losses = [each.loss({}, problem(), shown(batch), KEY) for each in (few, Objective(per_class=6))]
    assert losses[0] == losses[1]


def test_labels_are_learned_by_the_derivative_by_differences_and_lower_the_loss() -> None:
    objective, batch = Objective(KERNEL, per_class=6), problem().real(KEY.fold("set"), 2)
    labels = (batch.targets.double() + 0.1 * KEY.fold("bent").normal(20, 10)).requires_grad_()

    def loss(targets: Tensor) -> Tensor:
        return objective.loss({}, problem(), shown(batch._replace(targets=targets)), KEY)

    (slope,) = torch.autograd.grad(loss(labels), labels)
    along = KEY.fold("along").normal(20, 10).double()
    ends = [float(loss(labels.detach() + by * along)) for by in (1e-4, -1e-4)]
    assert float((slope * along).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-6)
    options = {"parameterization": "soft-targets", "objective.per_class": 9999, "steps": 10}
    run = Distillation(problem(), compose(recipe_for("kip", "digits", 1), options), 1, KEY, checks=0)
    before = state = run.begin()
    for _ in range(10):
        state = run.step(state)
    assert state.losses[-1] < 0.7 * state.losses[0]
    assert not torch.equal(state.learned["targets"], before.learned["targets"])


def test_a_learner_is_the_dense_regression_whatever_its_seed_and_network() -> None:
    protocol = KernelRidge(KERNEL, ridge=0.01)
    context = ProbeContext(problem(), set=made())
    first, other = (
        Training(Mixture(), seed, protocol, network=net).run(context) for seed, net in ((0, ""), (7, "lenet"))
    )
    said = dense(made().batch.inputs, made().batch.targets, context.examples.inputs, 0.01)
    assert first["predictions"][0].tolist() == said.argmax(1).tolist() == other["predictions"][0].tolist()
    share = float((said.argmax(1) == context.examples.classes).double().mean())
    assert float(first["accuracy"][0]) == pytest.approx(share, abs=1e-12) and share > 0.5
    # Float32 inputs are taken to float64 before anything is multiplied, and so what is said of them is exact.
    torch.testing.assert_close(
        first["losses"][0].double(), TASK.loss(said, context.examples.targets), rtol=1e-6, atol=0
    )


def beside(protocol: KernelRidge | Epochs, *baselines: str) -> list[Entry]:
    return entries([(ProbeContext(problem(), "set", made()), Path("set"), made())], protocol, baselines)


def test_a_set_and_all_real_data_have_one_learner_and_random_images_one_for_each_draw() -> None:
    protocol = KernelRidge(KERNEL, ridge=0.01)
    rows = {each.name: each.score(protocol.name, 3) for each in beside(protocol, "random", "full")}
    assert {name: row.n for name, row in rows.items()} == {"set": 1, "random": 3, "full": 1}
    assert {row.network for row in rows.values()} == {"neural-tangent-d2-w1.3-b0.2"}
    assert {row.protocol for row in rows.values()} == {"krr with kernel neural-tangent-d2-w1.3-b0.2, ridge 0.01"}
    assert rows["set"].low == rows["set"].mean == rows["set"].high
    assert len(set(rows["random"].values)) == 3 and rows["random"].low < rows["random"].mean
    task, key = TASK, Key(("baseline", 1))
    drawn, test = Real().pick(problem(), 2, key), TASK.load("test")
    right = dense(drawn.inputs, drawn.targets, test.inputs, 0.01).argmax(1) == test.classes
    assert rows["random"].values[1] == pytest.approx(float(right.double().mean()), abs=1e-12)
    # All real data: fitted once, and by that levelled off.
    whole = task.load("train", torch.cat(task.groups("train")))
    right = dense(whole.inputs, whole.targets, test.inputs, 0.01).argmax(1) == test.classes
    assert rows["full"].mean == pytest.approx(float(right.double().mean()), abs=2 / len(test.classes))
    assert rows["full"].whole and rows["full"].mean > 0.9


def test_what_has_more_items_than_are_fitted_is_no_baseline_and_no_set() -> None:
    few = KernelRidge(most=30)
    with pytest.warns(UserWarning, match="full is left out: 1,295 examples, protocol krr with most 30 takes 30"):
        assert [each.name for each in beside(few, "random", "full")] == ["set", "random"]
    # Whoever takes the baselines as they come reads of it in the protocol.
    usual = ("random", "herding", "kmeans", "random:bytes", "full")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "full" not in [each.name for each in beside(few, *usual)]
    assert "to at most 30 items" in str(few)
    with pytest.raises(InputError, match=r"kernel neural-tangent: found 20 items, expected at most 19"):
        Training(Mixture(), 0, KernelRidge(most=19)).run(ProbeContext(problem(), set=made()))
    with pytest.raises(InputError, match="found 1,295 items"):
        Training(AllReal(), 0, few).run(ProbeContext(problem()))


@pytest.mark.parametrize("name", ["krr", "own"])
def test_the_one_learner_that_a_set_has_is_read_back_once(name: str, tmp_path: Path) -> None:
    """Fitted, or begun where the set says."""
    one = replace(made(), initialisation=problem().network.init(KEY))
    with Session(tmp_path) as session:
        entered = entries_of(session, TASK, [("set", Path("set"), one)], ["mlp-w4"], named(name), ("random",))
        assert known(session, entered, named(name)) == []
        rows = [each.score(name, 2) for each in entered]
        assert [row.n for row in rows] == [1, 2] and known(session, entered, named(name)) == rows


def test_several_networks_are_one_kernel(tmp_path: Path) -> None:
    with Session(tmp_path) as session:
        asked = (session, TASK, [("set", Path("set"), made())], ["mlp-w4", "lenet"])
        assert [each.learner.name for each in entries_of(*asked, named("krr"), ("random",))] == ["neural-tangent"] * 2
        assert len(entries_of(*asked, Epochs(), ("random",))) == 4


def test_what_a_regression_of_classes_cannot_say_is_refused() -> None:
    cartpole = load("cartpole")
    with pytest.raises(InputError, match="protocol krr: cartpole is scored by its return, expected accuracy"):
        named("krr").learner(cartpole, cartpole.network("mlp-w4"))
    on, batch = problem(), problem().real(KEY, 1)
    cut = shown(batch._replace(targets=batch.targets[:, :7]))
    with pytest.raises(InputError, match=r"kernel-ridge: found targets \(10, 7\), expected .* classes, \(10, 10\)"):
        Objective(per_class=1).loss({}, on, cut, KEY)
    whole = shown(batch._replace(inputs=batch.inputs.long()))
    with pytest.raises(InputError, match="kernel-ridge: found inputs of digits that are not all floating"):
        Objective(per_class=1).loss({}, on, whole, KEY)
    for make, message in (
        (lambda: KernelRidge(ridge=0.0), "ridge: found 0"),
        (lambda: KernelRidge(most=0), "most: found 0"),
        (lambda: Objective(per_class=0), "per_class: found 0"),
        (lambda: Objective(ridge=-1.0), "ridge: found -1"),
    ):
        with pytest.raises(InputError, match=message):
            make()


def test_reports_pass_over_protocols_that_have_no_learner_of_a_task() -> None:
    cartpole = load("cartpole")
    assert not archive._learns(named("krr"), cartpole, ["mlp-w4"])
    assert archive._learns(named("yang2024"), cartpole, ["mlp-w4"])
    assert archive._learns(named("krr"), TASK, ["mlp-w4"])
