"""The memory of a step: tensors are counted while they live, and small steps tell what many items take."""

from __future__ import annotations

import mmap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import limbeck
from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts
from limbeck.core.contracts import AbstractParameterization, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.memory import held_memory, peak_memory
from limbeck.core.progress import Silent
from limbeck.distillation import Distillation
from limbeck.learn.footprint import parameter_bytes
from limbeck.learn.optim import SGD
from limbeck.learn.peak import Exceeded, Peak
from limbeck.objectives import Distribution, Gradient
from limbeck.parameterizations import Factors, Multiformation, Pixels
from limbeck.runs import room
from limbeck.runs.distilling import distil_together
from limbeck.runs.executors import Local
from limbeck.runs.graph import Graph, Request
from limbeck.runs.pace import Pace
from limbeck.runs.plan import Plan
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
        # Class by class, where the real examples of a class take more than two or three items.
        (Pixels(), Gradient(per_class=12, inner=1, outer=5)),
        (Multiformation(), Gradient(per_class=4, inner=1, outer=5)),
    ],
    ids=["pixels", "multiformation", "factors", "gradient", "gradient-multiformation"],
)
def test_small_steps_tell_what_many_items_take(part: AbstractParameterization, objective: object) -> None:
    run, count = run_of(part, objective), 20
    told = room.step_bytes(run, count)
    with Peak() as measured:
        run.step(run.begin(count))
    assert measured.most / 1.05 < told < measured.most * 1.05


def test_as_many_workers_compute_as_have_room_side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needs = [3000, 1000, 2000, 1000]
    takes = [room.WORKER + room.held_bytes(need) for need in sorted(needs, reverse=True)]
    with Session(runs=tmp_path, workers=3) as session:
        rooms = [sum(takes[:3]), sum(takes[:3]) - 1, sum(takes[:2]), sum(takes[:2]) - 1, takes[0]]
        for free, workers in zip(rooms, (3, 2, 2, 1, 1), strict=True):
            monkeypatch.setattr(room, "free_memory", lambda free=free: free)
            told = room.workers_for(session, needs, "a training")
            assert told.workers == workers
            assert ("in place of 3 workers" in told.note) == (workers < 3)
        monkeypatch.setattr(room, "free_memory", lambda: takes[0] - 1)
        assert "one worker in place of 3: it may run out" in room.workers_for(session, needs, "a training").note
        monkeypatch.setattr(room, "free_memory", lambda: takes[0] / 2)
        with pytest.raises(InputError, match="a training takes about .* expected what fits .*; take smaller") as error:
            room.workers_for(session, needs, "a training")
        assert "\n" not in str(error.value)
        monkeypatch.setattr(room, "free_memory", lambda: 10**15)
        assert room.workers_for(session, needs, "a training") == room.Told(3, "")
        assert room.workers_for(session, needs[:1], "a training") == room.Told(3, ""), "one job now, perhaps more later"
        # A limit of addresses holds for each process, whose code is as large as that of this one.
        free = round(room.held_bytes(needs[0]))
        monkeypatch.setattr(room, "free_addresses", lambda: free)
        assert room.workers_for(session, needs, "a training").workers == 3
        monkeypatch.setattr(room, "free_addresses", lambda: free - 1)
        assert room.workers_for(session, needs, "a training").workers == 1


def test_as_many_sets_are_distilled_as_have_room_side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(room, "WORKER", 0)
    monkeypatch.setattr(room, "held_bytes", lambda tensors: tensors)
    recipe = run_of(Pixels()).recipe
    plans = {str(seed): Plan(TASK, recipe, "convnet-w8-d1", 1, seed, checks=0) for seed in range(3)}
    needed, seen = room.step_bytes(run_of(Pixels()), 1), list[tuple[int, int]]()
    with Session(runs=tmp_path, workers=3, compile=False) as session:
        executor = session.executor
        assert isinstance(executor, Local)
        monkeypatch.setattr(executor, "run", lambda jobs, told, seconds=(): seen.append((len(jobs), executor.workers)))
        for free in (3.1, 2.1, 1.1):
            monkeypatch.setattr(room, "free_memory", lambda free=free: round(free * needed))
            distil_together(session, plans, "sets")
        assert seen == [(3, 3), (3, 2), (3, 1)] and executor.workers == 3
        monkeypatch.setattr(room, "free_memory", lambda: round(needed / 2))
        with pytest.raises(InputError, match="a step takes .* expected what fits .*--ipc"):
            distil_together(session, plans, "sets")


def test_jobs_are_done_by_as_many_workers_as_have_room_and_idle_ones_beyond_end() -> None:
    executor = Local(3)
    ended = [Idle() for _ in range(3)]
    for each in ended:
        executor.release(each)
    with executor.limited(2):
        assert (executor.workers, executor.idle, sum(each.ended for each in ended)) == (2, 2, 1)
    assert executor.workers == 3
    executor.close()
    assert all(each.ended for each in ended)


class Idle:
    ended = False

    def end(self) -> None:
        self.ended = True


def test_a_graph_that_has_no_room_is_refused_before_any_worker_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Session(runs=tmp_path, workers=2) as session:
        context = ProbeContext(session.problem(TASK, "mlp-w512"), evaluation_size=10)
        graph = Graph([Request(each, context) for each in Experts(count=2, epochs=3).trainings(context.problem)], {})
        needs = graph.requests[0].computation.bytes(context)
        assert needs > 4 * parameter_bytes(context.problem), "each of four snapshots is kept"
        monkeypatch.setattr(session.executor, "run", lambda jobs, told, seconds=(): pytest.fail("it began"))
        monkeypatch.setattr(room, "free_memory", lambda: round(needs / 2))
        with pytest.raises(InputError, match="training networks takes about .* narrower --network"):
            graph.complete(session)
        assert session.paces == {}, "no network is trained to measure a pace"
        session.paces[context.problem.network.name] = Pace(1e9, 0.0)
        monkeypatch.setattr(room, "free_memory", lambda: 10**15)
        begun = list[int]()
        monkeypatch.setattr(session.executor, "run", lambda jobs, told, seconds=(): begun.append(len(jobs)))
        graph.complete(session)
        assert begun == [2]


def test_a_step_far_larger_than_the_memory_is_refused_in_one_line_before_anything_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, said = run_of(Pixels(), per_class=20), list[str]()
    told = room.step_bytes(run, 20)
    monkeypatch.setattr(room, "held_bytes", lambda tensors: tensors)

    class Heard(Silent):
        def notes(self, notes: object) -> None:
            said.extend(notes)

    with Session(runs=tmp_path, progress=Heard()) as session:
        room.admit_room(run, session)
        assert said == [], "small items beside much memory: nothing is told, and no step is tried"
        for share, text in ((0.9, "it may run out"), (1.1, "that there are")):
            monkeypatch.setattr(room, "free_memory", lambda share=share: round(share * told))
            room.admit_room(run, session)
            assert text in said.pop() and not said
        for share in (0.5, 0.01):
            monkeypatch.setattr(room, "free_memory", lambda share=share: round(share * told))
            with pytest.raises(InputError, match="a step takes (about|more than) .* expected what fits") as error:
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
