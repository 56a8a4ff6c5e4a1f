"""The artefact: what is written is what was said, what is read is what was written, and damage is named in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from limbeck.codecs import ImageCodec
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors, write_tensors
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.parameterizations import FixedTargets, Pixels, SoftTargets
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("artefact",))
PROBLEM = Problem(load("digits"), load("digits").network("mlp-w4"), torch.device("cpu"), NoCache())
SCORE = {
    "set": "", "network": "convnet", "split": "test", "metric": "accuracy", "mean": 0.5, "low": 0.4, "high": 0.6,
    "n": 5, "protocol": "yang2024", "bytes": 100, "per_class": 2, "matched": "", "beside": "",
}  # fmt: skip


def batch(inputs: Any = None, targets: Any = None) -> Batch:
    classes = torch.arange(3).repeat_interleave(2)
    images = KEY.fold("inputs").normal(6, 1, 4, 4)
    return Batch(images if inputs is None else inputs, torch.eye(3)[classes] if targets is None else targets, classes)


def set_of(start: Batch, part: Any = None, **fields: Any) -> DistilledSet:
    part = part or Pixels()
    return DistilledSet(
        params=part.init(PROBLEM, start, KEY),
        parameterization=part,
        schedule=Fixed(steps=4).render({}, start.classes, KEY),
        codec=ImageCodec((0.5,), (0.25,)),
        **{
            "classes": ("ape", "bee", "cat"),
            "data": {"name": "zoo", "fingerprint": "f"},
            "spec": {"network": "convnet"},
            "scores": (SCORE,),
            "version": "1",
            **fields,
        },
    )


def reread(made: DistilledSet, folder: Path) -> DistilledSet:
    made.save(folder / "a.safetensors")
    return DistilledSet.load(folder / "a.safetensors")


PAIR = {"left": KEY.fold("left").normal(6, 3), "right": {"x": KEY.fold("right").normal(6, 2, 2)}}
TOKENS = {"tokens": torch.arange(12).view(6, 2) + 500, "weights": KEY.fold("weights").normal(6, 2)}
SOFT = KEY.fold("soft").normal(6, 3).softmax(1)
FORECAST = KEY.fold("forecast").normal(6, 5)


@pytest.mark.parametrize("part", [Pixels(), SoftTargets(), FixedTargets()], ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("inputs", [None, PAIR, TOKENS], ids=["tensor", "dict", "of several types"])
@pytest.mark.parametrize(
    ("targets", "mode"),
    [(None, "hard"), (SOFT, "soft"), (FORECAST, "real"), ({"next": FORECAST, "last": SOFT}, "real")],
    ids=["hard", "soft", "forecast", "dict"],
)
def test_a_set_of_any_trees_comes_back_to_the_bit(
    part: Any, inputs: Any, targets: Any, mode: str, tmp_path: Path
) -> None:
    start = batch(inputs, targets)
    made = set_of(start, part)
    found = reread(made, tmp_path)
    for one, other in zip(tree.leaves((start, start)), tree.leaves((made.batch, found.batch)), strict=True):
        assert one.dtype == other.dtype and torch.equal(one, other)
    assert found.label_mode == made.label_mode == mode
    assert found == made and hash(found) == hash(made) and found.digest == made.digest and len(found) == 6
    assert found.header() == made.header()
    item, label = found[3]
    expected = torch.tensor(1) if mode == "hard" else tree.map(lambda leaf: leaf[3], start.targets)
    wanted = (tree.map(lambda leaf: leaf[3], start.inputs), expected)
    assert all(map(torch.equal, tree.leaves((item, label)), tree.leaves(wanted)))


def test_the_layout_of_a_file(tmp_path: Path) -> None:
    initialisation = {"layer": {"weight": torch.ones(2, 2)}, "bias": torch.zeros(2)}
    made = set_of(batch(targets=SOFT), SoftTargets(), initialisation=initialisation)
    found = reread(made, tmp_path)
    with safe_open(tmp_path / "a.safetensors", framework="pt") as opened:
        names = {name for name in opened.keys() if not name.startswith("schedule/")}  # noqa: SIM118
        header = json.loads(opened.metadata()["limbeck"])
    assert names == {
        "params/learned/inputs", "params/learned/targets", "params/fixed/classes", "params/fixed/outputs",
        "codec/mean", "codec/std", "initialisation/layer/weight", "initialisation/bias",
    }  # fmt: skip
    assert header["format"] == 2 and header["labels"] == "soft"
    # Inputs, targets and classes, and the 4 + 2 parameters that it is trained from.
    assert header["budget"] == {"scalars": 6 * 16 + 6 * 3 + 6 + 6, "bytes": 4 * (6 * 16 + 6 * 3) + 6 + 4 * 6}
    assert found.initialisation is not None and torch.equal(found.initialisation["layer"]["weight"], torch.ones(2, 2))
    assert found != replace(made, initialisation=None) and reread(replace(made, initialisation=None), tmp_path) != made


def test_many_classes_take_two_bytes_and_few_take_one() -> None:
    def bytes_of(count: int) -> int:
        classes = torch.arange(count)
        start = Batch(torch.zeros(count, 1), torch.eye(count), classes)
        return set_of(start, classes=tuple(map(str, range(count)))).budget.bytes - 4 * count

    assert [bytes_of(count) for count in (10, 256, 257, 1000)] == [10, 256, 514, 2000]


def test_a_set_is_told_by_two_lines_and_compared_by_what_is_in_it() -> None:
    made = set_of(batch())
    first, second = repr(made).splitlines()
    assert first == f"DistilledSet(zoo, 6 items, hard labels, 390 bytes, {made.digest[:12]};"
    assert second.strip() == "3 classes, 2 per class, not made by limbeck)"
    assert isinstance(made, torch.utils.data.Dataset)
    assert made == set_of(batch()) and made == replace(made, scores=()) and {made, set_of(batch())} == {made}
    assert made != set_of(batch(targets=SOFT)) and made != "a set"
    assert made != replace(made, schedule=made.schedule._replace(learning_rates=made.schedule.learning_rates / 2))


def changed(field: str, value: Any) -> Callable[[dict], None]:
    def change(header: dict) -> None:
        *above, last = field.split(".")
        node = header
        for name in above:
            node = node[int(name)] if isinstance(node, list) else node[name]
        if value is KeyError:
            del node[last]
        else:
            node[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("data", 3), "header.data: found 3, expected an object"),
        (changed("data.name", KeyError), "header.data: no name"),
        (changed("data.fingerprint", None), "header.data.fingerprint: found None, expected text"),
        (changed("spec", []), "header.spec: found [], expected an object"),
        (changed("spec.network", 5), "header.spec.network: found 5, expected text"),
        (changed("scores", {}), "header.scores: found {}, expected a list"),
        (changed("scores.0.mean", "high"), "header.scores[0].mean: found 'high', expected a number"),
        (changed("scores.0.n", True), "header.scores[0].n: found True, expected an integer"),
        (changed("scores.0.protocol", KeyError), "header.scores[0]: no protocol"),
        (changed("version", KeyError), "header: no version"),
        (changed("classes", "abc"), "header.classes: found 'abc', expected a list"),
        (changed("labels", "soft"), "hard labels in 390 bytes, the header says otherwise"),
        (changed("budget.bytes", 1), "the header says otherwise"),
        (changed("per_class", 3), "of how many items, is not what the header says"),
        (changed("stored.items", 3), "of how many items, is not what the header says"),
        (changed("stored.parts.0.bytes", "1"), "header.stored.parts[0].bytes: found '1', expected an integer"),
        (changed("classes", ["ape", "bee"]), "a class outside 0..1"),
        (changed("parameterization", {"part": "schedule/fixed"}), "is not a parameterization"),
        (changed("rule", 5), "header.rule: found 5, expected text"),
    ],
)
def test_a_header_that_is_not_of_a_set_is_refused_in_one_line(change: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    set_of(batch()).save(path)
    tensors, header = read_tensors(path)
    change(header)
    write_tensors(path, tensors, header)
    with pytest.raises(InputError) as refused:
        DistilledSet.load(path)
    assert said in str(refused.value) and "copy or make the file again" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_part_that_is_not_installed_is_named_and_not_called_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    set_of(batch()).save(path)
    tensors, header = read_tensors(path)
    write_tensors(path, tensors, {**header, "parameterization": {"part": "parameterization/of-theirs"}})
    with pytest.raises(InputError) as refused:
        DistilledSet.load(path)
    said = str(refused.value)
    assert str(path) in said and "'parameterization/of-theirs'" in said and "damaged" not in said


@pytest.mark.parametrize(
    ("name", "leaf"),
    [
        ("params/learned/inputs", torch.zeros(5, 1, 4, 4)),
        ("params/learned/inputs", torch.full((6, 1, 4, 4), torch.nan)),
        ("params/learned/inputs", torch.tensor(1.0)),
        ("params/fixed/classes", torch.full((6,), 3, dtype=torch.uint8)),
        ("params/fixed/classes", None),
        ("codec/std", None),
        ("schedule/order", torch.tensor([[6]])),
        ("schedule/learning_rates", None),
    ],
)
def test_tensors_that_do_not_belong_together_are_refused_in_one_line(name: str, leaf: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    set_of(batch()).save(path)
    tensors, header = read_tensors(path)
    changed_ = {**tensors, name: leaf} if leaf is not None else {n: t for n, t in tensors.items() if n != name}
    write_tensors(path, changed_, header)
    with pytest.raises(InputError) as refused:
        DistilledSet.load(path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "format 1 of limbeck 1, but this one reads format 2; make it again"), (9, "format 9, but this limbeck reads")],
)
def test_another_format_is_refused_with_what_to_do(number: int, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    set_of(batch()).save(path)
    tensors, header = read_tensors(path)
    write_tensors(path, tensors, {**header, "format": number})
    with pytest.raises(InputError, match=said):
        DistilledSet.load(path)
