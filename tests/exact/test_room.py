"""The memory of a step: tensors are counted while they live, and small steps tell what many items take."""

from __future__ import annotations

import mmap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import limbeck
from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractParameterization, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.memory import held_memory, peak_memory
from limbeck.core.progress import Silent
from limbeck.distillation import Distillation
from limbeck.learn.optim import SGD
from limbeck.learn.peak import Exceeded, Peak
from limbeck.objectives import Distribution, Gradient
from limbeck.parameterizations import Factors, Multiformation, Pixels
from limbeck.runs import room
from limbeck.runs.session import Session

KEY = Key(("room",))
TASK = limbeck.load("digits")
PROBLEM = Problem(TASK, TASK.network("convnet-w8-d1"), torch.device("cpu"), NoCache())


def run_of(part: AbstractParameterization, objective: object = None, per_class: int = 1) -> Distillation:
    asked = objective or Distribution(per_class=4)
    recipe = Recipe(parameterization=part, objective=asked, optimizer=SGD(0.01), steps=2)
    return Distillation(PROBLEM, recipe, per_class, KEY, checks=0, compile=False)


def test_storages_are_counted_once_from_where_they_are_made_to_their_last_use() -> None:
    given = torch.ones(1000)
    with Peak() as peak:
        one = given + 1
        assert peak.now == 4000
        views = one[:10], one.view(10, 100), one[None]
        assert peak.now == 4000, "a view has no storage of its own"
        other = torch.cat([one, given])
        assert peak.now == 12_000
        other.add_(1)
        assert peak.now == 12_000, "in place nothing is made"
        del other
        assert peak.now == 4000
        del one
        assert peak.now == 4000, "a view holds it"
        del views
        given.mul_(2)
        assert peak.now == 0 and peak.most == 12_000


def test_what_a_graph_keeps_is_held_until_it_is_gone_back_through() -> None:
    inputs = torch.ones(1000, requires_grad=True)
    with Peak() as peak:
        loss = (inputs.exp() * 2).square().sum()
        # exp keeps what it made, square what it was given; the sum is one number.
        assert peak.now == 8004
        (slope,) = torch.autograd.grad(loss, [inputs])
        del loss
        assert peak.now == 4000
    torch.testing.assert_close(slope, 8 * (2 * inputs).exp())


def test_more_than_a_limit_ends_the_block_at_once() -> None:
    made = []
    with pytest.raises(Exceeded), Peak(10_000):
        for _ in range(10):
            made.append(torch.ones(1000))
    assert len(made) == 2


@pytest.mark.parametrize(
    ("part", "objective"),
    [
        (Pixels(), None),
        (Multiformation(), None),
        (Factors(rank=2), None),
        (Pixels(), Gradient(per_class=4, inner=1, outer=5)),
    ],
    ids=["pixels", "multiformation", "factors", "gradient"],
)
def test_small_steps_tell_what_many_items_take(part: AbstractParameterization, objective: object) -> None:
    run, count = run_of(part, objective), 20
    told = room.step_bytes(run, count)
    with Peak() as measured:
        run.step(run.begin(count))
    assert measured.most / 1.5 < told < measured.most * 1.5


def test_a_step_far_larger_than_the_memory_is_refused_in_one_line_before_anything_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, said = run_of(Pixels(), per_class=20), list[str]()
    told = room.step_bytes(run, 20)
    monkeypatch.setattr(room, "LOADED", 0)

    class Heard(Silent):
        def notes(self, notes: object) -> None:
            said.extend(notes)

    with Session(runs=tmp_path, progress=Heard()) as session:
        room.admit_room(run, session)
        assert said == [], "small items beside much memory: nothing is told, and no step is tried"
        for share, text in ((0.9, "it may run out"), (1.1, "that there are")):
            monkeypatch.setattr(room, "memory", lambda share=share: round(share * told) + held_memory())
            room.admit_room(run, session)
            assert text in said.pop() and not said
        for share in (0.5, 0.01):
            monkeypatch.setattr(room, "memory", lambda share=share: round(share * told) + held_memory())
            with pytest.raises(InputError, match="a step takes (about|more than) .* expected one that fits") as error:
                room.admit_room(run, session)
            assert "--ipc" in str(error.value) and "\n" not in str(error.value)
        room.admit_room(replace(run, recipe=replace(run.recipe, objective=None, steps=0)), session)


def test_what_a_process_holds_grows_by_what_it_fills_and_shrinks_when_that_is_given_back() -> None:
    size = 40_000_000
    before = held_memory()
    # Pages of their own: what was freed before is not filled again.
    with mmap.mmap(-1, size) as block:
        block.write(bytes([1]) * size)
        held = held_memory()
        assert held - before >= 0.9 * size
        assert peak_memory() >= held - 2**20
    assert held - held_memory() >= 0.9 * size
