"""A teacher's labels are its predictions, the crops that stay are those it is surest of, and whose labels is said."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

import limbeck
import strange_tasks
from limbeck.cli.tables import scores
from limbeck.computations import AllReal, Coreset, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.teachers import Teacher
from limbeck.computations.training import TEACHER
from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import entries, fitting
from limbeck.exports import export
from limbeck.learn.crops import draw_boxes
from limbeck.objectives import Distribution
from limbeck.parameterizations import FixedTargets, SoftTargets
from limbeck.protocols import Epochs
from limbeck.recipes import SELECTIONS, published, recipe_for
from limbeck.runs.graph import Graph, Request
from limbeck.runs.needs import missing_needs
from limbeck.runs.store import Store
from limbeck.starts import LikelyCrops, Real, Relabelled, TeacherLabels, UniformLabels
from limbeck.starts.likely_crops import tiled
from limbeck.tasks import load

KEY = Key(("teachers",))
CPU = torch.device("cpu")
NETWORK = "convnet-w4-d1"
TASK = load("digits")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store, so that each teacher is trained once."""
    yield Store(tmp_path_factory.mktemp("teachers"))


@pytest.fixture
def on(store: Store) -> Problem:
    return Problem(TASK, TASK.network(NETWORK), CPU, store)


def logits(on: Problem, teacher: Teacher, inputs: Tensor) -> Tensor:
    """What the module of the teacher's network says, in double precision, with what its training is kept as."""
    kept, network = teacher.training().kept(ProbeContext(on)), TASK.network(teacher.network or NETWORK)
    module = network.factory().eval().double()  # type: ignore[attr-defined]
    state = {name: leaf.double() for name, leaf in {**kept.params, **kept.statistics}.items()}
    with torch.no_grad():
        found: Tensor = functional_call(module, state, (inputs.double(),))
    return found


@pytest.mark.parametrize(
    "teacher", [Teacher(), Teacher(network="convnet-w4-d1-batch")], ids=["by group", "by running statistics"]
)
def test_labels_are_the_softmax_of_the_teachers_logits_of_the_items_that_stay(on: Problem, teacher: Teacher) -> None:
    for start, temperature in ((Real(), 1.0), (LikelyCrops(teacher, images=4), 2.5)):
        picked, plain = TeacherLabels(start, teacher, temperature).pick(on, 2, KEY), start.pick(on, 2, KEY)
        assert torch.equal(picked.inputs, plain.inputs) and torch.equal(picked.classes, plain.classes)
        said = logits(on, teacher, plain.inputs).float()
        torch.testing.assert_close(picked.targets, (said / temperature).softmax(1), rtol=0, atol=2e-6)
        assert torch.equal(plain.targets, torch.eye(10)[plain.classes])


def test_a_teacher_learns_for_its_epochs_and_for_at_least_150_steps(on: Problem) -> None:
    count, context = sum(map(len, TASK.groups("train"))), ProbeContext(on)
    for teacher, steps in ((Teacher(), 150), (Teacher(epochs=40), 40 * -(-count // 256)), (Teacher(batch=8), 5 * 162)):
        schedule = teacher.training().setup(context).schedule
        assert len(schedule.learning_rates) == steps and torch.equal(
            schedule.learning_rates, torch.full((steps,), 0.01)
        )
        assert schedule.order.max() == count - 1
    assert Teacher().training().on == AllReal() and not Teacher().training().evaluates
    for fields in ({"epochs": 0}, {"batch": 0}, {"learning_rate": 0.0}, {"momentum": 1.0}, {"weight_decay": -1.0}):
        with pytest.raises(InputError, match=f"teacher.{next(iter(fields))}: found"):
            Teacher(**fields)


def test_a_teacher_is_trained_once_for_all_keys_seeds_and_recipes_that_ask_for_the_same(
    on: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    TeacherLabels().pick(on, 1, KEY)
    monkeypatch.setattr(Training, "run", lambda *_: pytest.fail("it is trained again"))
    draws = [TeacherLabels(start).pick(on, 2, KEY.fold(draw)) for draw in range(2) for start in (Real(), LikelyCrops())]
    assert len({each.targets.numpy().tobytes() for each in draws}) == 4


def test_what_is_learned_from_is_done_before_what_learns_from_it(store: Store, on: Problem) -> None:
    teacher = TeacherLabels().teacher.training()
    nested = UniformLabels(Relabelled(TeacherLabels(LikelyCrops(Teacher(epochs=9)))))
    assert nested.needs(on) == (Teacher(epochs=9).training(), teacher) and Real().needs(on) == ()
    scored = Training(Coreset(TeacherLabels(), 1), 0)
    nodes = Graph([Request(scored, ProbeContext(on))], TASK.reference).nodes.values()
    assert {each.request.computation: each.depth for each in nodes} == {teacher: 0, scored: 1}
    rded, another = recipe_for("rded", "digits", 1), TeacherLabels(LikelyCrops(Teacher(epochs=9)))
    TeacherLabels().pick(on, 1, KEY)
    with limbeck.Session(store.root, device="cpu") as session:
        assert missing_needs(session, TASK, NETWORK, rded) == []
        missing = missing_needs(session, TASK, NETWORK, replace(rded, start=another))
        assert [each.computation for each in missing] == [Teacher(epochs=9).training()]


@pytest.mark.parametrize(("factor", "per_class"), [(1, 3), (3, 2)])
def test_the_crops_that_stay_are_those_of_least_cross_entropy(on: Problem, factor: int, per_class: int) -> None:
    start = LikelyCrops(crops=3, images=20, factor=factor, least=0.2)
    batch, side = start.pick(on, per_class, KEY), 8 // factor
    mean = TASK.codec.decode(torch.zeros(1, 1, 8, 8))[0]
    said = functools.partial(logits, on, Teacher())
    for label in (0, 7):
        rows = TASK.groups("train")[label]
        rows = rows[KEY.fold("considered", label).permutation(len(rows))[:20]]
        boxes = iter(draw_boxes(KEY.fold("crops", label), 60, (8, 8), (0.2, 1.0)).tolist())
        best = []
        for native in TASK.native("train", rows):
            tried = []
            for _ in range(3):
                top, left, height, width = next(boxes)
                cut = native[None, :, top : top + height, left : left + width]
                patch = functional.interpolate(cut, (side, side), mode="bilinear", antialias=True)[0]
                canvas, at = mean.clone(), (8 - side) // 2
                canvas[:, at : at + side, at : at + side] = patch
                loss = functional.cross_entropy(said(TASK.codec.encode(canvas[None])), torch.tensor([label]))
                tried.append((float(loss), patch))
            best.append(min(tried, key=lambda each: each[0]))
        kept = sorted(best, key=lambda each: each[0])[: per_class * factor**2]
        found = TASK.codec.decode(batch.inputs[batch.classes == label])
        for item in range(per_class):
            for cell in range(factor**2):
                # Of 8 pixels in 3 cells the first two are 3 long, of which the last pixel is the second again.
                lengths = [side + (place < 8 % factor) for place in range(factor)]
                (down, across), patch = divmod(cell, factor), kept[cell * per_class + item][1]
                high, wide = lengths[down], lengths[across]
                top, left = sum(lengths[:down]), sum(lengths[:across])
                expected = functional.interpolate(patch[None], (high, wide))[0]
                piece = found[item][:, top : top + high, left : left + wide]
                torch.testing.assert_close(piece, expected, rtol=0, atol=2e-5)


def test_cells_are_filled_row_by_row_with_as_many_patches_as_there_are_items() -> None:
    patches = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 1, 2, 2)
    first, second = tiled(patches, (4, 4), 2)[:, 0]
    expected = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2], [4, 4, 6, 6], [4, 4, 6, 6]])
    assert torch.equal(first, expected) and torch.equal(second, expected + 1)


def test_what_cannot_be_taught_or_cropped_is_refused(on: Problem) -> None:
    forecast = strange_tasks.LOADERS["forecast"](None)
    strange = Problem(forecast, forecast.network("small"), CPU, on.cache)
    with pytest.raises(
        InputError, match=r"start teacher-labels: found targets \(1, 2\), expected a weight for each of 1"
    ):
        TeacherLabels().pick(strange, 1, KEY)
    with pytest.raises(InputError, match=r"start likely-crops: found inputs of the shape \(.*, expected images"):
        LikelyCrops().pick(strange, 1, KEY)
    with pytest.raises(InputError, match="likely-crops.factor: found 9, expected at most 8"):
        LikelyCrops(factor=9).pick(on, 1, KEY)
    with pytest.raises(InputError, match=r"likely-crops.factor: found 8, .* cut from 192 images, and a class has 12"):
        LikelyCrops(factor=8).pick(on, 3, KEY)
    with pytest.raises(InputError, match=r"likely-crops.least: found 1.5"):
        LikelyCrops(least=1.5)
    with pytest.raises(InputError, match=r"teacher-labels.temperature: found 0"):
        TeacherLabels(temperature=0.0)


def distilled(recipe: Any, store: Store, **more: Any) -> DistilledSet:
    return limbeck.distill(TASK, recipe, ipc=1, network=NETWORK, session=limbeck.Session(store.root), **more)


def test_whose_labels_a_set_has_is_said_wherever_they_are_told(store: Store, on: Problem, tmp_path: Path) -> None:
    TeacherLabels().pick(on, 1, KEY)
    taught, plain = recipe_for("random-soft", "digits", 1), recipe_for("random", "digits", 1)
    learns = replace(taught, parameterization=SoftTargets(), objective=Distribution(per_class=3), steps=1)
    made = {
        "teacher's": distilled(taught, store),
        "hard": distilled(plain, store),
        "learned": distilled(learns, store, checks=0),
    }
    made["soft"] = replace(made["teacher's"], spec={"network": NETWORK, "imported": {"name": "x"}})
    # Given by a teacher and not learned, though they might have been, or though the items are.
    for other in (replace(learns, steps=0, objective=None), replace(learns, parameterization=FixedTargets())):
        assert distilled(other, store, checks=0).label_kind == "teacher's"
    assert distilled(replace(taught, start=UniformLabels(TeacherLabels())), store).label_kind == "soft"
    for kind, each in made.items():
        each.save(tmp_path / "set.safetensors")
        found = DistilledSet.load(tmp_path / "set.safetensors")
        assert found.label_kind == each.label_kind == each.header()["label_kind"] == kind
        assert found.label_mode == ("hard" if kind == "hard" else "soft") and f"{kind} labels" in repr(found)
        # A byte for the class of each of ten items, and a float for each class of each where labels are soft.
        assert each.budget.bytes == 10 * (64 * 4 + 1 + (0 if kind == "hard" else 40))
    export(made["teacher's"], "npz", tmp_path / "taught.npz")
    readme = next(tmp_path.glob("*.md")).read_text()
    assert "selected by the start real under teacher-labels, seed 0; under the soft labels of a teacher" in readme


def test_a_baseline_under_a_teachers_labels_counts_their_bytes_and_says_so(store: Store, on: Problem) -> None:
    made = distilled(recipe_for("random-soft", "digits", 1), store)
    names = ("random", "random-soft", "random-soft:bytes", "rded", "full")
    found = entries([(ProbeContext(on, "it", made), Path("it"), made)], Epochs(), names)
    assert [(each.labels, each.stored, each.per_class) for each in found[:-1]] == [
        ("teacher's", 10 * (256 + 1 + 40), 1),
        ("hard", 10 * 65, 1),
        ("teacher's", 10 * (65 + 40), 1),
        ("teacher's", 10 * 2 * 105, 2),
        ("teacher's", 10 * (256 + 1 + 40), 1),
    ]
    assert found[-1].labels == "hard" and found[-1].stored == 65 * sum(map(len, TASK.groups("train")))
    assert fitting(TASK, 2970) == 4 and fitting(TASK, 2970, "random-soft") == 2 and fitting(TASK, 2970, "rded") == 1
    rows = [
        {"set": each.name, "network": NETWORK, "metric": "accuracy", "unit": "fraction", "higher_is_better": True}
        | {"mean": 0.5, "low": 0.5, "high": 0.5, "values": [0.5], "n": 1, "matched": each.matched, "beside": ""}
        | {
            "seeds": 0,
            "about": "",
            "whole": True,
            "bytes": each.stored,
            "per_class": each.per_class,
            "labels": each.labels,
        }
        for each in found
    ]
    for shown, told in ((rows, True), ([row for row in rows if row["labels"] == "hard"], False)):
        assert ("labels" in scores(shown, "p").columns) is told


def test_published_ages_are_of_their_data_and_others_have_a_teacher_for_a_laptop() -> None:
    method = published("random-soft")
    ages = {ipc: recipe_for("random-soft", "cifar10", ipc, True).start.teacher.epochs for ipc in (1, 10, 50, 100)}  # type: ignore[attr-defined]
    assert ages == {1: 20, 10: 44, 50: 128, 100: 164}
    assert method.nearest("cifar10_exact", 12, False) == ("cifar10", 10, True)
    assert method.nearest("digits", 1, False) is None and recipe_for("random-soft", "digits", 1) == method.recipe
    assert method.provenance("digits", 1) == "that are limbeck's own, as none was published for digits"
    assert method.recipe.start == SELECTIONS["random-soft"] == TeacherLabels(Real(), Teacher(epochs=5))
    assert Teacher().training().seed == TEACHER
