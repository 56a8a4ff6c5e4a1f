"""A baseline has as many items as the set, or as many as fit in its bytes, and is stored as the data keep it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import limbeck
import strange_tasks
from limbeck.api import loaded
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import check_baselines, entries, fitting
from limbeck.parameterizations import Pixels
from limbeck.protocols import Epochs, Own
from limbeck.schedules import Fixed
from limbeck.tasks.images import ImageTask, Split

KEY = Key(("baselines",))


def set_of(task: Any, per_class: int) -> DistilledSet:
    start = Problem(task, task.network("mlp-w4"), torch.device("cpu"), NoCache()).real(KEY, per_class)
    schedule = Fixed(steps=2).render({}, start.classes, KEY)
    return DistilledSet(Pixels().init(start, KEY), Pixels(), schedule, task.codec, task.classes, {}, {})


def images(dtype: type, classes: int = 3, count: int = 20) -> ImageTask:
    """Images of 2 x 3 pixels in three channels, `count` of each class."""
    labels = np.repeat(np.arange(classes), count)
    kept = np.zeros((len(labels), 3, 2, 3), dtype)
    split = Split(kept, np.arange(len(labels)), labels)
    names = tuple(map(str, range(classes)))
    codec = limbeck.load("digits").codec
    splits = dict.fromkeys(("train", "validation", "test"), split)
    return ImageTask("images", names, (3, 2, 3), "f", replace(codec, mean=(0.5,) * 3, std=(0.5,) * 3), True, splits, {})


@pytest.mark.parametrize(
    ("dtype", "classes", "size"), [(np.uint8, 3, 18 + 1), (np.float32, 3, 72 + 1), (np.uint8, 300, 18 + 2)]
)
def test_an_image_takes_its_decoded_numbers_and_the_smallest_label(dtype: type, classes: int, size: int) -> None:
    assert images(dtype, classes, 1).bytes_per_example == size


@pytest.mark.parametrize(
    ("name", "size"),
    [("pairs", 4 * 9 + 1), ("graph", 4 * 7 + 1), ("sentences", 4 * 28 + 1), ("forecast", 4 * (8 + 2))],
)
def test_an_example_of_any_task_takes_four_bytes_a_number_and_its_label_or_targets(name: str, size: int) -> None:
    assert strange_tasks.LOADERS[name](None).bytes_per_example == size


def beside(task: Any, sets: list[DistilledSet], names: tuple[str, ...], protocol: Any = None) -> list[Any]:
    problem = Problem(task, task.network("mlp-w4"), torch.device("cpu"), NoCache())
    contexts = [(ProbeContext(problem, f"set {number}", made), Path("set"), made) for number, made in enumerate(sets)]
    return entries(contexts, protocol or Epochs(), names)


def test_by_items_a_coreset_is_as_many_images_at_their_own_bytes_and_by_bytes_as_many_as_fit() -> None:
    task = images(np.uint8)
    made = set_of(task, 2)
    # 6 images of 18 numbers of 4 bytes, and a label of each.
    stored = made.budget.bytes
    assert stored == 6 * (18 * 4 + 1)
    mine, by_items, by_bytes, full = beside(task, [made], ("random", "random:bytes", "full"))
    assert [(each.per_class, each.stored, each.matched) for each in (mine, by_items, by_bytes, full)] == [
        (2, stored, ""),
        (2, 6 * 19, "items"),
        (stored // (3 * 19), stored // (3 * 19) * 3 * 19, "bytes"),
        (20, 60 * 19, ""),
    ]
    assert by_bytes.source.count(by_bytes.context) == 3 * 7
    assert by_bytes.stored <= stored < by_bytes.stored + 3 * 19
    assert by_bytes.score("p", [0.5]).row().items() >= {"set": "random:bytes", "per_class": 7, "bytes": 399}.items()


@pytest.mark.parametrize(("size", "count"), [(56, 0), (57, 1), (113, 1), (114, 2), (57 * 20, 20), (57 * 99, 20)])
def test_as_many_fit_as_their_bytes_say_and_never_more_than_there_are(size: int, count: int) -> None:
    assert fitting(images(np.uint8), size) == count


def test_sets_of_one_size_share_a_baseline_unless_each_decides_how_it_is_trained() -> None:
    task = images(np.uint8)
    sets = [set_of(task, count) for count in (2, 2, 1)]
    names = [(each.name, each.per_class) for each in beside(task, sets, ("random", "random:items", "random:bytes"))[3:]]
    assert names == [*[("random", 2), ("random", 1)] * 2, ("random:bytes", 7), ("random:bytes", 3)]
    own = beside(task, sets, ("random:bytes",), Own())[3:]
    assert [(each.per_class, each.path) for each in own] == [(count, Path("set")) for count in (7, 7, 3)]
    assert [each.score("own", [0.5]).beside for each in own] == ["set 0", "set 1", "set 2"]
    assert {each.score("p", [0.5]).beside for each in beside(task, sets, ("random", "full"))} == {""}


def test_every_set_has_a_name_of_its_own_and_a_file_is_one_set_however_often_it_is_given(tmp_path: Path) -> None:
    task = images(np.uint8)
    whole = {"data": task.reference, "spec": {"network": "mlp-w4"}}
    one, two = (replace(set_of(task, count), **whole) for count in (1, 2))
    session, file = limbeck.Session(tmp_path / "store"), tmp_path / "a.safetensors"
    one.save(file)
    assert [name for name, _, _ in loaded(one, session)] == ["set"]
    listed = loaded([one, file, two, str(file)], session)
    assert [name for name, _, _ in listed] == ["set 1", str(file), "set 3"]
    for (_, path, made), given in zip(listed, (one, one, two), strict=True):
        assert made.digest == DistilledSet.load(path).digest == given.digest


def test_a_set_smaller_than_one_real_image_of_each_class_has_no_baseline_of_its_bytes() -> None:
    task = images(np.float32)
    made = set_of(task, 1)
    small = replace(made, params=made.params._replace(learned={"inputs": made.params.learned["inputs"].half()}))
    assert small.budget.bytes < 3 * 73
    with pytest.raises(InputError, match="one real example of each class takes 219; leave this baseline out"):
        beside(task, [small], ("random:bytes",))


@pytest.mark.parametrize("name", ["randon", "random:", "random:weight", "full:bytes", "randon:bytes"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="baseline"):
        check_baselines([name])
