"""The laws of parameterizations: those of the register, and strange ones that live here."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.functional import interpolate

from checkpoints import Kept, quiet
from limbeck.composition import Recipe
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, AbstractParameterization, Batch, Budget, Parameters, Problem
from limbeck.core.family import part_name
from limbeck.core.key import Key
from limbeck.distillation import Distillation, distill
from limbeck.distilled_set import DistilledSet
from limbeck.exported import export_set
from limbeck.imported import import_set
from limbeck.learn.optim import SGD, Adam
from limbeck.objectives import Distribution, Unrolled
from limbeck.parameterizations import PARAMETERIZATIONS, SoftmaxTargets, SoftTargets
from limbeck.parameterizations.budgets import items_within, plain
from limbeck.schedules import Fixed
from limbeck.state import State
from small_graph import OF_GRAPHS

KEY = Key(("parameterizations",))
NEAR = {
    "bits": 0.005, "multiformation": 0.75, "palette": 0.02, "frequency": 0.4, "pca": 0.2, "bases": 0.75, "factors": 0.2,
    "field": 0.4, "over-time": 0.55, "gaussians": 0.4, "hallucinators": 0.75, "latent": 0.95, "spectrum": 1e-6,
}  # fmt: skip
"""How far from its start, of the start's own size, what does not hold it exactly renders on 8 x 8 digits."""
STRAIGHT = {"bits": ("inputs",), "palette": ("inputs",)}
"""What is rounded as it is rendered: it has the slope of the items, as if it was not."""
RATE, RATES = 0.02, {"field": 0.002, "over-time": 0.002}
"""The learning rate at which what is learned is stepped by Adam, where a part has not one of its own."""


@dataclass(frozen=True)
class Quarters(AbstractParameterization):
    """Each stored image holds four items: its quarters, made large (multi-formation, Kim et al., ICML 2022)."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        small = interpolate(start.inputs, scale_factor=0.5, mode="bilinear")
        stored = torch.cat([torch.cat([small, small], 3)] * 2, 2)
        return Parameters({"pages": stored}, {"classes": start.classes, "outputs": start.targets[:0]})

    def render(self, params: Parameters, key: Key) -> Batch:
        quarters = [part for half in params.learned["pages"].chunk(2, 2) for part in half.chunk(2, 3)]
        large = [interpolate(part, scale_factor=2.0, mode="bilinear") for part in quarters]
        inputs = torch.stack(large, 1).flatten(0, 1)
        classes = params.fixed["classes"].long().repeat_interleave(4)
        return Batch(inputs, torch.eye(params.fixed["outputs"].shape[1])[classes].to(inputs), classes)


@dataclass(frozen=True)
class Shifted(AbstractParameterization):
    """Every view shows the images moved by another number of pixels, around a border."""

    views = True

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        return Parameters({"inputs": start.inputs.clone()}, {"classes": start.classes, "targets": start.targets})

    def render(self, params: Parameters, key: Key) -> Batch:
        moved = params.learned["inputs"].roll(int(key.fold("shift").integers(3)), 3)
        return Batch(moved, params.fixed["targets"], params.fixed["classes"].long())


@dataclass(frozen=True)
class Halved(AbstractParameterization):
    """Learned in full, stored in half precision, with a mask of a bit for each number."""

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        return Parameters({"inputs": start.inputs.clone()}, {"classes": start.classes, "targets": start.targets})

    def render(self, params: Parameters, key: Key) -> Batch:
        targets, classes = params.fixed["targets"], params.fixed["classes"].long()
        return Batch(params.learned["inputs"].to(targets.dtype), targets, classes)

    def stored(self, params: Parameters) -> Parameters:
        return Parameters({"inputs": params.learned["inputs"].half()}, tree.compact(params.fixed))


def fewer(part: AbstractParameterization) -> AbstractParameterization:
    """The part with fewer steps of its own, where it has any: the laws hold after each number of them."""
    few = {"fit_steps": 60, "steps": 8}
    return replace(part, **{name: steps for name, steps in few.items() if hasattr(part, name)})


STRANGE = {"quarters": Quarters, "shifted": Shifted, "halved": Halved}
every = pytest.mark.parametrize(
    "part",
    [
        pytest.param(fewer(part()), id=name)
        for name, part in {**PARAMETERIZATIONS.parts, **STRANGE}.items()
        if name not in (*OF_GRAPHS, "windows", "likeness-targets")  # Of recordings and pairs, which have tests of them.
    ],
)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strange ones, as if a package had brought them."""
    monkeypatch.setattr(PARAMETERIZATIONS, "parts", {**PARAMETERIZATIONS.parts, **STRANGE})


def start_of(problem: Problem, soft: bool = False) -> Batch:
    start = problem.real(KEY, 2)
    return start._replace(targets=(3 * start.targets).softmax(1)) if soft else start


def set_of(part: AbstractParameterization, params: Parameters, problem: Problem) -> DistilledSet:
    task = problem.task
    schedule = Fixed().render({}, part.render(params, KEY).classes, KEY)
    data, spec = {"name": "digits", "fingerprint": "f"}, {"network": "convnet"}
    return DistilledSet(params, part, schedule, task.codec, task.classes, data, spec)


def fewest(part: AbstractParameterization, problem: Problem) -> int:
    """Of how many plain items of every class the storage holds one of its own: more than one, where much is shared."""
    return -(-part.cost(problem.task, 1) // plain(problem.task, 1))


def same(left: Any, right: Any) -> bool:
    pairs = zip(tree.leaves(left), tree.leaves(right), strict=True)
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


@every
def test_what_is_learned_is_floating_and_no_group_is_the_schedule_s(part: Any, problem: Problem) -> None:
    learned = part.init(problem, start_of(problem), KEY).learned
    assert "schedule" not in learned
    assert tree.leaves(learned) and all(leaf.is_floating_point() for leaf in tree.leaves(learned))


@every
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_it_renders_near_its_start(part: Any, soft: bool, problem: Problem) -> None:
    start = start_of(problem, soft and not isinstance(part, Quarters))
    rendered = part.render(part.init(problem, start, KEY), KEY)
    times = 4 if isinstance(part, Quarters) else 1
    assert torch.equal(rendered.classes, start.classes.repeat_interleave(times))
    # A softmax of logarithms rounds.
    tolerance = 1e-6 if isinstance(part, SoftmaxTargets) else 0
    torch.testing.assert_close(rendered.targets, start.targets.repeat_interleave(times, 0), rtol=0, atol=tolerance)
    assert rendered.inputs.shape[1:] == start.inputs.shape[1:]
    if (near := NEAR.get(part_name(type(part)))) is not None:
        assert float((rendered.inputs - start.inputs).norm() / start.inputs.norm()) < near
    elif not isinstance(part, Quarters | Shifted):
        assert torch.equal(rendered.inputs, start.inputs)


@every
@pytest.mark.parametrize("around", [None, SoftTargets], ids=["alone", "under-learned-targets"])
def test_what_is_stored_is_counted_once_and_its_pictures_are_named(part: Any, around: Any, problem: Problem) -> None:
    whole = part if around is None or isinstance(part, Quarters) else around(part)
    start = start_of(problem)
    params = whole.stored(whole.init(problem, start, KEY))
    counted, made = whole.counted(params), whole.render(params, KEY)
    assert sum(each.bytes for each in counted) == Budget.of(params).bytes
    assert min(min(each) for each in counted) >= 0 and counted.labels.scalars > 0
    # What has a size of its own for each item doubles with them, and what all share stays.
    twice = tree.map(lambda leaf: torch.cat([leaf, leaf]), start)
    more = whole.counted(whole.stored(whole.init(problem, twice, KEY)))
    assert more.shared == counted.shared and more.labels.scalars == 2 * counted.labels.scalars
    for each in whole.pictured(params, problem.task.classes):
        assert each.name and each.line and len(each.words) == len(each.pictures) > 0
        assert each.pictures.dim() == 4 and bool(each.pictures.isfinite().all())
        assert not each.as_items or each.pictures.shape[1] == made.inputs.shape[1]


@every
def test_views_are_said_and_a_key_gives_one_view(part: Any, problem: Problem) -> None:
    params = part.init(problem, start_of(problem), KEY)
    views = [part.render(params, KEY.fold(number)) for number in range(8)]
    assert same(views[0], part.render(params, KEY.fold(0)))
    assert part.views == any(not same(views[0], view) for view in views)


def test_a_part_around_another_has_its_views(problem: Problem) -> None:
    assert SoftTargets(Shifted()).views and not SoftTargets(Quarters()).views


@every
def test_it_is_differentiable_in_what_is_learned_and_keeps_its_type(part: Any, double_problem: Problem) -> None:
    params = part.init(double_problem, start_of(double_problem), KEY)
    paths = list(tree.flatten(params.learned))

    def render(*values: Tensor) -> tuple[Tensor, ...]:
        learned = tree.unflatten(params.learned, dict(zip(paths, values, strict=True)))
        batch = part.render(Parameters(learned, params.fixed), KEY)
        return batch.inputs, batch.targets

    straight = [path in STRAIGHT.get(part_name(type(part)), ()) for path in paths]
    # Away from the start, where what chooses the nearest may find two alike.
    moved = [leaf + 0.01 * KEY.fold(path).normal(*leaf.shape) for path, leaf in tree.flatten(params.learned).items()]
    values = [leaf.requires_grad_() for leaf in moved]
    rendered = render(*values)
    assert all(leaf.dtype == torch.float64 for leaf in rendered)
    learned = [leaf.requires_grad for leaf in rendered]
    assert any(learned)
    slope = KEY.fold("slope").normal(*rendered[0].shape).double()
    for value in itertools.compress(values, straight):
        assert torch.equal(torch.autograd.grad(render(*values)[0], [value], slope)[0], slope)
    at = [value.detach() if rounds else value for value, rounds in zip(values, straight, strict=True)]
    if not all(straight):
        assert torch.autograd.gradcheck(lambda *at: tuple(itertools.compress(render(*at), learned)), at, fast_mode=True)


@every
def test_what_is_stored_renders_and_is_stored_as_itself(part: Any, problem: Problem) -> None:
    params = part.init(problem, start_of(problem, True), KEY)
    stored = part.stored(params)
    assert same(stored, part.stored(stored))
    again, rendered = part.render(stored, KEY), part.render(params, KEY)
    assert again.classes.dtype == torch.int64 and torch.equal(again.classes, rendered.classes)
    tolerance = 1e-3 if isinstance(part, Halved) else 0
    torch.testing.assert_close(again.inputs, rendered.inputs, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(again.targets, rendered.targets, rtol=0, atol=0)


@every
@pytest.mark.usefixtures("registered")
def test_the_budget_is_the_bytes_that_lie_in_the_file(part: Any, problem: Problem, tmp_path: Path) -> None:
    params = part.init(problem, start_of(problem, True), KEY)
    made = set_of(part, params, problem)
    made.save(tmp_path / "a.safetensors")
    with safe_open(tmp_path / "a.safetensors", framework="pt") as opened:
        header = json.loads(opened.metadata()["limbeck"])
        held = [opened.get_tensor(name) for name in opened.keys() if name.startswith("params/")]  # noqa: SIM118
    assert header["budget"]["bytes"] == sum(leaf.numel() * leaf.element_size() for leaf in held)
    assert header["budget"]["scalars"] == sum(leaf.numel() for leaf in held)
    assert Budget.of(part.stored(params))._asdict() == header["budget"]
    loaded = DistilledSet.load(tmp_path / "a.safetensors")
    assert loaded == made and same(loaded.batch, made.batch) and loaded.views == part.views


@every
@pytest.mark.usefixtures("registered")
def test_an_export_holds_the_items_that_are_rendered(part: Any, problem: Problem, tmp_path: Path) -> None:
    made = set_of(part, part.init(problem, start_of(problem, True), KEY), problem)
    written = export_set(made, "npz", tmp_path / "a.npz")
    with np.load(written.path) as held:
        assert np.array_equal(held["x_normalised"], made.batch.inputs)
        assert held["y"].tolist() == made.batch.classes.tolist()
    found = import_set(written.path, format="npz", task=problem.task)
    assert same(found.batch, made.batch) and (found == made) == (not part.views)
    assert bool(written.notes) == part.views


@every
def test_a_short_distillation_lowers_its_loss_and_resumes_bit_for_bit(part: Any, problem: Problem) -> None:
    # Distribution matching does not see labels.
    labels_alone = set(part.init(problem, start_of(problem), KEY).learned) == {"targets"}
    objective = Unrolled(per_class=8) if labels_alone else Distribution()
    schedule = Fixed(steps=4, learning_rate=0.1)
    adam = Adam(learning_rate=RATES.get(part_name(type(part)), RATE))
    recipe = Recipe(
        parameterization=part, objective=objective, schedule=schedule, optimizer=adam,
        target_optimizer=SGD(0.01), steps=8,
    )  # fmt: skip
    steps = Distillation(problem, recipe, per_class=2, key=KEY, checks=0)
    whole = distill(steps, Kept(), quiet)
    kept = Kept()

    def interrupt(state: State) -> None:
        if int(state.step) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distill(steps, kept, interrupt)
    resumed = distill(steps, kept, quiet)
    assert same(resumed.params, whole.params) and torch.equal(resumed.losses, whole.losses)

    def loss(params: Parameters) -> float:
        shown = steps.show({**params.learned, "schedule": {}}, params.fixed, KEY)
        return sum(float(objective.loss({}, problem, shown, KEY.fold(draw))) for draw in range(4))

    assert loss(whole.params) < loss(steps.begin().params)


@every
def test_what_is_checked_on_the_way_is_what_will_lie_in_the_file(part: Any, problem: Problem) -> None:
    recipe = Recipe(parameterization=part, objective=Distribution(), optimizer=SGD(learning_rate=0.1), steps=1)
    run = Distillation(problem, recipe, per_class=fewest(part, problem), key=KEY, checks=1)
    state = run.begin()
    ((_, context),) = run.to_check(state)
    stored = part.stored(run.finished(state))
    assert context.set is not None
    seen, kept = context.set.batch, part.render(stored, run.key.fold("view"))
    assert same(seen, kept)


@dataclass(frozen=True)
class Seen(AbstractObjective):
    """Notes what steps of an inner training would see."""

    seen: list

    def init(self, problem: Problem, key: Key) -> Any:
        return {}

    def loss(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Tensor:
        views = [synthetic.view(synthetic.source, step) for step in range(6)]
        self.seen.append((synthetic, views))
        return sum(view.inputs.square().sum() for view in views)

    def advance(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Any:
        return state


@pytest.mark.parametrize("part", [Shifted(), Quarters()], ids=["shifted", "quarters"])
def test_an_objective_can_see_another_view_at_each_inner_step(part: Any, problem: Problem) -> None:
    seen: list = []
    recipe = Recipe(parameterization=part, objective=Seen(seen), optimizer=SGD(learning_rate=0.05), steps=1)
    steps = Distillation(problem, recipe, per_class=1, key=KEY)
    begun = steps.begin()
    after = steps.step(begun)
    ((synthetic, views),) = seen
    distinct = {view.inputs.detach().numpy().tobytes() for view in views}
    assert (len(distinct) > 1) == part.views
    if part.views:
        # Half of a squared norm that moving leaves alone: the gradient of six of them is twelve times the images.
        torch.testing.assert_close(after.learned["inputs"], (1 - 0.05 * 12) * begun.learned["inputs"])
    else:
        assert synthetic.source is synthetic.batch and all(view is synthetic.batch for view in views)


def test_a_set_gives_the_view_of_a_step(problem: Problem) -> None:
    params = Shifted().init(problem, start_of(problem), KEY)
    made = set_of(Shifted(), params, problem)
    views = [made.view(KEY, step) for step in range(8)]
    assert made.views and same(views[3], made.view(KEY, 3))
    assert any(not same(views[0], view) for view in views)
    still = set_of(Halved(), params, problem)
    assert not still.views and still.view(KEY, 3) is still.batch


@every
def test_the_cost_is_the_bytes_of_what_is_learned_of_the_inputs(part: Any, problem: Problem) -> None:
    for count in (1, 2, 5):
        stored = part.stored(part.init(problem, problem.real(KEY, count), KEY)).learned
        inputs = {group: leaves for group, leaves in stored.items() if group != "targets"}
        if inputs and type(part) in PARAMETERIZATIONS.parts.values():
            assert part.cost(problem.task, count) == Budget.of(inputs).bytes
    costs = [part.cost(problem.task, count) for count in range(1, 12)]
    assert costs == sorted(costs) and costs[0] > 0


@every
def test_as_many_items_are_made_as_the_storage_of_plain_ones_holds(part: Any, problem: Problem) -> None:
    least = fewest(part, problem)
    for count in (least, least + 2):
        made = items_within(part, problem.task, count)
        assert part.cost(problem.task, made) <= plain(problem.task, count) < part.cost(problem.task, made + 1)
