"""One step of training, and a few: closed forms, derivatives by differences, and what a set then carries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import limbeck
from limbeck.computations import Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Readout, Schedule, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.distilled_set import DistilledSet
from limbeck.estimators import Evolution
from limbeck.learn.losses import BySquaredError, SquaredError
from limbeck.learn.prototypes import soft_nearest
from limbeck.learn.rules import Adam, Momentum
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.training import Learner, going_on, gradient_function, row_loader
from limbeck.objectives import EpisodeReturn, Unrolled
from limbeck.objectives.unrolled import initial
from limbeck.protocols import Epochs, Own
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Noise
from limbeck.tasks import load

KEY = Key(("one-step",))
CPU = torch.device("cpu")
NETWORK = "mlp-w8-tanh-orthogonal"
DIMENSIONS = 20


@pytest.fixture
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@dataclass(frozen=True)
class DoubledProblem(Problem):
    """A problem whose real examples are float64."""

    def real(self, key: Key, per_class: int) -> Batch:
        batch = super().real(key, per_class)
        return Batch(batch.inputs.double(), batch.targets.double(), batch.classes)


def problem(name: str = "cartpole-2d", network: str = NETWORK) -> DoubledProblem:
    task = load(name)
    return DoubledProblem(task, task.network(network), CPU, NoCache())


class Linear:
    """A linear model without a constant, as far as training asks of a network."""

    keeps_statistics = False

    def apply(self, params: Tensor, inputs: Tensor, statistics: object = None) -> Readout:

        return Readout(inputs, inputs @ params["weight"])


def after_one_step(inputs: Tensor, targets: Tensor, rate: float, starts: Tensor) -> Tensor:
    """Where linear models come to from many starts, a column each, by one step of squared error."""
    task, network = load("cartpole"), Linear()
    gradient_of = gradient_function(mean_loss(task, network, BySquaredError()), task, network, BySquaredError())  # type: ignore[arg-type]
    rows = torch.zeros(len(inputs), dtype=torch.int64)
    schedule = Schedule(torch.tensor([rate]), torch.arange(len(inputs))[None], Momentum(0.0).rule(), BySquaredError())
    found = []
    for start in starts.T:
        batch, learner = Batch(inputs, targets[:, None], rows), Learner({"weight": start[:, None]}, {})
        *_, end = going_on(task, gradient_of, learner, row_loader(task, batch), schedule, KEY, None)
        found.append(end.params["weight"][:, 0])
    return torch.stack(found, 1)


@pytest.mark.parametrize("items", [20, 12, 5])
def test_one_step_of_a_linear_model_is_exact_from_as_many_items_as_dimensions_and_errs_by_what_is_missing(
    double: None, items: int
) -> None:
    """Wang et al. (2018): with X'X = items / (2 rate) I every start comes to the solution; fewer leave D - M of it."""
    aim, rate, count = KEY.fold("aim").normal(DIMENSIONS).double(), 0.3, 100
    rows = torch.linalg.qr(KEY.fold("basis").normal(DIMENSIONS, DIMENSIONS).double()).Q[:items]
    inputs = math.sqrt(items / (2 * rate)) * rows
    starts = aim[:, None] + KEY.fold("starts").normal(DIMENSIONS, count).double()
    left = (after_one_step(inputs, inputs @ aim, rate, starts) - aim[:, None]).square().sum(0)
    if items == DIMENSIONS:
        assert float(left.max()) < 1e-10**2
    else:
        # A chi-squared of D - M degrees of freedom.
        missing = DIMENSIONS - items
        assert abs(float(left.mean()) - missing) < 4 * math.sqrt(2 * missing / count)


@pytest.mark.parametrize("optimizer", [Momentum(0.0), Momentum(0.9), Adam()], ids=["plain", "momentum", "adam"])
@pytest.mark.parametrize("steps", [1, 3])
def test_derivatives_in_inputs_targets_and_rates_are_those_by_differences(
    double: None, steps: int, optimizer: Momentum | Adam
) -> None:
    on, objective = problem(), Unrolled(per_class=4, initialisations=1)
    schedule = LearnedRates(Fixed(steps=steps, learning_rate=0.1, optimizer=optimizer, loss=SquaredError()))
    classes = torch.arange(4)
    at = {
        "inputs": KEY.fold("inputs").normal(4, 8).double(),
        "targets": KEY.fold("targets").normal(4, 4).double(),
        "rates": schedule.init(4, KEY)["log_learning_rates"].double() + 0.3 * torch.arange(steps),
    }

    def loss(leaves: dict[str, Tensor]) -> Tensor:
        batch = Batch(leaves["inputs"], leaves["targets"], classes)
        shown = schedule.render({"log_learning_rates": leaves["rates"]}, classes, KEY)
        shown = shown._replace(rule=tree.map(torch.Tensor.double, shown.rule))
        return objective.loss({}, on, Synthetic.of(batch, shown), KEY)

    leaves = {name: leaf.clone().requires_grad_() for name, leaf in at.items()}
    gradients = dict(zip(leaves, torch.autograd.grad(loss(leaves), list(leaves.values())), strict=True))
    for name, gradient_of in gradients.items():
        along = KEY.fold("along", name).normal(*at[name].shape).double()
        step = 1e-5
        ends = [float(loss({**at, name: at[name] + sign * step * along})) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float((gradient_of * along).sum()) == pytest.approx(slope, rel=1e-5, abs=1e-8), name


def test_the_loss_of_training_is_the_squared_error_and_that_of_the_outcome_the_task_s() -> None:
    on, objective = problem("cartpole"), Unrolled(per_class=3, initialisations=1)
    batch = Batch(KEY.normal(2, 4), KEY.fold("targets").normal(2, 2), torch.arange(2))
    schedule = Fixed(steps=1, learning_rate=0.5, optimizer=Momentum(0.0), loss=SquaredError()).render(
        {}, batch.classes, KEY
    )
    params = {name: leaf.clone().requires_grad_() for name, leaf in initial(on, 1, KEY).items()}
    inner = (on.network.apply(params, batch.inputs).outputs - batch.targets).square().mean()
    slopes = torch.autograd.grad(inner, list(params.values()))
    after = {name: leaf - 0.5 * slope for (name, leaf), slope in zip(params.items(), slopes, strict=True)}
    real = on.real(KEY.fold("real"), 3)
    expected = torch.nn.functional.cross_entropy(on.network.apply(after, real.inputs.float()).outputs, real.classes)
    found = objective.loss({}, replace_problem(on), Synthetic.of(batch, schedule), KEY)
    torch.testing.assert_close(found, expected.to(found), rtol=1e-5, atol=1e-6)


def replace_problem(on: Problem) -> Problem:
    """The plain problem, in single precision."""
    return Problem(on.task, on.network, on.device, on.cache)


def test_a_set_for_one_initialisation_carries_it_and_its_loss_and_is_scored_so(tmp_path: Path) -> None:
    made = limbeck.distill(
        "digits", "one-step", ipc=1, network="mlp-w16", steps=3, session=limbeck.Session(tmp_path, device="cpu")
    )
    on = Problem(load("digits"), load("digits").network("mlp-w16"), CPU, NoCache())
    expected = initial(on, 1, Key())
    assert made.initialisation is not None and made.binding
    assert all(torch.equal(made.initialisation[name], leaf) for name, leaf in expected.items())
    made.save(tmp_path / "made.safetensors")
    again = DistilledSet.load(tmp_path / "made.safetensors")
    assert again == made and isinstance(again.schedule.loss, BySquaredError) and again.binding
    (learner, *_) = Training(Mixture(), 7, Own()).learners(ProbeContext(on, "made", again))
    assert all(torch.equal(learner.params[name], leaf) for name, leaf in expected.items())
    session = limbeck.Session(tmp_path, device="cpu", workers=1)
    (own,) = limbeck.evaluate(tmp_path / "made.safetensors", repeats=1, baselines=[], session=session)
    (other,) = limbeck.evaluate(
        tmp_path / "made.safetensors", repeats=1, baselines=[], protocol="yang2024", session=session
    )
    assert (own.protocol, other.protocol) == ("own", "yang2024")
    plain = made.schedule._replace(loss=Epochs().schedule(None, 2, KEY).loss)
    assert replace(made, schedule=plain).digest != made.digest


def test_initialisations_are_as_many_as_there_are_and_the_one_is_fixed() -> None:
    on = replace_problem(problem("cartpole"))

    def begun(count: int, draws: int) -> int:
        found = (tree.leaves(initial(on, count, KEY.fold(draw))) for draw in range(draws))
        return len({sum(float(leaf.sum()) for leaf in leaves) for leaves in found})

    assert (begun(3, 40), begun(1, 5), begun(0, 5)) == (3, 1, 5)
    assert [Unrolled(initialisations=count).initialisation(on) is None for count in (0, 1, 3)] == [True, False, True]


@pytest.mark.parametrize(("items", "counts"), [(6, [1] * 6 + [0] * 4), (13, [2] * 3 + [1] * 7)])
def test_a_set_may_have_fewer_items_than_classes(items: int, counts: list[int]) -> None:
    on = Problem(load("digits"), load("digits").network("mlp-w16"), CPU, NoCache())
    batch = Noise(items=items, targets=True).pick(on, 1, KEY)
    assert batch.classes.bincount(minlength=10).tolist() == counts
    assert batch.classes.tolist() == sorted(batch.classes.tolist())
    assert batch.targets.shape == (items, 10) and not torch.equal(batch.targets.round(), batch.targets)


def test_candidates_go_together_as_one_by_one() -> None:
    on = replace_problem(problem("cartpole"))
    recipe = recipe_for("one-step-es", "cartpole", 1)
    objective = EpisodeReturn(learners=2, episodes=3)
    run = Distillation(on, replace(recipe, objective=objective), 1, KEY)
    state = run.begin()
    sets = [
        run.show(tree.map(lambda leaf, by=by: leaf + by, state.learned), state.fixed, KEY) for by in (0.0, 0.5, -0.3)
    ]
    together = objective.losses({}, on, sets, KEY)
    alone = torch.stack([objective.loss({}, on, each, KEY) for each in sets])
    torch.testing.assert_close(together, alone, rtol=0, atol=0)
    assert len(set(together.tolist())) == 3 and bool(((together < 0) & (together >= -1)).all())


def test_a_run_by_episodes_is_a_function_of_its_key_and_goes_on_bit_for_bit() -> None:
    on = replace_problem(problem("cartpole"))
    recipe = replace(recipe_for("one-step-es", "cartpole", 1), estimator=Evolution(pairs=2, ranks=True), steps=4)
    ends = []
    for key in (KEY, KEY, KEY.fold("other")):
        run = Distillation(on, recipe, 1, key, checks=0)
        state = run.begin()
        for step in range(4):
            if step == 2:
                # As a checkpoint holds it.
                state = tree.unflatten(state, {path: leaf.clone() for path, leaf in tree.flatten(state).items()})
            state = run.step(state)
        ends.append(torch.cat([leaf.flatten() for leaf in tree.leaves(state.learned)]))
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])
    assert bool(state.losses.isfinite().all())


def test_what_a_policy_gathers_asks_for_a_world() -> None:
    on = Problem(load("digits"), load("digits").network("mlp-w16"), CPU, NoCache())
    with pytest.raises(InputError, match="digits has no episodes; expected a control task, such as cartpole"):
        EpisodeReturn().init(on, KEY)


def test_squared_error_wants_a_number_for_each_output() -> None:
    with pytest.raises(InputError, match="found targets \\(3,\\), expected one number for each output"):
        BySquaredError().each(load("cartpole"), torch.zeros(3, 2), torch.zeros(3))


def test_two_prototypes_tell_three_classes_apart_at_a_third_and_two_thirds() -> None:
    """Sucholutsky & Schonlau (2021): under (.6, .4, 0) and (0, .4, .6), .6/t > .4/t + .4/(1 - t) until t = 1/3."""
    prototypes = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    targets = torch.tensor([[0.6, 0.4, 0.0], [0.0, 0.4, 0.6]], dtype=torch.float64)

    def named(place: float) -> int:
        query = torch.tensor([[place]], dtype=torch.float64)
        return int(soft_nearest(query, prototypes, targets, 2).argmax())

    for boundary, (below, above) in ((1 / 3, (0, 1)), (2 / 3, (1, 2))):
        assert (named(boundary - 1e-6), named(boundary + 1e-6)) == (below, above)
