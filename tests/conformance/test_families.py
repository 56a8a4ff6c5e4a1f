"""The laws that every registered part obeys. The parts come from the registers: none is listed by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from checkpoints import Kept
from limbeck.composition import Recipe
from limbeck.computations import Training, Twins
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.steps import Steps
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Schedule, Synthetic
from limbeck.core.family import from_spec, to_spec
from limbeck.core.files import read_tensors, write_tensors
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.distillation import distill as run
from limbeck.estimators import ESTIMATORS
from limbeck.learn.augment import RolledCrops
from limbeck.learn.classifiers import CLASSIFIERS
from limbeck.learn.kernels import KERNELS
from limbeck.learn.optim import OPTIMIZERS, Adam
from limbeck.learn.rules import INNER_OPTIMIZERS, rule_name, rule_named
from limbeck.learn.sensitivity import gradient, mean_loss
from limbeck.learn.training import rows_of
from limbeck.objectives import (
    OBJECTIVES,
    AdversarialContrast,
    CovarianceDistribution,
    Distribution,
    Gradient,
    Inversion,
    KernelRidge,
    LayerwiseDistribution,
    OneStepAhead,
    PooledRidge,
    RandomFeatureRidge,
    RidgeHead,
    SpectralDistribution,
    TangentRidge,
)
from limbeck.parameterizations import PARAMETERIZATIONS
from limbeck.protocols import PROTOCOL_KINDS, protocols
from limbeck.recipes import RECIPES
from limbeck.schedules import SCHEDULES, Fixed
from limbeck.starts import (
    SCORES,
    SELECTION_SPACES,
    SET_FUNCTIONS,
    SIMILARITIES,
    SPACES,
    STARTS,
    AllocatedCentroids,
    Representations,
)
from limbeck.statistics.groups import group_means
from small_graph import OF_GRAPHS

FAMILIES = (
    STARTS,
    SCORES,
    SET_FUNCTIONS,
    SIMILARITIES,
    SELECTION_SPACES,
    SPACES,
    PARAMETERIZATIONS,
    SCHEDULES,
    OBJECTIVES,
    ESTIMATORS,
    OPTIMIZERS,
    PROTOCOL_KINDS,
    INNER_OPTIMIZERS,
    KERNELS,
    CLASSIFIERS,
)
PARTS = [pytest.param(part(), id=f"{family.kind}-{name}") for family in FAMILIES for name, part in family.parts.items()]
BRIEF = {"representations": Representations(teacher=Twins(network="mlp-w4", steps=2, batch=8))}
"""Starts whose defaults take more than a test has time for."""
starts = pytest.mark.parametrize(
    "start",
    [
        pytest.param(BRIEF.get(name) or part(), id=name)
        for name, part in STARTS.parts.items()
        if name not in (*OF_GRAPHS, "paired-clusters")  # which asks for pairs, and is tested on some
    ],
)
QUICK = {
    "adversarial-contrast": AdversarialContrast(Distribution(per_class=64)),
    "gradient": Gradient(outer=1, inner=1),
    # Published crops are for large images: of these they leave a few pixels.
    "inversion": Inversion(augment=RolledCrops(0.9, roll=0.0)),
    "kernel-ridge": KernelRidge(per_class=20),
    "layerwise-distribution": LayerwiseDistribution(longest=4),
    "one-step-ahead": OneStepAhead(learning_rate=0.3, optimizer=Adam(learning_rate=0.03)),
    "ridge-head": RidgeHead(rate=1.0, scale_optimizer=Adam(learning_rate=1.0)),
    "pooled-ridge": PooledRidge(per_class=50, pool=2, ridge=0.1),
    "covariance-distribution": CovarianceDistribution(per_class=64),
    "spectral-distribution": SpectralDistribution(per_class=64),
    "random-feature-ridge": RandomFeatureRidge(per_class=32, networks=2, judged=4),
    # Converged and unscaled, as it is else no derivative of its loss.
    "tangent-ridge": TangentRidge(per_class=16, pool=2, steps=16, most=0.0, ridge=0.3, updates=2),
}
"""Objectives whose defaults are published loops, which would take a test minutes."""
WORLDLY = (
    *("episode-return", "policy-gradient", "policy-cloned", "value-cloned", "representation-ridge"),
    *("harmonic-trajectory", "relaxed-trajectory", "cross-covariance", "branch-trajectory", "eigenspaces"),
)
"""Objectives that ask for a world, transitions, recordings, representations, pairs or graphs; their laws are tested
where those are."""
REMEMBERING = ("warm-unrolled",)
"""Objectives that lower the loss of a learner with a history, which one that begins anew need not share."""
PROBING = ("linear-probe",)
"""Objectives that lower the loss of a probe on an encoder, which a learner that begins anew does not have."""


def objectives_without(*names: str) -> Any:
    parts = OBJECTIVES.parts.items()
    listed = [pytest.param(QUICK.get(name) or part(), id=name) for name, part in parts if name not in names]
    return pytest.mark.parametrize("objective", listed)


objectives = objectives_without(*WORLDLY)
KEY = Key(("conformance",))


def doubled(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double(), value)


SHORT = Fixed(steps=10, learning_rate=0.05)
"""A schedule that objectives which train on the set can go through in the time of a test."""


def synthetic_of(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, SHORT.render({}, batch.classes, KEY))


def bits(value: Any) -> list[bytes]:
    return [leaf.detach().numpy().tobytes() for leaf in tree.leaves(value)]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_survives_its_spec(part: Any) -> None:
    assert from_spec(json.loads(json.dumps(to_spec(part)))) == part


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_survives_its_spec_and_names_its_source(name: str) -> None:
    method = RECIPES[name]
    assert from_spec(json.loads(json.dumps(to_spec(method.recipe)))) == method.recipe
    assert method.source and method.cost and method.summary


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.kind)
def test_every_part_has_a_summary(family: Any) -> None:
    assert all(row["summary"].endswith(".") or row["summary"] for row in family.summaries())


@starts
def test_a_start_gives_every_class_its_items_in_order_and_follows_its_key(start: Any, problem: Problem) -> None:
    picked = start.pick(problem, 3, KEY)
    classes = len(problem.task.classes)
    if isinstance(start, AllocatedCentroids):
        assert len(picked.classes) == 3 * classes and picked.classes.bincount(minlength=classes).min() > 0
        assert torch.equal(picked.classes, picked.classes.sort().values)
    else:
        assert picked.classes.tolist() == [label for label in range(classes) for _ in range(3)]
    assert picked.targets.dtype == torch.float32 and torch.isfinite(picked.targets).all()
    if not start.represents:
        assert picked.targets.shape == (3 * classes, classes) and bool((picked.targets >= 0).all())
        torch.testing.assert_close(picked.targets.sum(1), torch.ones(3 * classes))
    assert picked.inputs.shape == (3 * classes, *problem.task.shape)
    assert torch.isfinite(picked.inputs).all()
    assert bits(start.pick(problem, 3, KEY)) == bits(picked)


@pytest.mark.parametrize("schedule", [pytest.param(part(), id=name) for name, part in SCHEDULES.parts.items()])
def test_a_schedule_starts_as_stated_and_is_differentiable_in_what_it_learns(schedule: Any) -> None:
    classes = torch.arange(3).repeat_interleave(2)
    params = schedule.init(6, KEY)
    rendered = schedule.render(params, classes, KEY)
    fixed = getattr(schedule, "around", schedule)
    torch.testing.assert_close(rendered.learning_rates, torch.full((fixed.steps,), fixed.learning_rate))
    assert bits(rendered) == bits(schedule.render(params, classes, KEY))
    assert int(rendered.order.max()) < 6 and tree.finite(rendered)
    for path, leaf in tree.flatten(doubled(params)).items():
        moved = leaf.clone().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda value, path=path: (
                schedule.render(tree.unflatten(params, {path: value}), classes, KEY).learning_rates
            ),
            [moved],
        )


CLASSES = torch.arange(3).repeat_interleave(4)
"""Of the items of a set of twelve."""


def seen(schedule: Schedule) -> set[int]:
    """The items that the steps of a schedule see."""
    return {item for step in range(len(schedule.learning_rates)) for item in rows_of(schedule, step).tolist()}


def through_a_file(schedule: Schedule, path: Path) -> Schedule:
    """The schedule as it is written and read again."""
    write_tensors(path, schedule.to_tensors(), {"rule": rule_name(schedule.rule)})
    tensors, header = read_tensors(path)
    return Schedule.from_tensors(tree.nest(tensors), rule_named(header["rule"]))


@pytest.mark.parametrize("optimizer", [pytest.param(part(), id=name) for name, part in INNER_OPTIMIZERS.parts.items()])
@pytest.mark.parametrize("schedule", [pytest.param(part(), id=name) for name, part in SCHEDULES.parts.items()])
def test_a_schedule_covers_all_items_by_its_key_and_is_read_back_to_the_bit(
    schedule: Any, optimizer: Any, tmp_path: Path
) -> None:
    holder = getattr(schedule, "around", schedule)
    changed = replace(holder, optimizer=optimizer)
    schedule = replace(schedule, around=changed) if holder is not schedule else changed
    assert from_spec(json.loads(json.dumps(to_spec(schedule)))) == schedule
    params = schedule.init(len(CLASSES), KEY)
    rendered = schedule.render(params, CLASSES, KEY)
    assert bits(rendered) == bits(schedule.render(params, CLASSES, KEY))
    assert seen(rendered) == set(range(len(CLASSES)))
    assert type(rendered.rule) is type(optimizer.rule())
    again = through_a_file(rendered, tmp_path / "schedule.safetensors")
    assert bits(again) == bits(rendered) and type(again.rule) is type(rendered.rule)


@pytest.mark.parametrize("protocol", [pytest.param(one, id=name) for name, one in protocols().items()])
@pytest.mark.parametrize("optimizer", [pytest.param(part(), id=name) for name, part in INNER_OPTIMIZERS.parts.items()])
def test_a_protocol_covers_all_items_by_its_key_and_is_read_back_to_the_bit(
    protocol: Any, optimizer: Any, tmp_path: Path
) -> None:
    assert from_spec(json.loads(json.dumps(to_spec(protocol)))) == protocol
    own = Schedule(torch.full((7,), 0.1), torch.arange(12).view(3, 4), optimizer.rule())
    for count, make in ((12, protocol.schedule), (1000, lambda *given: protocol.full_schedule(*given[:2], 7, KEY))):
        schedule = make(own, count, KEY)
        assert bits(schedule) == bits(make(own, count, KEY))
        assert seen(schedule) == set(range(count))
        again = through_a_file(schedule, tmp_path / "schedule.safetensors")
        assert bits(again) == bits(schedule) and type(again.rule) is type(schedule.rule)


@objectives
def test_the_gradient_of_an_objective_is_exact(objective: Any, double_problem: Problem) -> None:
    state = objective.init(double_problem, KEY)
    start = double_problem.real(KEY.fold("start"), 1)

    def loss(inputs: torch.Tensor) -> torch.Tensor:
        return objective.loss(state, double_problem, synthetic_of(start._replace(inputs=inputs)), KEY)

    assert torch.autograd.gradcheck(loss, [start.inputs.clone().requires_grad_()], fast_mode=True, rtol=1e-5)


@objectives
def test_an_objective_is_a_function_of_its_key(objective: Any, problem: Problem) -> None:
    if hasattr(objective, "per_class"):
        # Where all examples are drawn, whatever the key, no more than their order differs, which may round alike.
        objective = replace(objective, per_class=3)
    state = objective.init(problem, KEY)
    shown = synthetic_of(problem.real(KEY.fold("start"), 2))
    first = objective.loss(state, problem, shown, KEY)
    assert bits(objective.loss(state, problem, shown, KEY)) == bits(first)
    assert bits(objective.loss(state, problem, shown, KEY.fold("other"))) != bits(first)
    after = objective.advance(state, problem, shown, KEY)
    assert bits(objective.advance(state, problem, shown, KEY)) == bits(after)
    assert tree.flatten(after).keys() == tree.flatten(state).keys()


# Matching gradients takes two minutes to compile, and cloning is unrolling: `tests/exact/test_compiled.py` has both. Of
# regressions on features the same is compiled as of the ridge head, of spectra as of distributions.
@objectives_without(
    *WORLDLY, "gradient", "cloned", "pooled-ridge", "random-feature-ridge", "tangent-ridge", "spectral-distribution"
)
@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.filterwarnings("error:not compiled")
def test_an_objective_is_the_same_compiled(objective: Any, double_problem: Problem) -> None:
    start = double_problem.real(KEY.fold("start"), 1)

    def step(problem: Problem) -> list[torch.Tensor]:
        state, inputs = objective.init(problem, KEY), start.inputs.clone().requires_grad_()
        loss = objective.loss(state, problem, synthetic_of(start._replace(inputs=inputs)), KEY)
        (slope,) = torch.autograd.grad(loss, [inputs])
        after = objective.advance(state, problem, synthetic_of(start), KEY)
        return [loss.detach(), slope, *(leaf for leaf in tree.leaves(after) if leaf.is_floating_point())]

    for compiles, eager in zip(step(replace(double_problem, compiled=True)), step(double_problem), strict=True):
        torch.testing.assert_close(compiles, eager, rtol=1e-8, atol=1e-11, equal_nan=True)


def recipe_of(objective: Any, steps: int, learning_rate: float = 0.04) -> Recipe:
    known = [method.recipe.schedule for method in RECIPES.values() if type(method.recipe.objective) is type(objective)]
    # Where a set is trained on by the learning rates that it learns, theirs is where they start.
    around = getattr(known[-1], "around", None) if known else None
    schedule = replace(known[-1], around=replace(around, steps=SHORT.steps)) if around else SHORT
    return Recipe(objective=objective, schedule=schedule, optimizer=Adam(learning_rate), steps=steps)


@objectives
def test_a_run_that_was_interrupted_ends_bit_for_bit_as_one_that_was_not(objective: Any, problem: Problem) -> None:
    steps = Distillation(problem, recipe_of(objective, 3), per_class=1, key=KEY, checks=1)
    whole = run(steps, Kept(), Kept().watch)
    for stop in (1, 3):
        kept = Kept(stop)
        with pytest.raises(KeyboardInterrupt):
            run(steps, kept, kept.watch)
        resumed = run(steps, kept, Kept().watch)
        assert bits(resumed.params) == bits(whole.params)
        assert bits(resumed.losses) == bits(whole.losses)
        assert resumed.checks == whole.checks


@dataclass(frozen=True)
class Trained(AbstractObjective):
    """Class means under a network that is trained on the set by Adam, whose moments are part of the state."""

    optimizer: Adam = Adam(learning_rate=0.01)

    def init(self, problem: Problem, key: Key) -> Any:
        params = problem.network.init(key)
        return {"network": params, "optimizer": self.optimizer.init(params)}

    def loss(self, state: Any, problem: Problem, synthetic: Synthetic, key: Key) -> torch.Tensor:
        means = [
            group_means(problem.network.apply(state["network"], batch.inputs).features, batch.classes, 10)
            for batch in (problem.real(key, 4), synthetic.batch)
        ]
        return (means[0] - means[1]).square().sum()

    def advance(self, state: Any, problem: Problem, synthetic: Synthetic, key: Key) -> Any:
        gradients = gradient(mean_loss(problem.task, problem.network), state["network"], synthetic.batch)
        params, optimizer = self.optimizer.step(state["network"], gradients, state["optimizer"])
        return {"network": params, "optimizer": optimizer}


def test_an_objective_may_have_an_optimizer_of_its_own(problem: Problem) -> None:
    test_a_run_that_was_interrupted_ends_bit_for_bit_as_one_that_was_not(Trained(), problem)
    steps = Distillation(problem, recipe_of(Trained(), 3), per_class=1, key=KEY)
    state = steps.step(steps.step(steps.begin()))
    assert int(state.objective["optimizer"]["count"]) == 2


@objectives_without(*WORLDLY, *REMEMBERING, *PROBING)
def test_distilling_beats_its_start(objective: Any, problem: Problem) -> None:
    steps = Distillation(problem, recipe_of(objective, 15, learning_rate=0.08), per_class=1, key=KEY, checks=1)
    done = run(steps, Kept(), Kept().watch)
    render = steps.recipe.parameterization.render

    def accuracy(params: Any) -> float:
        batch = render(params, KEY)
        shown = BatchSet("", batch, SHORT.render({}, batch.classes, KEY))
        context = ProbeContext(problem, set=shown, split="validation")
        first, *others = (Training(protocol=Steps(100), seed=seed) for seed in range(4))
        outcomes = first.run_together(context, [(each, context) for each in others])
        return sum(float(outcome["accuracy"][-1]) for outcome in outcomes) / 4

    before, after = accuracy(steps.begin().params), accuracy(done.params)
    assert after > before + 0.02
