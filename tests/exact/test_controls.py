"""Controls: as many random real examples in place of a set, the same wherever they are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import limbeck
from limbeck.computations import Mixture, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from limbeck.tasks import load

KEY = Key(("test controls",))


def context_of(classes: list[int], digest: str = "0" * 16) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network("mlp"), torch.device("cpu"), NoCache())
    labels = torch.tensor(classes)
    batch = Batch(KEY.normal(len(classes), *task.shape), torch.eye(10)[labels], labels)
    return ProbeContext(problem, "set", BatchSet(digest, batch, Steps().schedule(None, len(classes), KEY)), "test", 50)


def test_a_control_has_real_images_of_the_classes_of_the_set_in_their_order() -> None:
    classes = [3, 3, 0, 9, 3, 0]
    context = context_of(classes)
    control = context.control(0)
    assert control.distilled.batch.classes.tolist() == classes and control.draw == 0 and context.draw is None
    every = context.problem.task.load("train")
    for image, label in zip(control.distilled.batch.inputs, classes, strict=True):
        same = (every.inputs == image).flatten(1).all(1)
        assert same.any() and label in every.classes[same].tolist()
    assert len({tuple(image.flatten().tolist()) for image in control.distilled.batch.inputs}) == len(classes)


def test_draws_differ_and_are_the_same_for_all_sets_of_those_classes() -> None:
    classes = list(range(10)) * 3
    one, other = context_of(classes), context_of(classes, "1" * 16)
    for draw in range(3):
        assert torch.equal(one.control(draw).distilled.batch.inputs, other.control(draw).distilled.batch.inputs)
        assert one.control(draw).distilled.digest == other.control(draw).distilled.digest
    assert len({control.distilled.digest for control in one.controls(3)}) == 3
    assert not torch.equal(one.control(0).distilled.batch.inputs, one.control(1).distilled.batch.inputs)
    assert context_of(classes[:-1]).control(0).distilled.digest != one.control(0).distilled.digest


def test_a_class_with_too_few_real_images_has_them_again() -> None:
    context = context_of([4] * 400)
    images = context.control(0).distilled.batch.inputs.flatten(1)
    there = len(context.problem.task.groups("train")[4])
    assert len(images) == 400 and torch.equal(images[there : 2 * there], images[:there])


@pytest.mark.parametrize("draw", [0, 2])
def test_a_worker_makes_the_same_control(draw: int, tmp_path: Path) -> None:
    session = Session(tmp_path / "runs", workers=1, compile=False)
    made = limbeck.distill(load("digits"), "random", ipc=1, network="mlp", session=session)
    path = tmp_path / "set.safetensors"
    made.save(path)
    problem = session.problem(load("digits"), "mlp")
    context = ProbeContext(problem, "set", limbeck.DistilledSet.load(path), "test", 50).control(draw)
    asked = Training(Mixture(), 0, Steps(5))
    with session:
        Graph([Request(asked, context, path)], made.data).complete(session)
    assert context.known(asked)
    assert torch.equal(context.outcome(asked)["losses"], asked.run(context)["losses"])
    assert json.dumps(context.address(asked)) != json.dumps({**context.address(asked), "set": made.digest})
