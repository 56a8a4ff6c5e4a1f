"""How long work takes is told from two short trainings: what is common to a pass, and what grows with its size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from limbeck.computations import AllReal, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.search import Draw, Search
from limbeck.computations.steps import Steps
from limbeck.core.contracts import NoCache, Problem
from limbeck.runs import pace
from limbeck.runs.executors import Local
from limbeck.runs.graph import Graph, Request
from limbeck.runs.pace import Pace, measured
from limbeck.runs.session import Session
from limbeck.tasks import load

RATE, EACH = 3e9, 0.002


def context_under(network: str = "convnet-w4-d1") -> ProbeContext:
    task = load("digits")
    return ProbeContext(Problem(task, task.network(network), torch.device("cpu"), NoCache()), split="test")


def test_a_time_that_is_a_cost_of_passes_and_of_operations_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_step", lambda training, context: training.flops(context) / pace.STEPS / RATE + EACH)
    found = measured(context_under())
    assert found.rate == pytest.approx(RATE) and found.each == pytest.approx(EACH)


@pytest.mark.parametrize(("few", "many"), [(1.0, 1e-3), (1e-3, 1.0), (1e-6, 1e-6)])
def test_a_measurement_that_was_disturbed_gives_a_pace(
    few: float, many: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_step", lambda training, context: few if training == pace.FEW else many)
    found = measured(context_under())
    assert found.rate > 0 and found.each >= 0 and found.seconds(1e9, 10) > 0


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path, workers=2, compile=False)


def test_what_is_done_together_shares_its_passes_and_workers_share_the_work(session: Session) -> None:
    context = context_under("mlp-w4")
    network = context.problem.network.name
    # Passes alone take time.
    session.paces[network] = Pace(1e30, EACH)
    one = Training(Mixture((), 1), 0, Steps(100))
    assert one.stack(context)[1] > 1, "these are trained together"
    together = [Training(Mixture((), 1), seed, Steps(100)) for seed in range(2 * session.workers)]
    apart = [Training(AllReal(), seed, Steps(100), until=None, start=one) for seed in range(2 * session.workers)]

    def seconds(*asked: Training) -> float:
        return Graph([Request(each, context) for each in asked], {}).seconds(session) - pace.STARTING

    passes = one.passes(context) * EACH
    assert seconds(one) == pytest.approx(passes)
    assert seconds(*together) == pytest.approx(passes), "two stacks side by side"
    assert seconds(*apart) == pytest.approx(3 * passes), "one, then two by each worker"


def test_what_comes_after_other_work_counts_what_is_new_by_workers_that_are_there(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_under("mlp-w4")
    session.paces[context.problem.network.name] = Pace(1e30, EACH)
    first, second = (
        Request(Training(AllReal(), seed, Steps(steps, 8)), context) for seed, steps in ((0, 100), (1, 300))
    )
    before, both = Graph([first], {}), Graph([first, second], {})
    seconds = [each.computation.passes(context) * EACH for each in (first, second)]
    assert before.seconds(session) == pytest.approx(pace.STARTING + seconds[0])
    assert both.seconds(session, before) == pytest.approx(seconds[1])
    assert both.seconds(session, Graph([], {})) == pytest.approx(pace.STARTING + max(seconds)), "side by side"
    alone = Session(session.store.root, workers=1, compile=False)
    alone.paces = session.paces
    assert both.seconds(alone) == pytest.approx(pace.ALONE + sum(seconds))
    monkeypatch.setattr(Local, "idle", 2)
    assert before.seconds(session) == pytest.approx(seconds[0])


def test_each_network_has_a_pace_of_its_own(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limbeck.runs.graph.measured", lambda context: paces[context.problem.network.name])
    context = context_under()
    names = [context.problem.network.name, context.under("mlp-w4").problem.network.name]
    paces = {names[0]: Pace(1e30, 1.0), names[1]: Pace(1e30, 10.0)}
    asked = [Draw(Search(Mixture((), 1), network, steps=(7,)), 0) for network in ("", "mlp-w4")]
    passes = asked[0].passes(context)
    found = [Graph([Request(each, context)], {}).seconds(session) - pace.STARTING for each in asked]
    assert found == pytest.approx([passes, 10 * passes])
    assert set(session.paces) == set(names)
