"""The laws that every task obeys: those of the register, and the five strange ones of the tests."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import coupled
import recordings
import strange_tasks
import tabular
import tones
from limbeck.computations import AllReal, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.steps import Steps
from limbeck.core import tree
from limbeck.core.contracts import SPLITS, AbstractTask, Batch, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.augment import AUGMENTATIONS
from limbeck.learn.training import fit
from limbeck.protocols import Epochs
from limbeck.tasks import TASKS, load, names, reload
from limbeck.tasks.places import without_place
from limbeck.tasks.register import Known, Tasks

KEY, CPU = Key(("task laws",)), torch.device("cpu")
SMALL = ("tiny_imagenet_10", "basicmotions", "etth2")
"""The data sets that the laws are tried on where LIMBECK_DATA has them: the others have the same readers."""
STRANGE = tuple(strange_tasks.LOADERS)


RECORDED = {"choices": recordings.choices, "numbers": recordings.numbers}
OWN = {"pairs": coupled.write, "audio": functools.partial(tones.write, test=8)}
"""Data of other kinds, each by what writes some to a place of the name of the kind."""


@pytest.fixture(params=["digits", "gym:CartPole-v1", *RECORDED, *OWN, "table", *STRANGE, *SMALL])
def task(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AbstractTask:
    name = request.param
    if name == "table":
        monkeypatch.chdir(tmp_path_factory.mktemp("tables"))
        return load(tabular.write(Path("people.csv"), tabular.drawn()))
    if name in RECORDED:
        # Where a reference without its place is looked for.
        monkeypatch.chdir(tmp_path_factory.mktemp("recorded"))
        return load(recordings.write(Path(f"{name}.npz"), RECORDED[name]()))
    if name in OWN:
        monkeypatch.chdir(tmp_path_factory.mktemp("own"))
        return load(OWN[name](Path(name)))
    if name in SMALL:
        request.getfixturevalue("data_root")
        return loaded(name)
    if name in STRANGE:
        loader = strange_tasks.LOADERS[name]
        monkeypatch.setitem(TASKS.parts, name, Known("strange", loader))
    return loaded(name)


@functools.lru_cache(maxsize=2)
def loaded(name: str) -> AbstractTask:
    try:
        return load(name)
    except InputError as error:
        pytest.skip(f"no data: {error}")


def some(task: AbstractTask, split: str = "test", count: int = 24) -> torch.Tensor:
    """Rows of a split in no order."""
    return KEY.fold(split).permutation(sum(len(rows) for rows in task.groups(split)))[:count]


def same(left: object, right: object) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tree.leaves(left), tree.leaves(right), strict=True))


@pytest.mark.parametrize("split", SPLITS)
def test_groups_part_a_split_and_tell_the_classes(task: AbstractTask, split: str) -> None:
    groups = task.groups(split)
    assert len(groups) == len(task.classes)
    assert all(torch.equal(rows, rows.sort().values) for rows in groups)
    every = torch.cat(groups)
    assert torch.equal(every.sort().values, torch.arange(len(every))) and len(every) > 0
    for label, rows in enumerate(groups):
        assert set(task.load(split, rows[:5]).classes.tolist()) <= {label}
    assert all(len(rows) for rows in task.groups("train"))


def test_an_unknown_grouping_and_an_unknown_split_are_refused(task: AbstractTask) -> None:
    with pytest.raises(InputError, match="unknown grouping 'colour'"):
        task.groups("train", by="colour")
    with pytest.raises(InputError, match="unknown split 'tests'"):
        task.load("tests")


def test_rows_that_are_loaded_are_rows_of_the_whole(task: AbstractTask) -> None:
    rows = some(task, "validation")
    part, whole = task.load("validation", rows), task.load("validation")
    assert same(part, task.take(whole, rows))
    assert tree.length(part.inputs) == tree.length(part.targets) == len(part.classes) == len(rows)
    assert same(task.native("validation", rows), task.codec.decode(part.inputs)) or torch.allclose(
        task.native("validation", rows), task.codec.decode(part.inputs), atol=1e-4
    )


def test_inputs_have_the_shape_that_is_said(task: AbstractTask) -> None:
    inputs = task.load("test", some(task)).inputs
    zeros = tree.build(task.shape, 24, lambda _, shape: torch.zeros(shape))
    assert tree.flatten(tree.map(lambda leaf: leaf.shape, inputs)) == tree.flatten(
        tree.map(lambda leaf: leaf.shape, zeros)
    )


def test_rows_of_rows_are_rows(task: AbstractTask) -> None:
    batch = task.load("test", some(task))
    first, second = torch.tensor([17, 3, 8, 8, 20, 1]), torch.tensor([4, 0, 0])
    assert same(task.take(task.take(batch, first), second), task.take(batch, first[second]))
    mask = torch.arange(24) % 3 == 0
    assert same(task.take(batch, mask), task.take(batch, mask.nonzero()[:, 0]))


def test_batches_that_are_joined_can_be_taken_apart(task: AbstractTask) -> None:
    parts = [task.load("test", some(task)[:5]), task.load("train", some(task, "train")[:9])]
    whole = task.join(parts)
    assert len(whole.classes) == 14
    assert same(task.take(whole, torch.arange(5)), parts[0])
    assert same(task.take(whole, torch.arange(5, 14)), parts[1])


def test_the_codec_goes_there_and_back(task: AbstractTask) -> None:
    rows = some(task)
    native, inputs, codec = task.native("test", rows), task.load("test", rows).inputs, task.codec
    for found, expected in ((codec.decode(codec.encode(native)), native), (codec.encode(codec.decode(inputs)), inputs)):
        for one, other in zip(tree.leaves(found), tree.leaves(expected), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    again = type(codec).from_tensors(codec.to_tensors())
    assert same(again.encode(native), codec.encode(native))
    assert json.loads(json.dumps(codec.header())) == codec.header()


def test_real_data_are_as_real_data_could_be(task: AbstractTask) -> None:
    native = task.native("test", some(task))
    assert same(task.codec.clip(native), native)
    picture = task.codec.picture(tree.row(native, 0))
    assert picture is None or (picture.dtype == torch.uint8 and picture.shape[2] == 3)


def perfect(task: AbstractTask, targets: torch.Tensor) -> torch.Tensor:
    """The better of two outputs: the targets themselves, and weights that leave no doubt; of pairs equal sides."""
    if task.tied:
        return torch.eye(len(targets)).repeat(1, 2)
    outputs = [targets, 30 * targets]
    return min(outputs, key=lambda each: float(task.loss(each, targets).sum()))


def test_a_perfect_prediction_loses_least(task: AbstractTask) -> None:
    targets = task.load("test", some(task)).targets
    best = perfect(task, targets)
    losses = task.loss(best, targets)
    assert losses.shape == (24,) and bool(torch.isfinite(losses).all())
    for shift in range(1, 24):
        assert bool((task.loss(best.roll(shift, 0), targets) >= losses - 1e-6).all())
    assert bool((task.loss(KEY.fold("wild").normal(*best.shape), targets) >= losses).all())


def outputs_of(task: AbstractTask, targets: torch.Tensor) -> list[torch.Tensor]:
    """Outputs that are anything: targets, zeros; of pairs embeddings."""
    row = torch.tensor([1.0, 0.5, -0.3, 2.0]) if task.tied else targets[0]
    return [row, row.flip(0) if task.tied else targets[1], torch.zeros_like(row)]


def constant(row: torch.Tensor) -> Callable[[tree.Tree], torch.Tensor]:
    return lambda inputs: row.expand(tree.length(inputs), *row.shape)


def test_metrics_have_names_units_and_values_within_their_limits(task: AbstractTask) -> None:
    assert task.metrics and len({metric.name for metric in task.metrics}) == len(task.metrics)
    targets = task.load("validation", some(task, "validation")).targets
    for row in outputs_of(task, targets):
        values = task.evaluate(constant(row), "validation", KEY)
        assert set(values) == {metric.name for metric in task.metrics}
        for metric in task.metrics:
            low, high = metric.limits
            assert low <= values[metric.name] <= high
        assert values == task.evaluate(constant(row), "validation", KEY)


def test_what_is_measured_of_outputs_is_what_they_are_evaluated_at(task: AbstractTask) -> None:
    examples = task.load("validation")
    row, *_ = outputs_of(task, examples.targets)
    values = task.measure(row.expand(len(examples.classes), *row.shape), examples)
    assert values is None or values == pytest.approx(task.evaluate(constant(row), "validation", KEY))


def test_a_constant_prediction_scores_the_share_of_its_class(task: AbstractTask) -> None:
    if task.metrics[0].name != "accuracy":
        pytest.skip(f"{task.name} is scored by {task.metrics[0].name}")
    groups = task.groups("validation")
    label = max(range(len(groups)), key=lambda each: len(groups[each]))
    outputs = torch.eye(len(groups))[label]
    share = len(groups[label]) / sum(map(len, groups))
    assert task.evaluate(constant(outputs), "validation", KEY)["accuracy"] == pytest.approx(share)


def test_a_reference_makes_the_task_again(task: AbstractTask) -> None:
    reference = json.loads(json.dumps(task.reference))
    assert reference["name"] == without_place(task.name) and reference["fingerprint"] == task.fingerprint
    assert reload(reference, None).fingerprint == task.fingerprint
    with pytest.raises(InputError, match=r"fingerprint .* expected"):
        reload({**reference, "fingerprint": "0" * 64}, None)


def test_a_task_describes_itself_as_json(task: AbstractTask) -> None:
    described = json.loads(json.dumps(task.describe()))
    assert described["name"] == task.name and described["fingerprint"] == task.fingerprint
    for split in SPLITS:
        assert list(described["counts"][split].values()) == [len(rows) for rows in task.groups(split)]
    assert [metric["name"] for metric in described["metrics"]] == [metric.name for metric in task.metrics]


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS.parts))
def test_equal_groups_are_augmented_alike_on_both_sides(task: AbstractTask, name: str) -> None:
    policy = AUGMENTATIONS.parts[name]()
    one = task.load("test", some(task)[:1])
    batch = task.take(one, torch.zeros(4, dtype=torch.int64))
    shown = task.augment(batch, KEY, torch.tensor([5, 2, 5, 9]), policy)
    assert isinstance(shown, Batch) and same(shown[1:], batch[1:])
    assert same(task.take(shown, torch.tensor([0])), task.take(shown, torch.tensor([2])))
    other = task.augment(one, KEY, torch.tensor([9]), policy)
    assert same(task.take(shown, torch.tensor([3])).inputs, other.inputs)
    assert task.augment(batch, KEY, torch.arange(4), None) is batch


@pytest.mark.parametrize("name", ["digits", *STRANGE])
def test_there_is_something_to_learn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = strange_tasks.LOADERS[name](None) if name in STRANGE else load(name)
    network = task.network("small" if name in STRANGE else "mlp")
    count = sum(len(rows) for rows in task.groups("train"))
    protocol = Epochs(epochs=100, learning_rate=0.1)
    schedule = protocol.schedule(None, count, KEY)
    learner = fit(task, network, lambda rows, step: task.load("train", rows), schedule, KEY, CPU)

    def predict(inputs: tree.Tree) -> torch.Tensor:
        return network.apply(learner.params, inputs).outputs

    targets = task.load("train").targets
    rows = [*targets[:20].unique(dim=0), targets.mean(0)]
    for metric in task.metrics:
        sign = 1 if metric.higher_is_better else -1
        best = max(sign * task.evaluate(constant(row), "test", KEY)[metric.name] for row in rows)
        assert sign * task.evaluate(predict, "test", KEY)[metric.name] > best, metric.name


@pytest.mark.parametrize("name", STRANGE)
def test_a_learner_is_scored_by_what_the_task_says(name: str) -> None:
    task = strange_tasks.LOADERS[name](None)
    context = ProbeContext(Problem(task, task.network("small"), CPU, NoCache()))
    learner = Training(AllReal(), protocol=Steps(5), reads=(5,), keeps=(5,))
    outcome = learner.run(context)
    network = task.network("small")
    values = task.evaluate(lambda inputs: network.apply(outcome["params"]["5"], inputs).outputs, "test", KEY)
    for metric in task.metrics:
        assert float(outcome[metric.name]) == pytest.approx(values[metric.name], rel=1e-5)


def test_another_process_finds_the_tasks_by_their_entry_points_and_gets_the_same(tmp_path: Path) -> None:
    code = """
        import json, sys
        from limbeck.codecs import CODECS
        from limbeck.tasks import load, names
        fingerprints = {name: load(name).fingerprint for name in sys.argv[1:]}
        print(json.dumps([fingerprints, [each["name"] for each in names()], list(CODECS.parts)]))
    """
    paths = [*strange_tasks.install(tmp_path), os.environ.get("PYTHONPATH", "")]
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines()), "digits", *STRANGE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    fingerprints, listed, codecs = json.loads(ran.stdout)
    here = {"digits": load("digits").fingerprint}
    here |= {name: loader(None).fingerprint for name, loader in strange_tasks.LOADERS.items()}
    assert fingerprints == here and len(set(here.values())) == len(here)
    assert set(STRANGE) <= set(listed) and {"embedding", "scaled"} <= set(codecs)


def test_a_name_that_is_nearly_one_of_another_package_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS.parts, "lattice", Known("strange", strange_tasks.graph))
    assert {"name": "lattice", "summary": "strange"} in names()
    with pytest.raises(InputError, match=r"unknown data 'lattic': did you mean 'lattice'\?"):
        load("lattic")
    with pytest.raises(InputError, match="unknown option of lattice 'zca'"):
        load("lattice", zca=True)
    with pytest.raises(InputError, match=r"unknown option of digits 'sise': did you mean 'size'\?"):
        load("digits", sise=8)


class Point:
    """An entry point that is not installed."""

    dist = None

    def __init__(self, name: str, value: object) -> None:
        self.name, self.value, self._thing = name, f"package of {name}", value

    def load(self) -> object:
        return self._thing


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs one entry point, and no other is."""
    monkeypatch.setattr("limbeck.core.register._BROKEN", set())
    return lambda *point: monkeypatch.setattr("limbeck.core.register.entry_points", lambda group: [Point(*point)])


def test_an_entry_point_that_is_no_loader_is_left_out_and_one_that_makes_no_task_refused(
    installed: Callable[..., None],
) -> None:
    installed("mine", 7)
    with pytest.warns(UserWarning, match="'mine' is left out: package of mine is not a function"):
        assert not Tasks({}).parts
    installed("mine", lambda root: 7)
    with pytest.raises(InputError, match="returned int"):
        Tasks({}).load("mine", None, {})

    def fails(root: Path | None) -> AbstractTask:
        raise KeyError("labels")

    def refuses(root: Path | None) -> AbstractTask:
        raise InputError("mine: found nothing")

    installed("mine", fails)
    why = r"mine: its loader failed \(KeyError: 'labels'\); correct or uninstall package of mine"
    with pytest.raises(InputError, match=why):
        Tasks({}).load("mine", None, {})
    # What it refuses itself is said as it says it, and an error of this package is no fault of others.
    installed("mine", refuses)
    with pytest.raises(InputError, match="^mine: found nothing$"):
        Tasks({}).load("mine", None, {})
    with pytest.raises(KeyError):
        Tasks({"mine": Known("mine", fails)}).load("mine", None, {})


def test_a_listed_task_is_never_replaced(installed: Callable[..., None]) -> None:
    installed("digits", strange_tasks.graph)
    listed = Known("digits", lambda root: strange_tasks.Pairs())
    with pytest.warns(UserWarning, match="'digits' is left out: there is a task of that name already"):
        assert Tasks({"digits": listed}).parts == {"digits": listed}
