"""Every part on another device: torch's `meta`, whose tensors have no numbers, so that whatever reads one raises.

There most faults of a run on a GPU show without one: tensors of two devices in one operation, and a number that is
read on the way, for which a GPU is waited for. What may be read is read by `tree.read`, and is counted here.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import coupled
import recordings
from limbeck.composition import Recipe
from limbeck.computations import AllReal, Steps, Training, examples, record
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.entering import sums_of
from limbeck.core import placing, tree
from limbeck.core.contracts import AbstractNetwork, NoCache, Problem, Schedule, Synthetic
from limbeck.core.family import from_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.distillation import Distillation
from limbeck.estimators import ESTIMATORS
from limbeck.learn import microbatches, networks
from limbeck.learn.augment import OPERATIONS, Mirror, RolledCrops, Siamese
from limbeck.learn.classifiers import CLASSIFIERS, Boosted, Forest
from limbeck.learn.classifiers.machine import Machine
from limbeck.learn.distances import DISTANCES
from limbeck.learn.kernels import KERNELS
from limbeck.learn.losses import Likeness
from limbeck.learn.networks.layers import NORMS
from limbeck.learn.optim import OPTIMIZERS, Adam
from limbeck.learn.rules import INNER_OPTIMIZERS
from limbeck.learn.sensitivity import mean_loss, sensitivity
from limbeck.learn.stacked import stacked_training, trained
from limbeck.learn.training import Learner, fresh, gradient_function
from limbeck.learn.unroll import advance, initial_state, unroll
from limbeck.learn.views import CutMix, InTurn, Mixup, ResizedCrop
from limbeck.objectives import (
    OBJECTIVES,
    BranchTrajectory,
    CrossCovariance,
    Distribution,
    Gradient,
    LayerwiseDistribution,
    OneStepAhead,
    PolicyGradient,
    RidgeHead,
    Unrolled,
)
from limbeck.objectives.real_training import RealTraining
from limbeck.parameterizations import PARAMETERIZATIONS, LikenessTargets, SoftTargets
from limbeck.protocols import Alike, Classifier, CondensedGraph, Epochs, Linear, protocols
from limbeck.schedules import SCHEDULES, Fixed
from limbeck.starts import Noise
from limbeck.starts.boundary import boundary_distance
from limbeck.tasks import load
from small_graph import OF_GRAPHS

META, CPU = torch.device("meta"), torch.device("cpu")
KEY = Key(("another device",))
SHORT = Fixed(steps=3, learning_rate=0.05, per_class=1)
SHORT_STEPS = Steps(1)


class OneDevice(TorchDispatchMode):
    """Raises where tensors of two devices meet; a single number on the CPU may meet any, and copies go anywhere.

    torch's `meta` itself raises for most operations, but not for products of matrices, convolutions, indices, and
    what is written in place. `waited` lists the copies to the device for which a GPU would be waited for: those that
    are not handed on (`limbeck.core.placing.onto`). What `torch.tensor` is told to put there is seen by nothing, and is
    forbidden by the text of a file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [leaf for leaf in torch.utils._pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        devices = {leaf.device.type for leaf in given if leaf.dim() or leaf.device.type != "cpu"}
        copies = func._overloadpacket is torch.ops.aten.copy_
        if len(devices) > 1 and not copies:
            raise RuntimeError(f"{func}: tensors on {sorted(devices)}")
        made = func(*args, **kwargs)
        if copies or func._overloadpacket is torch.ops.aten._to_copy:
            source = args[1] if copies else args[0]
            handed = kwargs.get("non_blocking", copies and args[2:] == (True,))
            if source.device == CPU and made.device == META and not handed:
                self.waited.append(_caller())
        return made


OURS = str(Path(tree.__file__).parents[1])
LOOKS = "/learn/networks/anatomy.py"
"""It puts modules onto `meta` to look at them, wherever they are then computed with."""
COUNTS = f"{OURS}/learn/compiled.py"
"""It hands operations on that it counts."""


def _caller() -> str:
    """The line of limbeck that is at work; "" where a test is."""
    before = reversed(traceback.extract_stack()[:-2])
    last = next(
        each
        for each in before
        if (each.filename.startswith(OURS) and each.filename != COUNTS) or each.filename == __file__
    )
    return f"{last.filename.removeprefix(OURS)}:{last.lineno}" if last.filename.startswith(OURS) else ""


@dataclass(frozen=True)
class Untrained:
    """A cache in which every expert, the network of the features, and an autoencoder are still as they began."""

    network: AbstractNetwork

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        if address["name"] == "autoencoder":
            return from_spec(address["computation"]).begun(load("digits"))
        if branch.startswith("statistics/"):
            return self.network.statistics()
        if address["name"] == "entering-moments":
            zeros = torch.zeros(1, *self.network.shape)  # type: ignore[attr-defined]
            _, found = self.network.entering(self.network.init(KEY), zeros, self.network.statistics())
            moments = {f"{index:03d}": torch.zeros(each.shape[1]).double() for index, each in enumerate(found)}
            return {"means": moments, "variances": moments}
        return self.network.init(KEY) if branch.startswith("params/") else tree.branch(make(), branch)


@dataclass(frozen=True)
class Kept(NoCache):
    """A cache that holds one outcome, on the CPU as all are."""

    outcome: Tree

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        return tree.branch(self.outcome, branch)


def problem_of(network: str = "convnet-w4-d1", data: str = "digits") -> Problem:
    task = load(data)
    return Problem(task, task.network(network), META, Untrained(task.network(network)))


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What was read from the device so far; each number is read as 1."""
    found: list[Tensor] = []

    def read(number: Tensor) -> float:
        if number.device == CPU:
            return float(number)
        assert number.shape == ()
        found.append(number)
        return 1.0

    monkeypatch.setattr(tree, "read", read)
    return found


@pytest.fixture(autouse=True)
def one_device() -> Iterator[OneDevice]:
    with OneDevice() as mode:
        yield mode
    waited = {each for each in mode.waited if each and not each.startswith(LOOKS)}
    assert not waited, "a GPU is waited for where something is copied to it"


def test_the_law_sees_what_it_forbids() -> None:
    there, here = torch.ones(3, 3, device=META), torch.ones(3, 3)
    for mixed in (
        lambda: there @ here,
        lambda: there + here,
        lambda: there[torch.tensor([0])],
        lambda: here.mul_(there),
        lambda: here * there.sum(),
    ):
        with pytest.raises(RuntimeError, match="device|tensors on"):
            mixed()
    for reading in (
        lambda: there.sum().item(),
        lambda: float(there.sum()),
        lambda: bool(there.any()),
        lambda: there.tolist(),
        lambda: there.nonzero(),
        lambda: there[there > 0],
        lambda: there.unique(),
        lambda: here.copy_(there),
        lambda: there.cpu(),
        lambda: tree.read(there.sum()),
    ):
        with pytest.raises((RuntimeError, NotImplementedError)):
            reading()
    assert (there * torch.tensor(2.0)).device == here.to(META).device == META


def test_the_law_sees_a_copy_that_is_waited_for(one_device: OneDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.ones(2).to(META)
    tree.move(torch.ones(2), META)
    assert one_device.waited == [""]
    monkeypatch.setattr(placing, "_WITHOUT_WAITING", ())
    tree.move(torch.ones(2), META)
    torch.zeros(2, device=META).copy_(torch.ones(2))
    torch.zeros(2, device=META).copy_(torch.ones(2), non_blocking=True)
    assert [each.partition(":")[0] for each in one_device.waited] == ["", "/core/placing.py", ""]
    one_device.waited.clear()


def parts(family: Any) -> Any:
    return [pytest.param(part(), id=name) for name, part in family.parts.items()]


def short(objective: Any) -> Any:
    """The objective with as few steps of its own as take every way through it."""
    fewer = {"inner": 1, "longest": 2, "steps": 1, "outer": 2, "interval": 2, "queue": 5, "per_class": 4, "judged": 4}
    return replace(objective, **{name: few for name, few in fewer.items() if hasattr(objective, name)})


def hardly_fitted(parameterization: Any) -> Any:
    """The parameterization with two steps of what it fits to its start, or of what it is made of does."""
    if hasattr(parameterization, "fit_steps"):
        return replace(parameterization, fit_steps=2)
    if hasattr(parameterization, "field"):
        return replace(parameterization, field=hardly_fitted(parameterization.field))
    return parameterization


def distilled(recipe: Recipe, readings: list[Tensor], steps: int = 2, problem: Problem | None = None) -> list[int]:
    """Steps of a distillation, and how many numbers were read from the device in each.

    The first step reads one more than is counted here: whether it changed anything.
    """
    run = Distillation(problem or problem_of(), replace(recipe, steps=steps), per_class=2, key=KEY)
    state, counts = run.begin(), []
    assert len(readings) <= 1, "whether labels are hard is all that is asked before the first step"
    for _ in range(steps):
        readings.clear()
        state = run.step(state)
        counts.append(len(readings) - (not counts))
    assert int(state.step) == steps and state.losses.device == CPU and not bool(state.losses.isnan().any())
    assert all(leaf.device == META for leaf in tree.leaves((state.learned, state.optimizers)) if leaf.dim())
    shown = run.show(state.learned, state.fixed, KEY)
    assert {leaf.device for leaf in tree.leaves((shown.batch.inputs, shown.batch.targets))} == {META}
    assert shown.batch.classes.device == shown.schedule.order.device == CPU
    return counts


TOLD = ("policy-cloned", "value-cloned")
"""Objectives that ask for transitions."""
RECORDED = ("harmonic-trajectory", "relaxed-trajectory")
"""Objectives that ask for a recording."""
PAIRED = ("cross-covariance", "branch-trajectory")
"""Objectives that ask for pairs."""
WORLDLY = ("episode-return", "policy-gradient", "representation-ridge", "eigenspaces", *TOLD, *RECORDED, *PAIRED)
"""Objectives that ask for a world, for transitions, a recording, representations, a graph or pairs."""
OF_IMAGES = [each for each in parts(PARAMETERIZATIONS) if each.id not in (*OF_GRAPHS, "windows", "likeness-targets")]
"""Parameterizations of more than recordings and graphs."""
OF_ANY = [each for each in parts(SCHEDULES) if each.id != "attention-labels"]
"""Schedules for networks that attend to nothing, too."""


def recipe_of(**fields: Any) -> Recipe:
    return Recipe(**{"objective": Unrolled(per_class=3), "schedule": SHORT, "optimizer": Adam(), **fields})


ON_REAL = pytest.param(Gradient(training=RealTraining(steps=1)), id="gradient on real examples")


@pytest.mark.parametrize("objective", [*(each for each in parts(OBJECTIVES) if each.id not in WORLDLY), ON_REAL])
def test_a_step_of_an_objective_reads_one_number_and_those_that_it_decides_by(
    objective: Any, readings: list[Tensor]
) -> None:
    # Each step reads its loss, which is NaN where anything is not finite. Few objectives decide by what they measure:
    # one reads an accuracy after each step, and one after each epoch, here all, as it seems never to move; those whose
    # network learns beside the set read its error after each step.
    objective = short(objective)
    decides = 1 + objective.longest if isinstance(objective, LayerwiseDistribution) else 0
    decides += isinstance(objective, OneStepAhead | RidgeHead)
    assert distilled(recipe_of(objective=objective), readings) == [1 + decides] * 2


def test_a_step_of_a_policy_gradient_reads_one_number_also_where_it_gathers(readings: list[Tensor]) -> None:
    # Two steps between two gatherings: the first step gathers twice, the third once.
    objective = PolicyGradient(environments=3, steps=2, epochs=1, minibatch=4)
    recipe = recipe_of(objective=objective, start=Noise(targets=True), parameterization=SoftTargets())
    assert distilled(recipe, readings, 4, problem_of("mlp-w4-tanh", "cartpole")) == [1] * 4


@pytest.mark.parametrize("network", ["convnet-w4-d1-batch"])
@pytest.mark.parametrize("objective", [*(each for each in parts(OBJECTIVES) if each.id not in WORLDLY), ON_REAL])
def test_a_step_of_an_objective_under_running_statistics(objective: Any, network: str, readings: list[Tensor]) -> None:
    problem, objective = problem_of(network), short(objective)
    state, batch = objective.init(problem, KEY), problem.real(KEY, 2)
    inputs = batch.inputs.requires_grad_()
    shown = recipe_of().schedule.render({}, batch.classes, KEY)
    synthetic = Synthetic.of(batch, shown)
    loss = objective.loss(state, problem, synthetic, KEY)
    (slope,) = torch.autograd.grad(loss, [inputs])
    assert loss.device == slope.device == META and slope.shape == inputs.shape
    after = objective.advance(tree.detach(state), problem, Synthetic.of(tree.detach(batch), shown), KEY)
    where = [[leaf.device for leaf in tree.leaves(one)] for one in (state, after)]
    assert where[0] == where[1]


@pytest.mark.parametrize("network", ["convnet-w4-d1", "convnet-w4-d1-batch"])
def test_what_enters_normalisations_is_summed_where_it_is(network: str, readings: list[Tensor]) -> None:
    problem = problem_of(network)
    (found,) = sums_of(problem, fresh(problem.network, KEY, META), problem.real(KEY, 2).inputs)
    joined = found.joined(found)
    assert joined.mean.device == joined.squares.device == META and joined.number == 2 * 20 * 64 and not readings


@pytest.mark.parametrize("name", TOLD)
def test_a_loss_on_what_an_expert_would_do(name: str, readings: list[Tensor], tmp_path: Path) -> None:
    arrays = recordings.numbers()
    task = load(recordings.write(tmp_path / "told.npz", arrays, policy=arrays["actions"], values=arrays["rewards"]))
    problem, objective = Problem(task, task.network("mlp-w8"), META, NoCache()), OBJECTIVES.parts[name]()
    batch = problem.real(KEY, 2)
    inputs = batch.inputs.requires_grad_()
    shown = Synthetic.of(batch, SHORT.render({}, batch.classes, KEY))
    loss = objective.loss(objective.init(problem, KEY), problem, shown, KEY)
    (slope,) = torch.autograd.grad(loss, [inputs])
    assert loss.device == slope.device == META and not readings


def test_a_step_of_an_objective_of_pairs(readings: list[Tensor], tmp_path: Path) -> None:
    task = load(coupled.write(tmp_path / "squares"))
    network = task.network("convnet-w4-d1")
    problem = Problem(task, network, META, Untrained(network))
    objective = CrossCovariance(training=RealTraining(steps=1, augment=None))
    assert distilled(recipe_of(objective=objective), readings, 2, problem) == [1] * 2
    readings.clear()
    likened = Fixed(steps=2, loss=Likeness(), batch=2)
    recipe = recipe_of(objective=BranchTrajectory(), parameterization=LikenessTargets(rank=2), schedule=likened)
    assert distilled(recipe, readings, 2, problem) == [1] * 2


@pytest.mark.parametrize("kernel", parts(KERNELS))
def test_a_kernel_and_its_derivative(kernel: Any) -> None:
    items = problem_of().real(KEY, 1).inputs
    moved = items[:1].detach().requires_grad_()
    (slope,) = torch.autograd.grad(kernel.between(items[1:3], moved).sum(), [moved])
    assert slope.device == META


@pytest.mark.parametrize("distance", parts(DISTANCES))
def test_a_distance_of_gradients(distance: Any) -> None:
    left, right = (
        tree.map(lambda leaf: leaf.requires_grad_(), fresh(problem_of().network, KEY.fold(side), META).params)
        for side in range(2)
    )
    weight = max(tree.leaves(left), key=Tensor.dim)
    (slopes,) = torch.autograd.grad(distance.distance(left, right), [weight])
    assert slopes.device == META


@pytest.mark.parametrize("parameterization", OF_IMAGES)
def test_what_is_learned(parameterization: Any, readings: list[Tensor]) -> None:
    recipe = recipe_of(parameterization=hardly_fitted(parameterization), schedule=Fixed(steps=3))
    assert distilled(recipe, readings) == [1, 1]


@pytest.mark.parametrize("schedule", OF_ANY)
def test_a_schedule(schedule: Any, readings: list[Tensor]) -> None:
    around = getattr(schedule, "around", None)
    schedule = replace(schedule, around=replace(around, steps=3)) if around else replace(schedule, steps=3)
    assert distilled(recipe_of(parameterization=SoftTargets(), schedule=schedule), readings) == [1, 1]


@pytest.mark.parametrize("optimizer", parts(OPTIMIZERS))
def test_how_it_is_stepped(optimizer: Any, readings: list[Tensor]) -> None:
    clipping = replace(optimizer, clip=1.0) if hasattr(optimizer, "clip") else optimizer
    assert distilled(recipe_of(objective=Distribution(per_class=3), optimizer=clipping), readings) == [1, 1]


@pytest.mark.parametrize("estimator", parts(ESTIMATORS))
def test_how_a_gradient_is_estimated(estimator: Any, readings: list[Tensor]) -> None:
    if hasattr(estimator, "pairs"):
        estimator = replace(estimator, pairs=2)
    recipe = recipe_of(objective=Distribution(per_class=3), estimator=estimator, optimizer=Adam(clip=1.0))
    assert distilled(recipe, readings) == [1, 1]


@pytest.mark.parametrize("part", [CutMix(0.5), Mixup(0.5)])
def test_what_mixes_examples(part: Any) -> None:
    batch = tree.move(load("digits").load("train", torch.arange(5)), META)
    inputs = batch.inputs.requires_grad_()
    mixed = part.examples(batch, KEY, torch.arange(5))
    assert torch.autograd.grad(mixed.inputs.sum(), [inputs])[0].device == mixed.targets.device == META


VIEWS = [
    Siamese(together=True),
    RolledCrops(),
    Mirror(),
    ResizedCrop(0.3),
    InTurn((Siamese(("color",)), Siamese(("cutout",)))),
]


@pytest.mark.parametrize("part", VIEWS, ids=lambda part: type(part).__name__)
def test_a_view_of_images(part: Any) -> None:
    images = load("digits").load("train", torch.arange(5)).inputs.to(META).requires_grad_()
    changed = part.apply(images, KEY, torch.arange(5))
    assert torch.autograd.grad(changed.sum(), [images])[0].device == META and changed.shape == images.shape


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_augmentation(operation: str) -> None:
    images = load("digits").load("train", torch.arange(5)).inputs.to(META).requires_grad_()
    changed = Siamese(operations=(operation,)).apply(images, KEY, torch.arange(5))
    assert torch.autograd.grad(changed.sum(), [images])[0].shape == images.shape


NAMES = [
    *(name for name, each in networks.ARCHITECTURES.items() if networks.IMAGES in each.takes),
    *(f"convnet-w4-d1-{norm}" for norm in NORMS),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_network(name: str) -> None:
    problem = problem_of(name)
    task, network, learner = problem.task, problem.network, fresh(problem.network, KEY, META)
    batch = problem.real(KEY, 1)
    loss = mean_loss(task, network)
    gradient, statistics = gradient_function(loss, task, network)(learner, batch)
    network.apply(learner.params, batch.inputs, statistics)
    assert all(leaf.device == META for layer in network.layers(learner.params, batch.inputs) for leaf in [layer])
    free = batch._replace(inputs=batch.inputs.requires_grad_())
    bent = sensitivity(loss, learner.params, free, gradient)
    assert {leaf.device for leaf in tree.leaves((bent.params, bent.batch.inputs, statistics))} == {META}


FEW_TREES = {"boosted": Boosted(rounds=2), "forest": Forest(trees=3)}


@pytest.mark.parametrize("classifier", [FEW_TREES.get(name) or part() for name, part in CLASSIFIERS.parts.items()])
def test_a_classifier_is_fitted_here_and_reads_there(classifier: Any) -> None:
    # It is fitted by the processor, for which the few items of a set are brought back.
    problem = replace(problem_of(), device=CPU)
    machine = Machine(problem.task, classifier, 100)
    params = tree.move(machine.fit(problem.real(KEY, 2), KEY), META)
    assert machine.apply(params, problem.real(KEY, 2).inputs.to(META)).outputs.device == META


OF_ITS_OWN = Alike | Classifier | CondensedGraph
"""Protocols of pairs and of graphs, and those that fit what is no network."""
BY_NETWORKS = {name: one for name, one in protocols().items() if not isinstance(one, OF_ITS_OWN)}


@pytest.mark.parametrize("protocol", [pytest.param(one, id=name) for name, one in BY_NETWORKS.items()])
def test_two_steps_of_training_by_a_protocol(protocol: Any) -> None:
    here = replace(problem_of(), device=CPU).real(KEY, 2)
    if isinstance(protocol, Linear):
        protocol = replace(protocol, steps=2)
    shown = BatchSet("", here, SHORT.render({}, here.classes, KEY))
    context = ProbeContext(problem_of(), set=shown)
    learners = list(itertools.islice(Training(protocol=protocol).learners(context), 3))
    # What is fitted at once has one step.
    steps = len(protocol.schedule(shown.schedule, len(shown), KEY).learning_rates)
    assert len(learners) == min(3, 1 + steps) and all(on_meta(learner) for learner in learners)


def test_two_steps_of_training_on_real_data_and_under_running_statistics() -> None:
    context = ProbeContext(problem_of())
    for network in ("", "convnet-w4-d1-batch"):
        learners = itertools.islice(Training(AllReal(), network=network).learners(context), 3)
        assert [on_meta(learner) for learner in learners] == [True] * 3


@pytest.mark.parametrize("network", ["", "convnet-w4-d1-batch"])
def test_a_learner_that_was_kept(network: str) -> None:
    problem = replace(problem_of(), cache=NoCache())
    training = Training(protocol=SHORT_STEPS, network=network, reads=(), keeps=(0,))
    here = replace(problem, device=CPU)
    batch = here.real(KEY, 1)
    shown = BatchSet("", batch, SHORT.render({}, batch.classes, KEY))
    outcome = training.run(ProbeContext(here, set=shown))
    there = ProbeContext(replace(problem, cache=Kept(outcome)), set=shown)
    assert on_meta(training.kept(there, 0))
    (later, *_) = replace(training, start=training).learners(there)
    assert on_meta(later)


@pytest.mark.parametrize("inputs", ["there", "here"])
def test_a_reading_brings_back_outputs_once_and_nothing_else(inputs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    brought: list[tuple[int, ...]] = []

    def bring(leaf: Tensor) -> Tensor:
        brought.append(tuple(leaf.shape))
        return torch.zeros(leaf.shape)

    problem = problem_of()
    context = ProbeContext(problem, evaluation_size=20)
    monkeypatch.setattr(examples, "capacity", lambda device: 2**40 if inputs == "there" else 0)
    examples.inputs_of.cache_clear()
    monkeypatch.setattr(microbatches, "NUMBERS", 9)
    lying = tree.leaves(context.inputs)[0].device
    assert lying == (META if inputs == "there" else CPU)
    learner = fresh(problem.network, KEY, META)
    with monkeypatch.context() as brings:
        brings.setattr(Tensor, "cpu", bring)
        found = record.reading(problem, context, learner)
    assert brought == [(20, 10)] and found["predictions"].shape == found["losses"].shape == (20,)
    examples.inputs_of.cache_clear()


@pytest.mark.parametrize("protocol", [SHORT_STEPS, Epochs(epochs=2, batch=3)], ids=["full", "shuffled"])
def test_a_stack_of_learners(protocol: Any) -> None:
    here = replace(problem_of(), device=CPU).real(KEY, 2)
    shown = BatchSet("", here, SHORT.render({}, here.classes, KEY))
    context = ProbeContext(problem_of(), set=shown)
    setups = [Training(seed=seed, protocol=protocol, reads=()).setup(context) for seed in range(3)]
    found = list(itertools.islice(stacked_training(context.problem, setups), 3))
    assert all(on_meta(learner) for learner in found) and len(found) == min(
        3, 1 + len(setups[0].schedule.learning_rates)
    )
    assert {len(leaf) for learner in found for leaf in tree.leaves(learner.params)} == {3}
    read = [learner for _, _, learner in trained(context.problem, setups, {1})]
    assert len(read) == 3 and all(on_meta(learner) for learner in read)


@pytest.mark.parametrize("parameterization", OF_IMAGES)
def test_what_is_learned_is_rendered_where_it_lies_and_nothing_is_read(
    parameterization: Any, readings: list[Tensor]
) -> None:
    problem, parameterization = problem_of(), hardly_fitted(parameterization)
    params = parameterization.init(problem, problem.real(KEY, 2), KEY)
    readings.clear()
    batch = parameterization.render(params._replace(learned=tree.move(params.learned, META)), KEY)
    where = {leaf.device for leaf in tree.leaves((batch.inputs, batch.targets))}
    assert where == {META} and batch.classes.device == CPU and not readings


def test_no_file_has_torch_put_numbers_on_a_device() -> None:
    # What `torch.tensor` puts there is waited for, and no mode sees it.
    found = [
        f"{file.name}: {line.strip()}"
        for file in Path(OURS).rglob("*.py")
        for line in file.read_text().splitlines()
        if "torch.tensor(" in line and "device=" in line
    ]
    assert not found, found


def test_real_data() -> None:
    task, rows = load("digits"), torch.tensor([3, 1])
    there = task.load_on(META, "train", rows)
    assert [leaf.device for leaf in (there.inputs, there.targets, there.classes)] == [META, META, CPU]
    same = zip(task.load_on(CPU, "train", rows), task.load("train", rows), strict=True)
    assert all(torch.equal(one, other) for one, other in same)


@pytest.mark.parametrize("optimizer", parts(INNER_OPTIMIZERS))
def test_an_unroll_and_its_way_back(optimizer: Any) -> None:
    problem = problem_of()
    batch = problem.real(KEY, 2)
    source = batch._replace(inputs=batch.inputs.requires_grad_(), targets=batch.targets.requires_grad_())
    plain = replace(SHORT, optimizer=optimizer).render({}, batch.classes, KEY)
    learned = tree.map(lambda leaf: leaf.to(META).requires_grad_(), (plain.learning_rates, plain.rule))
    schedule = Schedule(learned[0], plain.order, learned[1])
    loss = mean_loss(problem.task, problem.network)
    start = initial_state(fresh(problem.network, KEY, META).params, schedule.rule)
    start = advance(loss, start, source, schedule, range(1))
    for keep in (1, None):
        end = unroll(loss, start, source, schedule, range(1, 3), keep=keep)
        wanted = [source.inputs, source.targets, *tree.leaves(learned)]
        gradients = torch.autograd.grad(tree.norm(end.params), wanted)
        assert [leaf.device for leaf in gradients] == [META] * len(wanted)
        assert [leaf.shape for leaf in gradients] == [leaf.shape for leaf in wanted]


def on_meta(learner: Learner) -> bool:
    return all(leaf.device == META for leaf in tree.leaves(tuple(learner)))


def test_the_way_to_a_boundary_reads_once_a_step_whether_all_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, asked = problem_of(), []
    learner = fresh(problem.network, KEY, META)
    monkeypatch.setattr(tree, "read", lambda number: float(asked.append(number) or 0))
    inputs = tree.move(problem.task.load("train", torch.arange(4)).inputs, META)
    found = boundary_distance(lambda at: problem.network.apply(learner.params, at).outputs, inputs, 3, 2)
    assert found.device == META and found.shape == (4,) and len(asked) == 3
