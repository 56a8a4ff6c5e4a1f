"""What is exported is what the set holds, number by number; equal sets are equal bytes, and come back as they were."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import limbeck
from limbeck.codecs import ImageCodec
from limbeck.core.contracts import AbstractParameterization, AbstractSchedule, Batch, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.family import to_spec
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.version import ALGORITHM
from limbeck.distilled_set import DistilledSet
from limbeck.exported import FORMATS, export_set
from limbeck.exported.pictures import folders
from limbeck.learn.rules import Adam
from limbeck.parameterizations import FixedTargets, Pixels
from limbeck.probes.semantics import Semantics
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.schedules import Fixed
from limbeck.tasks.images import ImageTask

KEY = Key(("exported",))
NETWORK = "convnet-w4-d1"
LABELS = torch.tensor([1, 0, 2, 2, 9, 1])
PROBLEM = Problem(limbeck.load("digits"), limbeck.load("digits").network(NETWORK), torch.device("cpu"), NoCache())
HOSTILE = ("../x", "[red]", "line\nfeed", "", "猫", "Cat", "cat", "/etc", "\x1b[31m", "`<b>`|")
pictures = pytest.mark.parametrize("format", ["png", "folder"])
arrays = pytest.mark.parametrize("format", ["npz", "pt"])


@pytest.fixture(scope="module")
def task() -> ImageTask:
    return limbeck.load("digits")


def set_of(
    task: ImageTask,
    pixels: Tensor | None = None,
    targets: Tensor | None = None,
    schedule: AbstractSchedule | None = None,
    labels: Tensor = LABELS,
) -> DistilledSet:
    """Some images of digits, of which some values lie beyond [0, 1], as distillation leaves them."""
    if pixels is None:
        real = task.split("train").pixels(torch.arange(len(labels)))
        pixels = real + 0.2 * KEY.normal(*real.shape)
    hard = torch.nn.functional.one_hot(labels, len(task.classes)).float()
    batch = Batch(task.codec.encode(pixels), hard if targets is None else targets, labels)
    part: AbstractParameterization = Pixels() if targets is None else FixedTargets()
    return DistilledSet(
        params=part.init(PROBLEM, batch, Key()),
        parameterization=part,
        schedule=(schedule or Fixed(steps=4, learning_rate=0.03)).render({}, labels, Key()),
        codec=task.codec,
        classes=task.classes,
        data=task.reference,
        spec={"network": task.network(NETWORK).name},
        version="test",
    )


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


def here(runs: Path) -> limbeck.Session:
    return limbeck.Session(runs, device="cpu", workers=1, executor=Here())


def place(folder: Path, format: str) -> Path:
    return folder / f"out{FORMATS[format].suffix}"


def exported(distilled: DistilledSet, format: str, folder: Path) -> Path:
    return export_set(distilled, format, place(folder, format)).path


def readme(path: Path) -> str:
    beside = path / "README.md" if path.is_dir() else path.with_name(f"{path.name}.README.md")
    return beside.read_text("utf-8")


def lines(path: Path) -> str:
    """The Python that a README shows."""
    (found,) = re.findall(r"```python\n(.*?)```", readme(path), re.DOTALL)
    return found


def run(path: Path, more: str = "") -> tuple[dict[str, Any], str]:
    """What the Python of a README leaves and says, run where it lies."""
    assert "limbeck" not in re.sub(r'"limbeck.json"|#.*', "", lines(path))
    scope: dict[str, Any] = {}
    with contextlib.chdir(path if path.is_dir() else path.parent), contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(lines(path) + more, "README", "exec"), scope)
    return scope, said.getvalue().strip()


def test_an_archive_has_pixels_numbers_as_a_network_sees_them_labels_and_constants(
    task: ImageTask, tmp_path: Path
) -> None:
    distilled = set_of(task)
    with np.load(exported(distilled, "npz", tmp_path), allow_pickle=False) as held:
        assert np.array_equal(held["x"], distilled.native) and held["x"].dtype == np.float32
        assert np.array_equal(held["x_normalised"], distilled.batch.inputs)
        assert held["y"].tolist() == LABELS.tolist() and held["y"].dtype == np.int64
        assert "y_soft" not in held.files
        assert tuple(held["mean"]) == task.codec.mean and tuple(held["std"]) == task.codec.std
        assert np.allclose(held["x_normalised"] * held["std"] + held["mean"], held["x"], atol=1e-6)
        assert (float(held["learning_rate"]), int(held["steps"])) == (pytest.approx(0.03), 4)
        assert held["classes"].tolist() == list(task.classes)


def test_a_dict_of_tensors_is_read_without_trust(task: ImageTask, tmp_path: Path) -> None:
    weights = KEY.fold("weights").normal(6, 10).softmax(1)
    distilled = set_of(task, targets=weights)
    held = torch.load(exported(distilled, "pt", tmp_path), weights_only=True)
    assert torch.equal(held["images"], distilled.native) and torch.equal(held["labels"], LABELS)
    assert torch.equal(held["images_normalised"], distilled.batch.inputs)
    assert torch.equal(held["soft_labels"], weights)
    assert held["classes"] == list(task.classes) and float(held["mean"]) == task.codec.mean[0]
    assert float(held["learning_rate"]) == pytest.approx(0.03)


def test_what_8_bits_cost_is_counted(task: ImageTask, tmp_path: Path) -> None:
    pixels = torch.full((2, 1, 8, 8), 0.5)
    pixels[0, 0, 0, :4] = torch.tensor([-0.25, 1.5, 1.25, 1.0])
    distilled = replace(set_of(task, pixels, labels=torch.tensor([3, 4])), codec=ImageCodec((0.0,), (1.0,)))
    distilled = replace(distilled, params=Pixels().init(PROBLEM, distilled.batch._replace(inputs=pixels), Key()))
    cost = export_set(distilled, "png", tmp_path / "out").cost
    assert cost is not None
    assert (cost.values, cost.clipped) == (128, 3)
    assert (cost.clipped_by, cost.clipped_most) == (pytest.approx(1 / 3), 0.5)
    assert cost.rounded_most == pytest.approx(128 / 255 - 0.5)
    assert "3 of its 128 values (2.3 %) lie outside [0, 1]" in readme(tmp_path / "out")
    assert "0.33 on average and 0.5 at most" in cost.words
    assert "**Raw**: networks see the pixels themselves" in readme(tmp_path / "out")


def test_real_images_lose_nothing_in_8_bits(tmp_path: Path) -> None:
    levels = (KEY.fold("levels").integers(256, 4, 3, 32, 32) / 255).float()
    distilled = photographs("cifar10", CIFAR, torch.tensor([1, 0, 0, 1]))
    images = distilled.batch._replace(inputs=CIFAR.encode(levels))
    cost = export_set(replace(distilled, params=Pixels().init(PROBLEM, images, Key())), "png", tmp_path / "out").cost
    assert cost is not None and cost.clipped == 0 and cost.rounded_most < 1e-6
    assert cost.words.startswith("None of its 12,288 values lies outside [0, 1]")
    assert "0.0 % of them do" in readme(tmp_path / "out")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "ddranking"])
def test_equal_sets_are_equal_bytes(format: str, task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(task, targets=KEY.normal(6, 10).softmax(1))
    distilled.save(tmp_path / "set.safetensors")
    first = export_set(distilled, format, place(tmp_path / "a", format)).files
    second = export_set(DistilledSet.load(tmp_path / "set.safetensors"), format, place(tmp_path / "b", format)).files
    assert [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


SCHEDULES = {"one rate": Fixed(3, 0.03), "adam by parts": Fixed(5, 0.01, Adam(weight_decay=0.1), per_class=1)}


@arrays
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("soft", [False, True])
def test_what_keeps_every_number_comes_back_as_the_very_same_set(
    format: str, schedule: str, soft: bool, task: ImageTask, tmp_path: Path
) -> None:
    # Free numbers, as learned targets are; and made for a class that is not the heaviest.
    weights = KEY.fold("free").normal(6, 10) if soft else None
    distilled = set_of(task, targets=weights, schedule=SCHEDULES[schedule])
    distilled = replace(distilled, initialisation=task.network(NETWORK).init(KEY) if soft else None)
    found = limbeck.import_set(exported(distilled, format, tmp_path), task=task)
    assert found == distilled
    assert torch.equal(found.batch.classes, LABELS) and found.spec["network"] == distilled.spec["network"]
    assert found.label_mode == distilled.label_mode


@pictures
@pytest.mark.parametrize("soft", [False, True])
def test_pictures_come_back_within_half_a_level_in_order_with_labels_and_schedule(
    format: str, soft: bool, task: ImageTask, tmp_path: Path
) -> None:
    weights = KEY.fold("free").normal(6, 10) if soft else None
    distilled = set_of(task, targets=weights, schedule=SCHEDULES["adam by parts"])
    found = limbeck.import_set(exported(distilled, format, tmp_path), task=task)
    moved = (found.native - distilled.native.clamp(0, 1)).abs()
    assert 0 < float(moved.max()) <= 0.5 / 255 + 1e-6
    assert "pictures of 8 bits" in found.spec["imported"]["notes"][0]
    assert torch.equal(found.batch.targets, distilled.batch.targets) and torch.equal(found.batch.classes, LABELS)
    assert torch.equal(found.schedule.order, distilled.schedule.order)
    assert found.schedule.learning_rates.equal(distilled.schedule.learning_rates)


def test_whitened_images_come_back_to_the_last_bit_and_the_readme_says_how_to_undo_the_whitening(
    tmp_path: Path,
) -> None:
    whitened = limbeck.load("digits", zca=True)
    distilled = set_of(whitened)
    path = exported(distilled, "npz", tmp_path)
    assert limbeck.import_set(path, task=whitened) == distilled
    undo = re.findall(r"To invert it.*?`(.*?)`", readme(path))
    with np.load(path) as held:
        scope = {"numpy": np, "n": len(LABELS), "seen": held["x_normalised"], **held}
        for line in reversed(undo):
            exec(line, scope)
            scope["normalised"] = scope["normalised"].reshape(held["x"].shape)
    assert len(undo) == 2 and np.allclose(scope["pixels"], distilled.native, atol=1e-4)


def test_images_whitened_for_other_data_come_back_by_their_pixels(task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(limbeck.load("digits", zca=True))
    found = limbeck.import_set(exported(distilled, "npz", tmp_path), task=task)
    torch.testing.assert_close(found.native, distilled.native, atol=1e-5, rtol=0)
    assert "normalised anew" in found.spec["imported"]["notes"][0]


@arrays
def test_a_set_that_came_back_scores_the_same_to_the_bit(format: str, task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(task)
    found = limbeck.import_set(exported(distilled, format, tmp_path), task=task)
    given = dict(repeats=1, baselines=(), protocol=limbeck.Epochs(epochs=2))
    before = limbeck.evaluate(distilled, **given, session=here(tmp_path / "runs"))
    after = limbeck.evaluate(found, **given, session=here(tmp_path / "others"))
    assert before[0].values == after[0].values


def test_the_lines_of_an_archive_fit_a_model(task: ImageTask, tmp_path: Path) -> None:
    scope, said = run(exported(set_of(task), "npz", tmp_path))
    assert said == "1" and scope["model"].predict(scope["x"]).tolist() == LABELS.tolist()


@arrays
def test_the_lines_run_whatever_the_file_is_called(format: str, task: ImageTask, tmp_path: Path) -> None:
    path = tmp_path / f'a "quoted"\\name {HOSTILE[4]}.{format}'
    export_set(set_of(task), format, path)
    run(path)
    (command,) = re.findall(r"```sh\n(.*?)\n```", readme(path), re.DOTALL)
    assert shlex.split(command)[2] == path.name


@pictures
def test_the_lines_of_pictures_fit_a_model(format: str, task: ImageTask, tmp_path: Path) -> None:
    scope, said = run(exported(set_of(task), format, tmp_path))
    assert said == "1" and scope["x"].max() <= 1 and list(scope["y"]) == LABELS.tolist()


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_lines_of_tensors_train_as_the_set_says(schedule: str, soft: bool, task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(task, targets=KEY.normal(6, 10).softmax(1) if soft else None, schedule=SCHEDULES[schedule])
    torch.manual_seed(0)
    scope, said = run(exported(distilled, "pt", tmp_path))
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 10)
    params = {"weight": linear.weight.detach(), "bias": linear.bias.detach()}
    rule, state = distilled.schedule.rule, distilled.schedule.rule.init(params)
    for step, rate in enumerate(distilled.schedule.learning_rates):
        seen = distilled.schedule.order[step % len(distilled.schedule.order)]
        x, y = distilled.batch.inputs.flatten(1)[seen], distilled.batch.targets[seen]
        leaves = {name: each.requires_grad_() for name, each in params.items()}
        outputs = x @ leaves["weight"].T + leaves["bias"]
        loss = -(y * outputs.log_softmax(1)).sum(1).mean()
        gradients = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
        params, state = rule.update({name: each.detach() for name, each in leaves.items()}, gradients, state, rate)
    torch.testing.assert_close(scope["network"].weight.detach(), params["weight"], atol=1e-5, rtol=1e-4)
    assert said.startswith("loss ")


def test_datasets_reads_what_is_made_for_the_hub(
    task: ImageTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets", reason="the package datasets is not installed: pip install limbeck[hub]")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    distilled = set_of(task, targets=KEY.normal(6, 10).softmax(1))
    scope, said = run(exported(distilled, "hf", tmp_path))
    assert said == "1" and scope["train"].features["label"].names == list(task.classes)
    assert np.allclose(scope["train"]["soft_label"], distilled.batch.targets)


def test_the_parquet_of_the_hub_has_the_classes_and_the_levels(task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(task)
    exported(distilled, "hf", tmp_path)
    parquet = tmp_path / "out" / "data" / "train-00000-of-00001.parquet"
    import pyarrow.parquet
    from PIL import Image

    table = pyarrow.parquet.read_table(parquet)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features == {"image": {"_type": "Image"}, "label": {"names": list(task.classes), "_type": "ClassLabel"}}
    assert table["label"].to_pylist() == LABELS.tolist()
    levels = [np.asarray(Image.open(io.BytesIO(each["bytes"]))) for each in table["image"].to_pylist()]
    expected = (distilled.native.clamp(0, 1) * 255).round()[:, 0]
    assert np.array_equal(np.stack(levels), expected)


def test_the_card_and_croissant_say_what_only_the_publisher_knows_or_that_it_is_missing(
    task: ImageTask, tmp_path: Path
) -> None:
    yaml = pytest.importorskip("yaml")
    limbeck.export(set_of(task), "hf", tmp_path / "out", session=limbeck.Session(tmp_path / "runs"))
    front, text = readme(tmp_path / "out").split("---\n", 2)[1:]
    head = yaml.safe_load(front)
    assert head["size_categories"] == ["n<1K"] and head["task_categories"] == ["image-classification"]
    assert "license" not in head and "`--license`, `--url`, `--creator`, `--published`" in text
    required = {"@context", "@type", "conformsTo", "name", "description", "distribution"}
    asked = {"license", "url", "creator", "datePublished"}
    croissant = json.loads((tmp_path / "out" / "croissant.json").read_text())
    assert required <= croissant.keys() and not asked & croissant.keys()
    said = limbeck.Publication("https://example.org/license", "https://example.org", "Me", "2026-01-02")
    with limbeck.Session(tmp_path / "runs") as session:
        limbeck.export(set_of(task), "hf", tmp_path / "out", publication=said, session=session)
    croissant = json.loads((tmp_path / "out" / "croissant.json").read_text())
    assert (required | asked) <= croissant.keys() and croissant["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    head = yaml.safe_load(readme(tmp_path / "out").split("---\n")[1])
    assert (head["license"], head["license_link"]) == ("other", "https://example.org/license")
    import hashlib

    (file,) = croissant["distribution"]
    table = (tmp_path / "out" / file["contentUrl"]).read_bytes()
    assert file["sha256"] == hashlib.sha256(table).hexdigest()
    records = {each["@id"]: each for each in croissant["recordSet"]}
    assert [each["classes/name"] for each in records["classes"]["data"]] == list(task.classes)
    assert [each["source"]["extract"]["column"] for each in records["items"]["field"]] == ["image", "label"]


def test_the_card_has_what_was_found_of_the_set_before(task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(task)
    session = here(tmp_path / "runs")
    (score,) = limbeck.evaluate(distilled, repeats=1, baselines=(), session=session)
    address = {"probe": to_spec(Semantics()), "set": distilled.digest, "data": task.fingerprint}
    address |= {"network": score.network, "evaluation": ["test", 0], "algorithm": ALGORITHM}
    finding = Finding("semantics", "an old name", "What?", "It shows a <b>|hole|</b>.", "note", method="so")
    session.store.note(address, finding.document())
    limbeck.export(distilled, "hf", tmp_path / "out", session=session)
    text = readme(tmp_path / "out")
    assert (
        f"| this set | {score.network} | accuracy {100 * score.mean:.1f} % | unknown | 1 | {score.protocol} |" in text
    )
    assert "- **semantics** (note): It shows a &lt;b&gt;\\|hole\\|&lt;/b&gt;.\n" in text


def test_the_card_has_the_scores_that_a_set_carries_where_its_data_are_not_here(
    task: ImageTask, tmp_path: Path
) -> None:
    score = {"set": "", "network": NETWORK, "split": "test", "metric": "accuracy", "unit": "fraction", "mean": 0.75}
    score |= {"low": 0.7, "high": 0.8, "n": 5, "protocol": "yang2024", "bytes": 650}
    distilled = replace(set_of(task), data={"name": "folder:/not/here", "fingerprint": "f"}, scores=(score,))
    limbeck.export(distilled, "hf", tmp_path / "out", session=here(tmp_path / "runs"))
    row = f"| this set | {NETWORK} | accuracy 75.0 % | 70.0 to 80.0 % | 5 | yang2024 |"
    assert row in readme(tmp_path / "out").splitlines()


CIFAR = ImageCodec((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


def photographs(name: str, codec: ImageCodec, labels: Tensor) -> DistilledSet:
    inputs = KEY.fold(name).normal(len(labels), 3, 32, 32)
    targets = torch.nn.functional.one_hot(labels, 2).float()
    return DistilledSet(
        params=Pixels().init(PROBLEM, Batch(inputs, targets, labels), Key()),
        parameterization=Pixels(),
        schedule=Fixed(3, 0.02).render({}, labels, Key()),
        codec=codec,
        classes=("one", "two"),
        data={"name": name, "fingerprint": "f"},
        spec={"network": NETWORK},
    )


@pytest.mark.parametrize(("name", "codec"), [("cifar10", CIFAR), ("cifar100", ImageCodec((0.5,) * 3, (0.25,) * 3))])
def test_the_leaderboard_gets_images_in_its_units_class_by_class(name: str, codec: ImageCodec, tmp_path: Path) -> None:
    distilled = photographs(name, codec, torch.tensor([1, 0, 0, 1]))
    path = exported(distilled, "ddranking", tmp_path)
    images, labels, rate = (torch.load(path / f"{each}.pt", weights_only=True) for each in ("images", "labels", "lr"))
    assert labels.tolist() == [0, 0, 1, 1] and float(rate) == pytest.approx(0.02)
    torch.testing.assert_close(CIFAR.decode(images), distilled.native[[1, 2, 0, 3]], atol=1e-5, rtol=0)
    assert (name == "cifar10") == torch.equal(images, distilled.batch.inputs[[1, 2, 0, 3]])
    assert f'dataset="{name.upper()}"' in readme(path) and "`ipc=2`" in readme(path)
    assert run(path)[1].startswith("loss ")


def test_the_leaderboard_takes_no_other_data_and_as_many_items_of_each_class(task: ImageTask, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of digits, and the leaderboard has cifar10, .*; choose --format pt"):
        exported(set_of(task), "ddranking", tmp_path)
    with pytest.raises(InputError, match="1 to 2 items of a class"):
        exported(photographs("cifar10", CIFAR, torch.tensor([1, 0, 0])), "ddranking", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "ddranking"])
def test_hostile_names_stay_within_the_export_and_are_kept_exactly(
    format: str, task: ImageTask, tmp_path: Path
) -> None:
    distilled = replace(set_of(task, labels=torch.arange(10)), classes=HOSTILE)
    inner = tmp_path / "inner"
    path = exported(distilled, format, inner)
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]
    assert {each.name for each in inner.iterdir()} <= {path.name, f"{path.name}.README.md"}
    if path.is_dir():
        assert json.loads((path / "limbeck.json").read_text())["classes"] == list(HOSTILE)
        names = [each.name for each in path.rglob("*")]
        assert all(re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) for name in names)
    text = readme(path)
    assert "\x1b" not in text and '2  "line\\nfeed"' in text.splitlines() and '4  "猫"' in text
    if FORMATS[format].comes_back:
        like = replace(task, classes=HOSTILE)
        found = limbeck.import_set(path, task=like)
        assert found.classes == HOSTILE and torch.equal(found.batch.classes, torch.arange(10))


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12))
def test_folders_of_classes_are_distinct_everywhere_and_sort_as_the_classes(names: list[str]) -> None:
    found = folders(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert sorted(found) == found
    assert not any({"/", "\\", "\0", "\n"} & set(name) or name.strip(". ") == "" for name in found)


def test_where_data_lie_is_not_told(task: ImageTask, tmp_path: Path) -> None:
    distilled = replace(set_of(task), data={"name": "folder:/home/somebody/cats", "fingerprint": "f"})
    for format in ("npz", "pt", "png", "hf"):
        for file in export_set(distilled, format, place(tmp_path / format, format)).files:
            assert b"somebody" not in file.read_bytes()
    assert "that stand for folder:cats" in readme(tmp_path / "png" / "out")


@pictures
def test_limbeck_reads_the_classes_of_a_folder_of_pictures_as_data(
    format: str, task: ImageTask, tmp_path: Path
) -> None:
    distilled = set_of(task, labels=torch.arange(10).repeat(3))
    path = exported(distilled, format, tmp_path)
    data = limbeck.load(f"folder:{path}", cache=tmp_path / "cache")
    assert data.classes == task.classes and sum(len(rows) for rows in data.groups("train")) > 0


def test_the_score_of_pictures_stands_beside_that_of_the_set(task: ImageTask, tmp_path: Path) -> None:
    distilled = set_of(task)
    given = dict(repeats=1, protocol=limbeck.Epochs(epochs=2), session=here(tmp_path / "runs"))
    found = limbeck.export(distilled, "png", tmp_path / "out", scored=True, **given)
    before, after = found.scores
    again = limbeck.import_set(tmp_path / "out", task=task)
    scores = [limbeck.evaluate(each, baselines=(), **given)[0].mean for each in (distilled, again)]
    assert scores == [before["mean"], after["mean"]]
    assert f"{100 * after['mean']:.1f} %" in readme(tmp_path / "out") and "from these pictures" in found.words[0]


@pytest.fixture(autouse=True)
def offline() -> Iterator[None]:
    """Nothing here asks a network."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(os.environ, "HF_HUB_OFFLINE", "1")
        yield
