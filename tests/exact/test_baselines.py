"""A baseline has as many items as the set, or as many as fit in its bytes, and is stored as the data keep it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
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
from limbeck.computations.level import Level
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors
from limbeck.core.key import Key
from limbeck.core.task import Metric
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Again, Entry, entries, fitting
from limbeck.inside import account
from limbeck.parameterizations import FixedTargets, Pixels, SoftTargets
from limbeck.protocols import Epochs, Own
from limbeck.recipes import SELECTIONS
from limbeck.recipes.baselines import BASELINES, check_baselines
from limbeck.schedules import Fixed
from limbeck.starts import LikelyCrops, Real, RightlyNamed, TeacherLabels
from limbeck.tasks.images import ImageTask, Split
from limbeck.tasks.levels import bytes_per_pixel

KEY = Key(("baselines",))


class Outcomes:
    """A cache that has an outcome for every training: that of its seed."""

    def __init__(self, outcome: Callable[[int], dict[str, Sequence[float]]]) -> None:
        self.outcome = outcome

    def remember(self, address: dict[str, Any], make: Any, branch: str = "") -> Any:
        found = self.outcome(address["computation"]["seed"])
        return torch.tensor(found[branch], dtype=torch.float64)

    def holds(self, address: dict[str, Any]) -> bool:
        return True


def scored(entry: Entry, repeats: int, outcome: Callable[[int], dict[str, Sequence[float]]]) -> Any:
    """The row of an entry whose learners come to known outcomes, by their seeds."""
    problem = replace(entry.context.problem, cache=Outcomes(outcome))
    return replace(entry, context=replace(entry.context, problem=problem)).score("p", repeats)


def half(seed: int) -> dict[str, Sequence[float]]:
    return {"accuracy": [0.5], "scores": [0.1, 0.5, 0.5]}


def set_of(task: Any, per_class: int, network: str = "mlp-w4") -> DistilledSet:
    problem = Problem(task, task.network(network), torch.device("cpu"), NoCache())
    start = problem.real(KEY, per_class)
    schedule = Fixed(steps=2).render({}, start.classes, KEY)
    return DistilledSet(Pixels().init(problem, start, KEY), Pixels(), schedule, task.codec, task.classes, {}, {})


def images(dtype: type, classes: int = 3, count: int = 20) -> ImageTask:
    """Images of 2 x 3 pixels in three channels, `count` of each class."""
    labels = np.repeat(np.arange(classes), count)
    kept = np.random.default_rng(0).random((len(labels), 3, 2, 3), np.float32)
    kept = kept if dtype is np.float32 else (255 * kept).astype(dtype)
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


@pytest.mark.parametrize(("steps", "width"), [(1, 1), (16, 1), (255, 1), (256, 2), (4095, 2), (65535, 2)])
def test_a_pixel_of_equal_steps_takes_the_bytes_of_an_integer_that_numbers_them(steps: int, width: int) -> None:
    levels = np.linspace(0, 1, steps + 1, dtype=np.float32)
    assert bytes_per_pixel(levels[:, None, None, None], np.arange(len(levels))) == width
    # Not all levels need occur, and rows that are not asked for do not count.
    few = np.array([0, levels[1], levels[-1], 0.1234567], np.float32)[:, None, None, None]
    assert bytes_per_pixel(few, np.arange(3)) == width
    assert bytes_per_pixel(few, np.arange(4)) == 4


def test_scans_of_17_levels_take_a_byte_a_pixel() -> None:
    assert limbeck.load("digits").bytes_per_example == 64 + 1


@pytest.mark.parametrize(
    ("name", "size"),
    [("pairs", 4 * 9 + 1), ("graph", 4 * 7 + 1), ("sentences", 4 * 28 + 1), ("forecast", 4 * (8 + 2))],
)
def test_an_example_of_any_task_takes_four_bytes_a_number_and_its_label_or_targets(name: str, size: int) -> None:
    task = strange_tasks.LOADERS[name](None)
    assert task.bytes_per_example == size
    assert task.numbers_per_example == (size // 4 if name == "forecast" else size // 4 + 1)


def test_labels_that_a_network_gives_are_numbers_beside_those_of_an_item() -> None:
    task, kinds = images(np.uint8), (Real(), TeacherLabels(), RightlyNamed(), LikelyCrops())
    assert [kind.numbers_per_item(task) for kind in kinds] == [19, 19 + 3, 19 + 3, 19]


def beside(
    task: Any, sets: list[DistilledSet], names: tuple[str, ...], protocol: Any = None, network: str = "mlp-w4"
) -> list[Any]:
    problem = Problem(task, task.network(network), torch.device("cpu"), NoCache())
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
    row = scored(by_bytes, 1, half).row()
    assert row.items() >= {"set": "random:bytes", "per_class": 7, "bytes": 399, "seeds": 0, "values": [0.5]}.items()
    # As 32-bit numbers an item is an item, whatever keeps it: 18 numbers and its label.
    assert [each.float32 for each in (mine, by_items, by_bytes, full)] == [4 * 19 * each for each in (6, 6, 21, 60)]
    assert row["float32"] == 4 * 19 * 21 and mine.float32 == account(made).floats


def test_a_baseline_of_more_items_than_a_class_has_is_left_out_aloud_and_the_rest_is_scored() -> None:
    made = set_of(images(np.uint8), 12)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = beside(images(np.uint8, count=7), [made], BASELINES)
    assert [str(each.message) for each in told] == [
        f"{name} is left out: set 0 has 12 items a class, '0' only 7" for name in ("random", "herding", "kmeans")
    ]
    assert [each.name for each in found] == ["set 0", "random:bytes", "full"]


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
    assert [scored(each, 1, half).beside for each in own] == ["set 0", "set 1", "set 2"]
    assert {scored(each, 1, half).beside for each in beside(task, sets, ("random", "full"))} == {""}


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


def stored_in(dtype: torch.dtype) -> Callable[[DistilledSet], DistilledSet]:
    def made(of: DistilledSet) -> DistilledSet:
        return replace(of, params=of.params._replace(learned=tree.map(lambda leaf: leaf.to(dtype), of.params.learned)))

    return made


def with_decoder(of: DistilledSet) -> DistilledSet:
    """The set with what is learned to decode it: another group of what is learned, and what is kept for it."""
    learned = {**of.params.learned, "decoder": torch.zeros(11)}
    fixed = {**of.params.fixed, "addresses": torch.arange(6)}  # type: ignore[dict-item]
    return replace(of, params=Parameters(learned, fixed))


@pytest.mark.parametrize(
    ("part", "changed", "size"),
    [
        # Six images of 18 numbers, and a label of one byte each.
        (Pixels(), lambda of: of, 6 * (18 * 4 + 1)),
        (Pixels(), stored_in(torch.float16), 6 * (18 * 2 + 1)),
        (Pixels(), stored_in(torch.float64), 6 * (18 * 4 + 1)),
        (Pixels(), with_decoder, 6 * (18 * 4 + 1) + 11 * 4 + 6),
        # Weights of three classes, learned or kept, and what class each item was made for.
        (SoftTargets(), lambda of: of, 6 * (18 * 4 + 3 * 4 + 1)),
        (FixedTargets(), lambda of: of, 6 * (18 * 4 + 3 * 4 + 1)),
        (SoftTargets(), stored_in(torch.float16), 6 * (18 * 2 + 3 * 2 + 1)),
    ],
)
def test_a_set_takes_the_bytes_that_lie_on_disk_of_its_numbers_labels_decoder_and_addresses(
    part: Any, changed: Callable[[DistilledSet], DistilledSet], size: int, tmp_path: Path
) -> None:
    task = images(np.uint8)
    problem = Problem(task, task.network("mlp-w4"), torch.device("cpu"), NoCache())
    start = problem.real(KEY, 2)
    plain = set_of(task, 2)
    whole = {"data": {"name": "images", "fingerprint": "f"}, "spec": {"network": "mlp-w4"}}
    made = changed(replace(plain, params=part.init(problem, start, KEY), parameterization=part, **whole))
    assert made.budget.bytes == size
    made.save(tmp_path / "set.safetensors")
    tensors, _ = read_tensors(tmp_path / "set.safetensors")
    params = [leaf for path, leaf in tensors.items() if path.startswith("params")]
    assert sum(leaf.numel() * leaf.element_size() for leaf in params) == size
    # As many photos of 8-bit numbers, with a label of one byte, as fit.
    assert [each.per_class for each in beside(task, [made], ("random:bytes",))[1:]] == [size // (3 * 19)]


def test_by_default_a_set_stands_beside_equal_counts_and_equal_bytes_unless_these_are_the_same() -> None:
    names = ["random", "herding", "kmeans"]
    task = images(np.uint8)
    told = [(each.name, each.per_class) for each in beside(task, [set_of(task, 2)], BASELINES)[1:]]
    assert told == [*((name, 2) for name in names), ("random:bytes", 7), ("full", 20)]
    # Real examples of four bytes a number, as the set: as many are as many bytes.
    alike = images(np.float32)
    told = [(each.name, each.per_class) for each in beside(alike, [set_of(alike, 2)], BASELINES)[1:]]
    assert told == [*((name, 2) for name in names), ("full", 20)]
    # Of a set smaller than one of each class there is nothing to hold it against, and nobody asked.
    small = stored_in(torch.float16)(set_of(alike, 1))
    assert [each.name for each in beside(alike, [small], BASELINES)[1:]] == [*names, "full"]


def test_a_score_over_distillations_is_the_mean_of_their_means_with_an_interval_over_these() -> None:
    task = images(np.uint8)
    ours = beside(task, [set_of(task, 2)], ())[0]
    again = tuple(Again(seed, Path(f"{seed}"), set_of(task, 2)) for seed in range(3))
    several = replace(ours, again=again, spec={"network": "mlp-w4", "seed": 1})
    apart = {0: 0.0, 1: 0.1, 2: 0.5}

    def outcome(seed: int) -> dict[str, Sequence[float]]:
        # value[k][r] = mean + distillation[k] + network[r]
        return {"accuracy": [0.3 + apart[seed // 1_000_000] + (0.01, -0.01)[seed % 1_000_000]]}

    row = scored(several, 2, outcome)
    assert (row.seeds, row.n, row.about) == (3, 6, "over 3 distillations, seeds 0 to 2")
    assert row.values == pytest.approx((0.3, 0.4, 0.8)) and row.mean == pytest.approx(0.5)
    # t(2) s / sqrt(3) of 0.3, 0.4 and 0.8; no accuracy is above 1.
    assert row.low == pytest.approx(max(0.5 - 4.302653 * 0.2645751 / 3**0.5, 0)) and row.high == 1.0
    learners = [asked for group in several.learners(2) for asked in group]
    assert len({asked.training.seed for asked in learners}) == 6
    assert [str(asked.path) for asked in learners] == ["0", "0", "1", "1", "2", "2"]
    assert [asked.context.set for asked in learners[::2]] == [each.distilled for each in again]
    alone = scored(replace(several, again=()), 2, outcome)
    assert (alone.seeds, alone.n, alone.about, alone.mean) == (1, 2, "this one set, seed 1", pytest.approx(0.3))


def test_an_interval_of_accuracies_keeps_to_what_they_can_be_and_one_of_errors_need_not() -> None:
    task = images(np.uint8)

    def outcome(seed: int) -> dict[str, Sequence[float]]:
        return {"accuracy": [(0.9, 1.0)[seed]], "error": [(0.9, 1.0)[seed]]}

    row = scored(beside(task, [set_of(task, 2)], ())[0], 2, outcome)
    assert (row.low, row.high) == (pytest.approx(0.95 - 12.7062 * 0.05, rel=1e-4), 1.0)
    error = replace(task, metrics=(Metric("error", "K", False),))
    assert scored(beside(error, [set_of(error, 2)], ())[0], 2, outcome).high > 1


@pytest.mark.parametrize(
    ("scores", "whole"),
    [
        ([[0.1, 0.5, 0.50], [0.1, 0.5, 0.54]], True),
        ([[0.1, 0.5, 0.56], [0.1, 0.5, 0.54]], False),
        # One learner that rose and one that did not: their mean had not levelled off.
        ([[0.1, 0.5, 0.50], [0.1, 0.5, 0.60]], False),
    ],
)
def test_all_real_data_say_how_long_unless_the_last_doubling_brought_next_to_nothing(
    scores: Sequence[Sequence[float]], whole: bool
) -> None:
    task = images(np.uint8)
    full = beside(task, [set_of(task, 2)], ("full",), Epochs(epochs=9, full_batch=30, full_epochs=5))[1]
    # Nine steps of a set; sixty examples in batches of thirty, so ten steps.
    training = full.training(0)
    assert training.reads == (0, 5, 10) and training.until == Level(first=10)
    row = scored(full, 2, lambda seed: {"accuracy": [0.0, 0.3, 0.4], "scores": scores[seed]})
    assert (row.about, row.whole) == (("", True) if whole else ("after 5 epochs", False))
    assert (row.set, row.mean, row.seeds) == ("full", pytest.approx(0.4), 0)


@pytest.mark.parametrize("name", ["randon", "random:", "random:weight", "full:bytes", "randon:bytes"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="baseline"):
        check_baselines([name])


@pytest.mark.parametrize(
    ("asked", "items", "by_bytes"),
    [("all-coresets", True, True), ("all-coresets:items", True, False), ("all-coresets:bytes", False, True)],
)
def test_all_coresets_are_every_selection_of_as_many_items_and_of_as_many_bytes(
    asked: str, items: bool, by_bytes: bool
) -> None:
    task, of_images = images(np.uint8), [name for name in SELECTIONS if name != "pds"]  # which selects pairs
    check_baselines([asked])
    told = [(each.name, each.per_class) for each in beside(task, [set_of(task, 2)], (asked,))[1:]]
    expected = [(name, 2) for name in of_images] if items else []
    # A teacher's label is a number for each class, and crops have no levels.
    fit = {name: fitting(task, set_of(task, 2).budget.bytes, name) for name in of_images}
    assert {count for name, count in fit.items() if not SELECTIONS[name].taught} == {7} and fit["random-soft"] < 7
    assert told == expected + ([(f"{name}:bytes", fit[name]) for name in of_images] if by_bytes else [])
    # Where as many images are as many bytes, those would come twice; one that is named as well comes once.
    alike = images(np.float32)
    told = [each.name for each in beside(alike, [set_of(alike, 2)], ("herding", asked))[1:]]
    plain = [name for name in told if not SELECTIONS[name.partition(":")[0]].taught]
    assert sorted(plain) == ([name for name in of_images if not SELECTIONS[name].taught] if items else ["herding"])
    with pytest.raises(InputError, match="alone or with :items or :bytes"):
        check_baselines(["all-coresets:weight"])


def test_a_coreset_that_is_not_for_a_task_is_refused_by_its_name_and_left_out_aloud_among_all() -> None:
    task = strange_tasks.Forecast()
    made = set_of(task, 2, "small")
    with pytest.raises(InputError, match="a weight for each of several classes, and there is 1"):
        beside(task, [made], ("uncertainty",), network="small")
    with pytest.warns(UserWarning, match="uncertainty is left out: a selection by predictions") as told:
        names = [each.name for each in beside(task, [made], ("all-coresets:items",), network="small")[1:]]
    assert {"random", "craig", "moderate"} <= set(names) < set(SELECTIONS)
    assert len(told) == len(set(SELECTIONS) - set(names))
