"""The memory of computations: what each says beside what its tensors take, counted while they live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

import limbeck
from limbeck.computations import AllReal, Mixture, Steps, Training, examples
from limbeck.computations.around import Around, Local
from limbeck.computations.autoencoder import Autoencoder
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.computations.curvature import HessianTrace, Spectrum
from limbeck.computations.experts import Experts
from limbeck.computations.nearness import Nearness
from limbeck.computations.recognition import RealSurroundings, Surroundings
from limbeck.computations.row_autoencoder import RowAutoencoder
from limbeck.computations.twins import Twins
from limbeck.core.contracts import Problem
from limbeck.core.key import Key
from limbeck.learn.footprint import FLOAT, learning_bytes, parameter_bytes
from limbeck.learn.peak import Peak
from limbeck.runs.store import Store

NETWORKS = ("convnet-w16", "mlp-w256")
FEW = Training(Mixture((), 10), protocol=Steps(2), keeps=(-1,))
TRACE = HessianTrace(FEW, -1, real=10, least=16, most=16)
EXPERT = Experts(epochs=4)
COMPUTATIONS: dict[str, Sequence[AbstractComputation]] = {
    "a set": [Training(protocol=Steps(2))],
    "batches": [Training(Mixture((), 20), protocol=Steps(2, 32))],
    "all real": [Training(AllReal(), protocol=Steps(1, 32))],
    "a stack": [Training(Mixture((), 1), seed, Steps(3)) for seed in range(20)],
    "trace": [TRACE],
    "spectrum": [Spectrum((-1,), TRACE, real=10, starts=1, iterations=10)],
    "local": [Local(FEW, real=10)],
    "around": [Around(FEW, 0, size=5)],
    "nearness": [Nearness(controls=1)],
    "surroundings": [Surroundings(FEW)],
    "real surroundings": [RealSurroundings(FEW)],
    "twins": [Twins("convnet-w16", steps=1, batch=64)],
    "an autoencoder": [Autoencoder(8, 16, 1)],
    "an autoencoder of rows": [RowAutoencoder(8, 32, 1)],
}
FACTOR = {"surroundings": 2.0, "real surroundings": 3.0, "an autoencoder of rows": 1.6}
"""By how much what is told may be off, where that is not `USUAL`: of few items and features it is too high."""
USUAL = 1.3


@pytest.fixture(scope="module", params=NETWORKS)
def context(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ProbeContext:
    task = limbeck.load("digits")
    items = task.load("train", torch.cat([rows[:10] for rows in task.groups("train")]))
    ours = BatchSet("told", items, Steps().schedule(None, len(items.classes), Key()))
    store = Store(tmp_path_factory.mktemp("told"))
    problem = Problem(task, task.network(request.param), torch.device("cpu"), store)
    return ProbeContext(problem, set=ours, evaluation_size=200)


def taken(context: ProbeContext, asked: Sequence[AbstractComputation]) -> int:
    """The most bytes that tensors take where computations are done together and nothing was read before."""
    first, *others = asked
    for need in first.needs_in(context):
        context.outcome(need)
    examples.examples_of.cache_clear()
    with Peak() as peak:
        first.run_together(context, [(each, context) for each in others])
    return peak.most


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_what_a_computation_says_that_it_takes_is_what_it_takes(context: ProbeContext, name: str) -> None:
    asked, factor = COMPUTATIONS[name], FACTOR.get(name, USUAL)
    told, found = asked[0].bytes(context, len(asked)), taken(context, asked)
    assert found / USUAL < told < found * factor, f"told {told:,.0f}, taken {found:,}"


def test_an_expert_holds_its_parameters_after_every_epoch(context: ProbeContext) -> None:
    expert = EXPERT.training(context.problem, 0)
    assert taken(context, [expert]) / USUAL < expert.bytes(context) < USUAL * taken(context, [expert])
    longer = replace(EXPERT, epochs=9).training(context.problem, 0)
    assert longer.bytes(context) - expert.bytes(context) == 5 * parameter_bytes(context.problem)


def test_a_pass_grows_evenly_up_to_the_size_of_a_microbatch() -> None:
    task = limbeck.load("digits")
    problem = Problem(task, task.network("convnet-w8-d1"), torch.device("cpu"), None)
    few, more, most, beyond = (learning_bytes(problem, count) for count in (10, 20, 1562, 100_000))
    assert more - few == pytest.approx(10 * (most - few) / 1552)
    assert beyond == most, "100,000 numbers of input go through at once, which 1,562 images of 8 x 8 have"
    numbers = sum(leaf.numel() for leaf in problem.network.init(Key()).values())
    assert parameter_bytes(problem) == FLOAT * numbers
