"""Learners under a teacher: the loss, whose labels each view has, what a row says of it, and the views themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import strange_tasks
from limbeck.cli.tables import scores
from limbeck.comparison import UNSTORED, against_baselines
from limbeck.computations import Coreset, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.teachers import Teacher
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.evaluation import Entry
from limbeck.learn.augment import Siamese
from limbeck.learn.crops import draw_boxes
from limbeck.learn.losses import Divergence
from limbeck.learn.population import labelling
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.training import fresh, going_on, gradient_function, last, row_loader
from limbeck.learn.views import BLOCK, CutMix, InTurn, Mixup, ResizedCrop
from limbeck.protocols import Epochs, Taught, named
from limbeck.runs.graph import Graph, Request
from limbeck.runs.store import Store
from limbeck.starts import Real, TeacherLabels
from limbeck.tasks import load

CPU, KEY = torch.device("cpu"), Key(("taught",))
TASK = load("digits")
NETWORK = "convnet-w4-d1"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store, so that the teacher is trained once."""
    yield Store(tmp_path_factory.mktemp("taught"))


@pytest.fixture
def on(store: Store) -> Problem:
    return Problem(TASK, TASK.network(NETWORK), CPU, store)


def test_the_divergence_is_that_of_softened_outputs_and_its_gradient_their_difference() -> None:
    outputs = 3 * KEY.fold("outputs").normal(7, 5).double().requires_grad_()
    said, temperature = 2 * KEY.fold("said").normal(7, 5).double(), 4.0
    targets = (said / temperature).softmax(1)
    loss = Divergence(temperature).each(TASK, outputs, targets)
    by_torch = functional.kl_div((outputs / temperature).log_softmax(1), targets, reduction="none").sum(1)
    torch.testing.assert_close(loss, by_torch, rtol=1e-12, atol=1e-14)
    (slope,) = torch.autograd.grad(loss.sum(), [outputs])
    expected = ((outputs / temperature).softmax(1) - targets) / temperature
    torch.testing.assert_close(slope, expected, rtol=1e-12, atol=1e-14)
    # Whoever says the same but for a constant is at no distance; a class of no weight counts for nothing.
    assert float(Divergence(temperature).each(TASK, said + 3, targets).abs().max()) < 1e-14
    sure = Divergence().each(TASK, torch.tensor([[0.0, math.log(3.0)]]), torch.tensor([[0.0, 1.0]]))
    assert sure.tolist() == pytest.approx([math.log(4 / 3)])


def test_without_augmentation_training_is_that_under_the_same_labels_stored(on: Problem) -> None:
    how: dict[str, Any] = {"epochs": 1, "batch": 3, "learning_rate": 0.05, "optimizer": Momentum(0.9)}
    taught = Training(Coreset(Real(), 2), 1, Taught(augment=None, temperature=1.0, **how))
    stored = Training(Coreset(TeacherLabels(Real(), Teacher()), 2), 1, Epochs(**how))
    hard = replace(taught, protocol=Epochs(**how))
    assert taught.teacher == Teacher().training()
    ends = [last(each.learners(ProbeContext(on))).params for each in (taught, stored, hard)]
    for name, leaf in ends[0].items():
        torch.testing.assert_close(leaf, ends[1][name], rtol=1e-4, atol=1e-6)
    assert float(tree.norm(tree.map(torch.sub, ends[0], ends[2]))) > 1e-2


def test_each_view_is_labelled_by_what_the_teacher_says_of_it(on: Problem) -> None:
    protocol = Taught(epochs=4, batch=8)
    training, context = Training(Coreset(Real(), 2), 0, protocol), ProbeContext(on)
    teacher = Teacher().training().kept(context).params
    items = Real().pick(on, 2, Key(("baseline", 0)))
    key = Key(("train", 0))
    order = protocol.schedule(None, 20, key.fold("order")).order
    params = on.network.init(key.fold("init"))
    state = protocol.optimizer.rule().init(params)
    found = list(itertools.islice(training.learners(context), 5))
    for step in range(4):
        rows = order[step][order[step] >= 0]
        view = TASK.augment(
            TASK.take(items, rows), key.fold("augment", step), torch.arange(len(rows)), protocol.augment
        )
        assert not torch.equal(view.inputs, items.inputs[rows])
        said = (on.network.apply(teacher, view.inputs).outputs / 20).softmax(1)
        free = tree.map(lambda leaf: leaf.requires_grad_(), params)
        softened = (on.network.apply(free, view.inputs).outputs / 20).log_softmax(1)
        loss = functional.kl_div(softened, said, reduction="batchmean")
        slopes = dict(zip(free, torch.autograd.grad(loss, list(free.values())), strict=True))
        # Three steps see an epoch, whose rate is the first of all.
        rate = 0.001 * (1 + math.cos(math.pi * (step // 3) / 8)) / 2
        params, state = protocol.optimizer.rule().update(tree.detach(params), slopes, state, rate)
        for name, leaf in params.items():
            torch.testing.assert_close(found[step + 1].params[name], leaf, rtol=1e-4, atol=2e-5)


def test_of_a_teacher_whose_labels_are_shuffled_nothing_is_learned(on: Problem) -> None:
    label = labelling(on, Teacher().training().kept(ProbeContext(on)), 1.0)

    def shuffled(batch: Batch) -> Batch:
        seen = label(batch)
        order = KEY.fold("shuffle", int(1e6 * float(batch.inputs[0].sum().abs()))).permutation(len(batch.classes))
        return seen._replace(targets=seen.targets[order])

    items = Real().pick(on, 10, KEY)
    schedule = Taught(epochs=60, batch=50).schedule(None, 100, KEY)
    schedule = schedule._replace(learning_rates=torch.full((120,), 0.01))
    loss = mean_loss(TASK, on.network, Divergence())
    gradient_of = gradient_function(loss, TASK, on.network, Divergence())
    right = {}
    for name, says in (("its own", label), ("shuffled", shuffled)):
        start = fresh(on.network, KEY, CPU)
        end = last(
            going_on(TASK, gradient_of, start, row_loader(TASK, items), schedule, KEY, Siamese(("rotate",)), says)
        )
        right[name] = TASK.evaluate(lambda x, end=end: on.network.apply(end.params, x).outputs, "validation", KEY)
    assert right["its own"]["accuracy"] > 0.8 and right["shuffled"]["accuracy"] < 0.3


def test_what_each_epoch_is_stepped_by_goes_along_a_cosine() -> None:
    for slowed, full in ((2.0, False), (1.0, False), (1.5, True)):
        protocol = Taught(slowed=slowed, full_epochs=400)
        made = protocol.full_schedule(None, 700, 3, KEY) if full else protocol.schedule(None, 120, KEY)
        assert len(made.learning_rates) == 1200 and made.order.shape[1] == (256 if full else 50)
        expected = [0.001 * (1 + math.cos(math.pi * (step // 3) / (slowed * 400))) / 2 for step in range(1200)]
        torch.testing.assert_close(made.learning_rates, torch.tensor(expected), rtol=2e-5, atol=1e-9)


def test_rd3_is_as_its_source_says() -> None:
    rd3 = named("rd3")
    assert isinstance(rd3, Taught)
    assert (rd3.epochs, rd3.batch, rd3.learning_rate, rd3.temperature, rd3.slowed) == (400, 50, 0.001, 20.0, 2.0)
    assert [float(leaf) for leaf in rd3.optimizer.rule()] == pytest.approx([0.9, 0.999, 1e-8, 0.0])
    assert rd3.augment == InTurn((ResizedCrop(0.5, 1.0, 4 / 3), Siamese(("flip",)), CutMix()))
    assert replace(rd3, optimizer=Momentum(), teacher_network="mlp").name == (
        "rd3 with optimizer SGD at that rate, momentum 0.9, teacher_network mlp"
    )


def test_a_teacher_is_done_before_its_learners_and_counted_as_their_work(on: Problem) -> None:
    context, source = ProbeContext(on), Coreset(Real(), 1)
    taught, alone = Training(source, 0, Taught()), Training(source, 0, Epochs(epochs=400, batch=50))
    nodes = Graph([Request(taught, context)], TASK.reference).nodes.values()
    assert {each.request.computation: each.depth for each in nodes} == {Teacher().training(): 0, taught: 1}
    # A pass of the teacher, forward alone, beside the three of a step.
    extra = taught.flops(context) - alone.flops(context)
    read = len(context.rows) / (400 * 10)
    assert extra / alone.flops(context) == pytest.approx(1 / (3 + read), rel=1e-6)
    larger = Training(source, 0, Taught(teacher_network="convnet-w8-d1"))
    assert larger.teacher == replace(Teacher().training(), network="convnet-w8-d1")
    assert taught.stack(context)[1] == replace(taught, protocol=Taught(augment=None)).stack(context)[1] == 1
    kept = larger.teacher.kept(context).params
    assert larger.teacher_bytes(context) == 4 * tree.count(kept) and alone.teacher_bytes(context) == 0


def test_a_row_says_that_its_labels_are_a_teachers_and_how_large_that_is(on: Problem) -> None:
    items = Real().pick(on, 1, KEY)
    protocol = Taught(epochs=2, teacher_network="convnet-w8-d1")
    shown = BatchSet("it", items, Epochs().schedule(None, 10, KEY))
    context = ProbeContext(on, "it", shown)
    entries = [
        Entry(name, source, stored, stored, context, Path("it"), protocol, 1, matched)
        for name, source, stored, matched in (
            ("it", Training().on, 2600, ""), ("random", Coreset(Real(), 1), 650, "items")
        )
    ]  # fmt: skip
    rows = [each.score(protocol.name, 1).row() for each in entries]
    size = 4 * tree.count(TASK.network("convnet-w8-d1").init(KEY))
    assert [(row["labels"], row["bytes"]) for row in rows] == [(f"a teacher of {size:,} B", 2600)] + [
        (f"a teacher of {size:,} B", 650)
    ]
    assert "labels" in scores(rows, str(protocol)).columns
    (finding,) = against_baselines([{**row, "seeds": int(row["set"] == "it")} for row in rows], ["it"])
    assert UNSTORED in finding.caveats and f"of all rows besides a teacher of {size:,} B" in finding.method
    own = [{**row, "labels": "hard", "seeds": int(row["set"] == "it")} for row in rows]
    assert UNSTORED not in against_baselines(own, ["it"])[0].caveats


def test_what_has_no_classes_and_a_teacher_that_asks_of_a_set_are_refused(on: Problem) -> None:
    forecast = strange_tasks.LOADERS["forecast"](None)
    with pytest.raises(InputError, match=r"protocol rd3: .* is scored by its .*, expected accuracy"):
        Taught().learner(forecast, forecast.network("small"))
    with pytest.raises(InputError, match=r"taught.teacher: found .* expected a protocol that asks nothing of a set"):
        Taught(teacher=named("mtt"))
    for fields in ({"slowed": 0.5}, {"temperature": 0.0}, {"learning_rate": 0.0}, {"epochs": 0}, {"batch": -1}):
        with pytest.raises(InputError, match=f"taught.{next(iter(fields))}: found"):
            Taught(**fields)


def images(count: int, height: int = 7, width: int = 9) -> Tensor:
    """Image i is of the value i alone."""
    return torch.arange(float(count))[:, None, None, None].expand(count, 2, height, width).clone()


def test_cutmix_mixes_labels_as_the_area_of_its_box() -> None:
    batch, shares = Batch(images(6), torch.eye(6), torch.arange(6)), []
    for draw in range(40):
        mixed = CutMix().examples(batch, KEY.fold(draw), torch.arange(6))
        assert torch.equal(mixed.inputs, CutMix().apply(batch.inputs, KEY.fold(draw), torch.arange(6)))
        for item in range(6):
            counted = mixed.inputs[item, 0].flatten().long().bincount(minlength=6) / 63
            torch.testing.assert_close(mixed.targets[item], counted, rtol=0, atol=1e-6)
        # The box is one for all, and a box: what is exchanged is as many whole rows of as many columns.
        changed = (mixed.inputs[:, 0] != batch.inputs[:, 0]).any(0)
        assert torch.equal(changed, changed.any(1)[:, None] & changed.any(0))
        shares.append(float(changed.double().mean()))
    assert min(shares) == 0.0 and max(shares) > 0.5 and torch.equal(mixed.classes, batch.classes)


def test_mixup_mixes_inputs_and_labels_alike() -> None:
    batch, shares = Batch(images(6).double(), torch.eye(6).double(), torch.arange(6)), []
    numbers = torch.arange(6.0).double()
    for draw in range(40):
        mixed = Mixup().examples(batch, KEY.fold(draw), torch.arange(6))
        assert torch.equal(mixed.inputs, Mixup().apply(batch.inputs, KEY.fold(draw), torch.arange(6)))
        # Image i is of the value i: the mean value under the label is what every pixel has.
        expected = (mixed.targets @ numbers)[:, None, None, None].expand_as(mixed.inputs)
        torch.testing.assert_close(mixed.inputs, expected, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(mixed.targets.sum(1), torch.ones(6).double())
        # Each gives away as much as it gets, and one share is of all that are mixed with another.
        torch.testing.assert_close(mixed.targets.sum(0), torch.ones(6).double())
        own = mixed.targets.diagonal()
        assert len({round(float(each), 9) for each in own if each < 1}) <= 1
        shares.append(float(1 - own.min()))
    assert torch.equal(mixed.classes, batch.classes)
    # Uniform: of 40 draws the mean is within four standard errors of a half.
    assert abs(sum(shares) / 40 - 0.5) < 4 * (1 / 12 / 40) ** 0.5


@pytest.mark.parametrize("part", [CutMix, Mixup])
def test_what_mixes_by_chance_does_so_that_often_and_then_as_always(part: type) -> None:
    batch = Batch(KEY.normal(5, 1, 8, 8), torch.eye(5), torch.arange(5))
    happened = 0
    for draw in range(200):
        key = KEY.fold("chance", draw)
        found, whole = (part(chance).examples(batch, key, torch.arange(5)) for chance in (0.3, 1.0))
        still = torch.equal(found.inputs, batch.inputs) and torch.equal(found.targets, batch.targets)
        assert still or (torch.equal(found.inputs, whole.inputs) and torch.equal(found.targets, whole.targets))
        happened += not still
    # A box may be empty, and partners may be the same: it changes something a little less often than it is drawn.
    assert 35 < happened < 75
    assert str(part(0.5)) == f"{part.__name__} at 0.5 of the steps"
    for chance in (0.0, 1.5):
        with pytest.raises(InputError, match=r"chance: found .*, expected a number above 0, to 1"):
            part(chance)


def test_a_resized_crop_is_what_lies_in_the_box_that_its_group_draws() -> None:
    pictures = KEY.normal(4, 3, 12, 10).double()
    groups = torch.tensor([3, BLOCK + 1, 3, 0])
    found = ResizedCrop(0.3, 0.8).apply(pictures, KEY, groups)
    for item, group in enumerate(groups.tolist()):
        drawn = draw_boxes(KEY.fold("boxes", group // BLOCK), BLOCK, (12, 10), (0.3, 0.8), (3 / 4, 4 / 3))
        top, left, tall, wide = drawn[group % BLOCK].tolist()
        assert 0.25 < tall * wide / 120 < 0.85
        cut = pictures[item : item + 1, :, top : top + tall, left : left + wide]
        expected = functional.interpolate(cut, (12, 10), mode="bilinear", antialias=True)[0]
        torch.testing.assert_close(found[item], expected, rtol=1e-9, atol=1e-9)
    whole = ResizedCrop(1.0, ratio=1.0).apply(pictures[:, :, :10], KEY, groups)
    torch.testing.assert_close(whole, pictures[:, :, :10])
    for fields in ({"least": 0.9, "most": 0.5}, {"most": 1.5}, {"ratio": 0.5}, {"least": 0.0}):
        with pytest.raises(InputError, match="resized-crop"):
            ResizedCrop(**fields)


def test_augmentations_in_turn_are_each_by_draws_of_its_own() -> None:
    batch = Batch(KEY.normal(5, 1, 8, 8), torch.eye(5), torch.arange(5))
    parts = (Siamese(("flip",)), ResizedCrop(0.4), CutMix())
    by_hand = batch
    for index, part in enumerate(parts):
        by_hand = part.examples(by_hand, KEY.fold(index), torch.arange(5))
    found = InTurn(parts).examples(batch, KEY, torch.arange(5))
    assert torch.equal(found.inputs, by_hand.inputs) and torch.equal(found.targets, by_hand.targets)
    assert torch.equal(InTurn(parts).apply(batch.inputs, KEY, torch.arange(5)), by_hand.inputs)
    # Digits are not mirrored: nothing changes where that is all there is.
    assert torch.equal(TASK.augment(batch, KEY, torch.arange(5), InTurn(parts[:1])).inputs, batch.inputs)
    assert InTurn((Siamese(),)).batchwise() == InTurn((Siamese(together=True),))
    assert str(InTurn(parts)) == "flip, crops of 0.4 to 1 of the area, CutMix"
