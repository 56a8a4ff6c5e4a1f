"""Inversion is the published sum, by exact statistics of real data; and what is found is labelled by the teacher."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import limbeck
import strange_tasks
from checkpoints import Kept, quiet
from limbeck.composition import Recipe
from limbeck.computations import EnteringMoments, entering
from limbeck.computations.contract import ProbeContext
from limbeck.computations.teachers import Teacher
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation, distill
from limbeck.learn import networks
from limbeck.learn.augment import RolledCrops
from limbeck.learn.crops import draw_boxes, resized
from limbeck.learn.networks import Network
from limbeck.learn.optim import SGD, Adam, Cosine, OnSimplex
from limbeck.objectives import Inversion
from limbeck.parameterizations import ClippedPixels, FixedTargets, SoftTargets, TeacherTargets
from limbeck.protocols import Epochs
from limbeck.recipes import recipe_for
from limbeck.runs.needs import missing_needs
from limbeck.runs.store import Store
from limbeck.starts import Noise, Real, TeacherLabels
from limbeck.state import State
from limbeck.tasks import load

KEY = Key(("inversion",))
CPU = torch.device("cpu")
NETWORK = "convnet-w3-d2-tanh"
TASK = load("digits")
PLAIN = Inversion(augment=None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store, so that each teacher is trained once."""
    yield Store(tmp_path_factory.mktemp("inversion"))


@pytest.fixture
def on(store: Store) -> Problem:
    return Problem(TASK, TASK.network(NETWORK), CPU, store)


def doubled(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


def shown(inputs: Tensor, classes: Tensor, done: float = 0.0) -> Synthetic:
    batch = TASK.load("train", torch.arange(len(inputs)))._replace(inputs=inputs, classes=classes)
    return replace(Synthetic.of(batch, Epochs().schedule(None, len(inputs), KEY)), done=done)


def taught_module(on: Problem, network: str = NETWORK) -> nn.Module:
    """The module of the default teacher in double precision, as it judges."""
    learner = Teacher(network=network).learner(on)
    built = TASK.network(network)
    assert isinstance(built, Network)
    module = built.factory().double().eval()
    module.load_state_dict(doubled({**learner.params, **learner.statistics}), strict=False)
    return module


def test_what_enters_each_normalisation_is_what_its_module_is_called_with() -> None:
    network = networks.build("convnet-w4-d2-batch", (1, 8, 8), 3)
    params, statistics = doubled((network.init(KEY), network.statistics()))
    statistics = {name: leaf + 0.3 for name, leaf in statistics.items()}
    inputs = KEY.normal(5, 1, 8, 8).double()
    module = network.factory().double()
    module.load_state_dict({**params, **statistics}, strict=False)
    for given in (statistics, None):
        judged = module.eval() if given else module.train()
        readout, (first, second) = network.entering(params, inputs, given)
        with torch.no_grad():
            torch.testing.assert_close(first, judged.block1.convolution(inputs))  # type: ignore[union-attr, operator]
            before = judged.block1(inputs)  # type: ignore[operator]
            torch.testing.assert_close(second, judged.block2.convolution(before))  # type: ignore[union-attr, operator]
        assert torch.equal(readout.outputs, network.apply(params, inputs, given).outputs)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("convnet-w4-d1-layer", [4]), ("convnet-w4-d1", [4]), ("vit", [128] * 9), ("lenet", []), ("mlp-w8", [])],
)
def test_channels_come_second_whatever_the_normalisation(name: str, channels: list[int]) -> None:
    network = networks.build(name, (1, 8, 8), 3)
    _, found = network.entering(network.init(KEY), KEY.normal(2, 1, 8, 8))
    assert [(len(each), each.shape[1]) for each in found] == [(2, count) for count in channels]
    assert len(network.entering(network.init(KEY), KEY.normal(2, 1, 8, 8))[1]) == len(channels)


@pytest.mark.parametrize("network", [NETWORK, "convnet-w3-d1-batch", "convnet-w3-d1-layer"])
def test_the_moments_are_those_of_all_data_at_once_in_whatever_parts_they_are_read(
    network: str, on: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    computation = EnteringMoments(Teacher(network=network).training())
    module, kept = taught_module(on, network), []
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
            part.register_forward_pre_hook(lambda _part, given: kept.append(given[0]))
    with torch.no_grad():
        module(TASK.load("train").inputs.double())
    for most in (1000, 311):
        monkeypatch.setattr(entering, "CHUNK", most)
        found = computation.run(ProbeContext(on))
        assert len(found["means"]) == len(found["variances"]) == len(kept) == (2 if network == NETWORK else 1)
        for index, maps in enumerate(kept):
            mean = maps.mean((0, 2, 3))
            variance = (maps - mean[:, None, None]).square().mean((0, 2, 3))
            for name, expected in (("means", mean), ("variances", variance)):
                torch.testing.assert_close(found[name][f"{index:03d}"], expected, rtol=1e-4, atol=1e-5)
    assert not computation.depends_on_set and not computation.evaluates


def test_statistics_of_all_real_data_are_at_no_distance_from_themselves(on: Problem) -> None:
    whole = TASK.load("train")
    terms = replace(PLAIN, batch=len(whole.classes), variation=0.0, size=0.0)
    state, plain = terms.init(on, KEY), replace(terms, statistics=0.0)

    def matched(inputs: Tensor) -> float:
        both = [
            part.loss(state, on, shown(inputs, whole.classes), KEY) for part in (replace(terms, statistics=1.0), plain)
        ]
        return float(both[0] - both[1])

    assert abs(matched(whole.inputs)) < 1e-4
    assert matched(whole.inputs + 0.1) > 0.1 and matched(1.1 * whole.inputs) > 0.1


def literal(part: Inversion, on: Problem, module: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The loss of one batch of images as they are seen, written out."""
    kept: list[Tensor] = []
    hooks = [
        each.register_forward_pre_hook(lambda _part, given: kept.append(given[0]))
        for each in module.modules()
        if isinstance(each, nn.GroupNorm)
    ]
    outputs = module(images)
    for hook in hooks:
        hook.remove()
    moments = ProbeContext(on).outcome(EnteringMoments(Teacher().training()))
    total = nn.functional.cross_entropy(outputs, classes)
    for index, maps in enumerate(kept):
        name, weight = f"{index:03d}", 1.0 if index else part.first
        mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), unbiased=False)
        apart = (mean - moments["means"][name]).norm() + (variance - moments["variances"][name]).norm()
        total = total + part.statistics * weight * apart
    x, (height, width) = images, images.shape[2:]
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        pairs = [
            (x[:, :, row + down, column + across] - x[:, :, row, column]).square().sum()
            for row in range(height - down)
            for column in range(width)
            if 0 <= column + across < width
        ]
        total = total + part.variation * torch.stack(pairs).sum().sqrt()
    return total + part.size * torch.stack([image.norm() for image in x]).mean()


def test_the_loss_is_the_published_sum_over_batches_that_take_the_classes_in_turn(on: Problem) -> None:
    part = replace(PLAIN, statistics=0.3, first=7.0, variation=0.02, size=0.01, batch=5)
    classes = torch.tensor([0, 0, 0, 1, 1, 7, 7, 7])
    images = KEY.normal(8, 1, 8, 8).double()
    state, module = doubled(part.init(on, KEY)), taught_module(on)
    turns = torch.tensor([0, 3, 5, 1]), torch.tensor([4, 6, 2, 7])
    expected = sum(literal(part, on, module, images[rows], classes[rows]) for rows in turns)
    with torch.no_grad():
        torch.testing.assert_close(part.loss(state, on, shown(images, classes), KEY), expected, rtol=1e-9, atol=0)
    # Each batch goes down as it would alone.
    moved = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(part.loss(state, on, shown(moved, classes), KEY), [moved])
    for rows in turns:
        alone = images[rows].clone().requires_grad_()
        (slope_alone,) = torch.autograd.grad(part.loss(state, on, shown(alone, classes[rows]), KEY), [alone])
        torch.testing.assert_close(slope[rows], slope_alone, rtol=1e-10, atol=1e-14)


def test_the_gradient_is_that_of_central_differences_under_the_crops_of_a_step(on: Problem) -> None:
    part = Inversion(statistics=0.3, variation=0.02, size=0.01, batch=3)
    images, classes = KEY.normal(5, 1, 8, 8).double(), torch.tensor([0, 1, 2, 3, 4])
    state = doubled(part.init(on, KEY))

    def loss(inputs: Tensor, key: Key = KEY) -> Tensor:
        return part.loss(state, on, shown(inputs, classes), key)

    moved = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(moved), [moved])
    for draw in range(3):
        direction, step = KEY.fold("direction", draw).normal(5, 1, 8, 8).double(), 1e-6
        difference = (loss(images + step * direction) - loss(images - step * direction)) / (2 * step)
        torch.testing.assert_close((slope * direction).sum(), difference, rtol=1e-6, atol=1e-9)
    assert float(loss(images)) != float(loss(images, KEY.fold("another step")))


def test_crops_shrink_along_half_a_cosine_as_the_steps_go_by(on: Problem) -> None:
    crops = RolledCrops(least=0.08, least_at_first=1.0, roll=0.0)
    shares = [crops.at(done).least for done in (0.0, 1 / 3, 0.5, 2 / 3)]
    assert shares == pytest.approx([1.0, 0.08 + 0.92 * 0.75, 0.54, 0.08 + 0.92 * 0.25])
    assert [RolledCrops().at(done).least for done in (0.0, 0.5)] == [0.08, 0.08]
    # At the first step whole images are seen, mirrored nowhere as mirrored digits are others; later they are not.
    part, images = Inversion(augment=crops, size=0.1), KEY.normal(3, 1, 8, 8)
    state, classes = part.init(on, KEY), torch.arange(3)
    plain = replace(part, augment=None).loss(state, on, shown(images, classes), KEY)
    torch.testing.assert_close(part.loss(state, on, shown(images, classes, done=0.0), KEY), plain)
    assert abs(float(part.loss(state, on, shown(images, classes, done=0.5), KEY) - plain)) > 1e-3


def test_an_image_is_cropped_mirrored_and_rolled_by_draws_of_its_own() -> None:
    images, groups = KEY.normal(400, 2, 8, 8).double(), torch.arange(400)
    whole = RolledCrops(least=1.0, roll=0.25)
    seen = whole.apply(images, KEY, groups)
    found = set()
    for image, made in zip(images, seen, strict=True):
        (match,) = [
            (flipped, down, right)
            for flipped in (False, True) for down in range(-2, 3) for right in range(-2, 3)
            if torch.allclose(made, (image.flip(2) if flipped else image).roll((down, right), (1, 2)))
        ]  # fmt: skip
        found.add(match)
    assert len(found) == 2 * 5 * 5
    assert torch.equal(whole.apply(images[7:9], KEY, groups[7:9]), seen[7:9])
    assert torch.equal(RolledCrops(1.0, roll=0.0).without("flip").apply(images, KEY, groups), images)
    least = draw_boxes(KEY.fold("augment", 0, "box"), 256, (8, 8), (0.3, 1.0), (3 / 4, 4 / 3))
    cut = RolledCrops(0.3, roll=0.0, flip=False).apply(images[:256], KEY, groups[:256])
    torch.testing.assert_close(cut, resized(images[:256], least, (8, 8)))


@dataclass(frozen=True)
class Towards(AbstractObjective):
    """Half the squared distance of the inputs from a point, outside of what real data could be."""

    goal: float = 9.0

    def init(self, problem: Problem, key: Key) -> Any:
        return {}

    def loss(self, state: Any, problem: Problem, synthetic: Synthetic, key: Key) -> Tensor:
        weights = torch.linspace(-1, 1, 64).view(8, 8).to(synthetic.batch.inputs)
        return (weights * (synthetic.batch.inputs - self.goal).square()).sum() / 2

    def advance(self, state: Any, problem: Problem, synthetic: Synthetic, key: Key) -> Any:
        return state


@pytest.mark.parametrize("around", [lambda part: part, FixedTargets, SoftTargets, TeacherTargets])
def test_a_clipped_run_is_that_of_torch_s_adam_annealed_and_clipped_after_each_step(around: Any, on: Problem) -> None:
    optimizer = Cosine(Adam(learning_rate=0.4, beta1=0.5, beta2=0.9))
    recipe = Recipe(
        start=Noise(), parameterization=around(ClippedPixels()), objective=Towards(), optimizer=optimizer, steps=7
    )
    run = Distillation(on, recipe, per_class=1, key=KEY, checks=0)
    state, codec = run.begin(), TASK.codec
    inputs = state.learned["inputs"].clone().requires_grad_()
    reference = torch.optim.Adam([inputs], lr=0.4, betas=(0.5, 0.9))
    annealed = torch.optim.lr_scheduler.CosineAnnealingLR(reference, T_max=7)
    part, least, most = Towards(), *(codec.encode(torch.full((1, 1, 8, 8), end)) for end in (0.0, 1.0))
    for _ in range(7):
        state = run.step(state)
        reference.zero_grad()
        part.loss({}, on, shown(inputs, torch.arange(10)), KEY).backward()
        reference.step()
        annealed.step()
        with torch.no_grad():
            inputs.copy_(inputs.clamp(least, most))
        torch.testing.assert_close(state.learned["inputs"], inputs.detach(), rtol=1e-4, atol=1e-5)
    native = codec.decode(state.learned["inputs"])
    assert float(native.min()) >= -1e-6 and float(native.max()) <= 1 + 1e-6
    assert ((native - 0).abs() < 1e-6).any() and ((native - 1).abs() < 1e-6).any()


def test_a_rate_falls_by_half_a_cosine_over_however_many_steps_there_are() -> None:
    optimizer = Cosine(SGD(2.0, halve_at=(6,)))
    rates = [optimizer.at(step, 8).learning_rate for step in (0, 2, 4, 6)]  # type: ignore[attr-defined]
    assert rates == pytest.approx([2.0, 1 + 0.5**0.5, 1.0, (1 - 0.5**0.5) / 2])
    assert optimizer.at(3) == SGD(2.0, halve_at=(6,)).at(3)
    with pytest.raises(InputError, match=r"cosine.inner: found .* expected an optimizer with a learning rate"):
        Cosine(OnSimplex())


def test_labels_of_the_end_are_the_teacher_s_of_the_items_of_the_end(on: Problem, tmp_path: Path) -> None:
    taught = TeacherTargets(temperature=2.0)
    recipe = Recipe(start=Real(), parameterization=taught, objective=PLAIN, optimizer=Adam(0.1), steps=3)
    run = Distillation(on, recipe, per_class=2, key=KEY, checks=0)
    begun = run.begin()
    assert torch.equal(taught.render(begun.params, KEY).targets, torch.eye(10)[run.begin().fixed["items"]["classes"]])
    ended = taught.render(distill(run, Kept(), quiet).params, KEY)
    with torch.no_grad():
        said = taught_module(on)(ended.inputs.double())
    torch.testing.assert_close(ended.targets.double(), (said / 2).softmax(1), rtol=0, atol=2e-6)
    assert not torch.equal(ended.inputs, begun.learned["inputs"])
    # Without a step it is a start under a teacher's labels.
    still = distill(Distillation(on, replace(recipe, steps=0), 2, KEY, 0), Kept(), quiet)
    start = TeacherLabels(Real(), temperature=2.0).pick(on, 2, KEY.fold("start"))
    assert all(map(torch.equal, taught.render(still.params, KEY), start))


@pytest.mark.parametrize("name", ["sre2l", "cda"])
def test_a_run_goes_on_as_if_it_never_was_interrupted_and_its_labels_are_called_the_teacher_s(
    name: str, store: Store, tmp_path: Path
) -> None:
    recipe = replace(recipe_for(name, "digits", 1), steps=5)
    on = Problem(TASK, TASK.network(NETWORK), CPU, store)
    run, kept = Distillation(on, recipe, per_class=1, key=KEY, checks=0), Kept()

    def interrupt(state: State) -> None:
        if int(state.step) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distill(run, kept, interrupt)
    resumed, whole = distill(run, kept, quiet), distill(run, Kept(), quiet)
    pairs = zip(tree.leaves((resumed.params, resumed.losses)), tree.leaves((whole.params, whole.losses)), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    with limbeck.Session(tmp_path / "runs", workers=1, device="cpu") as session:
        made = limbeck.distill("digits", recipe, ipc=1, network=NETWORK, session=session, checks=0)
    made.save(tmp_path / "set.safetensors")
    again = limbeck.DistilledSet.load(tmp_path / "set.safetensors")
    assert made.label_kind == again.label_kind == "teacher's" and again == made
    assert made.budget.bytes == 10 * (64 + 10) * 4 + 10
    assert float(made.native.min()) >= -1e-6 and float(made.native.max()) <= 1 + 1e-6


def test_what_it_measures_by_is_asked_for_before(store: Store) -> None:
    longer = Teacher(epochs=7)
    recipe = replace(recipe_for("sre2l", "digits", 1), objective=Inversion(longer))
    with limbeck.Session(store.root, device="cpu") as session:
        missing = {each.computation for each in missing_needs(session, TASK, "convnet-w2-d1", recipe)}
    training = longer.training()
    assert missing == {Teacher().training(), training, EnteringMoments(training)}


def test_what_it_cannot_invert_is_refused_before_anything_is_trained() -> None:
    def problem(task: Any, network: str) -> Problem:
        return Problem(task, task.network(network), CPU, NoCache())

    with pytest.raises(InputError, match=r"network lenet: has no normalisation that is seen, expected modules of"):
        Inversion().needs(problem(TASK, "lenet"))
    with pytest.raises(InputError, match=r"network mlp: has no normalisation"):
        Inversion(Teacher(network="mlp")).needs(problem(TASK, NETWORK))
    for name, said in (("forecast", "expected images"), ("pairs", "expected images")):
        with pytest.raises(InputError, match=said):
            Inversion().needs(problem(strange_tasks.LOADERS[name](None), "small"))
    with pytest.raises(InputError, match="whose targets are not weights of classes"):
        TeacherTargets().needs(problem(strange_tasks.LOADERS["forecast"](None), "small"))
