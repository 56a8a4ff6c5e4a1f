"""The probe of curvature measures what dense Hessians say, where it says, and answers for any set."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.computations import AllReal, HessianTrace, Mixture, Spectrum, Steps, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.computations.curvature import spread
from limbeck.computations.sources import real
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.family import from_spec, spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.curvature import flat, shaped
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.traces import Trace
from limbeck.probes.curvature import Curvature
from limbeck.probes.tables.curvature import RealTraceRow, SpectrumRow
from limbeck.protocols import Epochs
from limbeck.statistics.curves import falls_below
from limbeck.statistics.estimates import estimate, ratio
from limbeck.tasks import load

KEY = Key(("curvature-probe",))
NETWORK = "convnet-w2-d1"
PROBE = Curvature(every=150, places=3, images=1, most=16, starts=2, iterations=8, ends=2, repeats=2)


class Notebook:
    """A memo in memory."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}

    def holds(self, address: dict[str, Any]) -> bool:
        return spec_id(address) in self.pages

    def remember(self, address: dict[str, Any], make: Any, branch: str = "") -> Tree:
        name = spec_id(address)
        if name not in self.pages:
            self.pages[name] = make()
        return tree.branch(self.pages[name], branch)


NOTEBOOK = Notebook()
"""One for all tests: trainings on real data are done once."""


def context_of(batch: Batch, network: str = NETWORK) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), torch.device("cpu"), NOTEBOOK)
    schedule = Epochs(epochs=3).schedule(None, len(batch.classes), KEY)
    return ProbeContext(problem, "set", BatchSet(spec_id(batch.inputs.sum().item()), batch, schedule), "test", 50)


def digits(count: int) -> Batch:
    return load("digits").load("train", torch.arange(count))


def dense(context: ProbeContext, params: Tree, batch: Batch) -> Tensor:
    loss = mean_loss(context.problem.task, context.problem.network)
    double = Batch(batch.inputs.double(), batch.targets.double(), batch.classes)
    slope = torch.func.grad(lambda vector: loss(shaped(params, vector), double))
    return torch.func.jacrev(slope)(flat(params).double())


@functools.lru_cache(maxsize=1)
def whole() -> tuple[ProbeContext, Training]:
    """A case, and a training that is kept at three steps."""
    return context_of(digits(6)), Training(Mixture(), 0, Steps(40), reads=(), keeps=(0, 20, 40))


@pytest.mark.parametrize("images", [0, 2])
def test_a_trace_is_that_of_the_dense_hessian_at_the_step_and_on_the_loss_it_names(images: int) -> None:
    context, training = whole()
    found = HessianTrace(training, 20, images, relative=0.02, floor=0.0, most=400).found(context)
    batch = real(context.problem, images, 0) if images else context.distilled.batch
    truth = float(dense(context, training.kept(context, 20).params, batch).trace())
    assert abs(found.value - truth) < 3.5 * found.error <= 3.5 * 0.02 * abs(found.value)
    elsewhere = float(dense(context, training.kept(context, 0).params, batch).trace())
    assert abs(found.value - elsewhere) > 5 * found.error


def test_a_spectrum_is_of_the_step_where_the_trace_is_largest() -> None:
    context, training = whole()
    trace = HessianTrace(training, 0, most=200, relative=0.02)
    spectrum = Spectrum((0, 20, 40), trace, real=2)
    found = context.outcome(spectrum)
    heights = {step: replace(trace, step=step).found(context).value for step in (0, 20, 40)}
    step = int(found["step"])
    assert step == max(heights, key=lambda each: heights[each]) != 0
    values = torch.linalg.eigvalsh(dense(context, training.kept(context, step).params, real(context.problem, 2, 0)))
    # The outermost nodes of thirty steps are the ends, and every node is as near to an eigenvalue as it says.
    assert float(found["nodes"].max()) == pytest.approx(float(values[-1]), rel=1e-3)
    assert float(found["nodes"].min()) == pytest.approx(float(values[0]), rel=1e-2)
    away = (found["nodes"][:, :, None] - values).abs().min(2).values
    assert (away <= found["bounds"] + 1e-4).all()
    assert set(spectrum.needs()) == {replace(trace, step=step) for step in (0, 20, 40)}
    assert replace(spectrum, steps=(20,)).needs() == (training,)


def rounds(context: ProbeContext, probe: Curvature = PROBE) -> list[set[AbstractComputation]]:
    """What is asked of a set and its controls in each round, all of it done."""
    found: list[set[AbstractComputation]] = []
    while True:
        asked = [
            (about, each)
            for about in (context, *context.controls(probe.controls))
            for each in probe.computations(about)
        ]
        if found and {each for _, each in asked} == found[-1]:
            return found
        found.append({each for _, each in asked})
        for about, computation in asked:
            for need in computation.needs():
                about.outcome(need)
            about.outcome(computation)


def test_places_are_even_in_logarithms_and_those_of_a_longer_training_but_for_the_last() -> None:
    reads = real_trajectory(0, 20).reads
    short = [step for step in reads if step <= 900]
    found = {len(steps): spread(steps, 4) for steps in (short, reads)}
    assert found[len(short)] == (0, 20, 40, 60, 120, 200, 360, 640, short[-1])
    assert set(found[len(short)][:-1]) < set(found[len(reads)]) and found[len(reads)][-1] == reads[-1]
    assert spread((0,), 4) == (0,) and spread((0, 7), 4) == (0, 7)


def test_traces_are_asked_for_where_each_training_was_really_read_until_it_levelled_off() -> None:
    context = context_of(digits(3))
    first = PROBE.computations(replace(context, problem=replace(context.problem, cache=Notebook())))
    assert {real_trajectory(0, 150), real_trajectory(1, 150)} < set(first)
    assert not any(of(each, seed) for each in first for seed in (0, 1)), "before the trajectories are known"
    last = rounds(context)[-1]
    along = {seed: {each.step for each in last if of(each, seed)} for seed in (0, 1)}
    for seed, steps in along.items():
        read = real_trajectory(seed, 150).steps(context)
        assert steps == set(spread(read, 3)) and max(steps) == read[-1] < real_trajectory(seed, 150).reads[-1]


def of(computation: AbstractComputation, seed: int) -> bool:
    """Whether it is a trace along real training of a seed."""
    return isinstance(computation, HessianTrace) and computation.training == real_trajectory(seed, 150)


def test_what_does_not_depend_on_the_set_is_shared_by_all_sets() -> None:
    context = context_of(digits(3))
    asked = rounds(context)[-1]
    shared = [each for each in asked if not each.depends_on_set]
    traces = [each for each in shared if isinstance(each, HessianTrace)]
    assert set(shared) - set(traces) == {real_trajectory(0, 150), real_trajectory(1, 150)}
    assert traces and all(each.real and each.training.on == AllReal() for each in traces)
    assert all(from_spec(json.loads(json.dumps(to_spec(each)))) == each for each in asked)


def test_a_control_is_asked_of_its_own_start_alone() -> None:
    context = context_of(digits(3))
    rounds(context)
    for draw in (0, 1):
        asked = PROBE.computations(context.control(draw))
        assert {each.training for each in asked if isinstance(each, HessianTrace)} == {real_trajectory(draw, 150)}
        (spectrum,) = (each for each in asked if isinstance(each, Spectrum))
        assert spectrum.trace.training == path(draw, 150) and spectrum.real == 1


def test_find_reads_no_more_than_it_asked_for() -> None:
    context = context_of(digits(20))
    rounds(context)
    known = set(NOTEBOOK.pages)
    found = PROBE.find(context)
    assert set(context.problem.cache.pages) == known  # type: ignore[attr-defined]
    traces = RealTraceRow.of(found)
    assert traces is not None
    trajectories = [[row for row in traces if row.start == start] for start in (0, 1)]
    peaks = [max(rows, key=lambda row: row.set_trace) for rows in trajectories]
    assert found.fact("peak of the trace on set").value == pytest.approx(sum(each.set_trace for each in peaks) / 2)
    assert found.fact("peak of the trace on set").n == 2
    shares = [
        min(max(rows[-1].set_trace / peak.set_trace, 0.01), 1) for rows, peak in zip(trajectories, peaks, strict=True)
    ]
    assert found.fact("end over peak of the trace on set").value == pytest.approx(math.prod(shares) ** 0.5)
    assert {(row.loss, row.stage) for row in SpectrumRow.of(found) or []} == {
        (loss, stage) for loss in ("set", "real") for stage in ("start", "peak", "end")
    }
    assert {fact.name for fact in found.control} < {fact.name for fact in found.facts}
    other = next(fact for fact in found.control if fact.name == "peak of the trace on set")
    highest = [max(row.control_trace for row in rows) for rows in trajectories]
    assert other.value == pytest.approx(sum(highest) / 2)


def test_no_share_and_no_interval_of_one_leaves_zero_to_one() -> None:
    context = context_of(digits(20))
    rounds(context)
    found = PROBE.find(context)
    shares = [each for each in (*found.facts, *found.control) if "share" in each.name or "end over peak" in each.name]
    assert len(shares) > 4 and all(0 <= each.low <= each.value <= each.high <= 1 for each in shares)


def test_a_negative_share_is_one_number_of_each_training_however_many_starts_its_spectrum_has() -> None:
    context = context_of(digits(20))
    rounds(context)
    found = PROBE.find(context).fact(
        "negative share of the curvature of the loss on real at the end of training on the set"
    )
    assert found.n == PROBE.repeats == 2
    shares = []
    for seed in (0, 1):
        trace = HessianTrace(path(seed, 150), 300, 0, most=16)
        outcome = context.outcome(Spectrum((300,), trace, 1, 2, 8))
        nodes, weights = outcome["nodes"], outcome["weights"]
        counted = (weights * nodes.abs() * (nodes < -0.01 * nodes.abs().max())).sum(1)
        shares.append(float((counted / (weights * nodes.abs()).sum(1)).mean()))
    assert found.value == pytest.approx(sum(shares) / 2)
    assert found[1:4] == pytest.approx(estimate("", shares, within=(0, 1))[1:4])


def test_curves_cross_where_straight_lines_do() -> None:
    ours, theirs = [0.0, 10.0, 6.0, 2.0], [5.0] * 4
    assert falls_below((0, 10, 20, 30), ours, theirs) == pytest.approx(22.5)
    assert falls_below((0, 10), ours[:2], theirs[:2]) is None
    assert falls_below((0, 10, 20, 30), [math.nan, *ours[1:]], theirs) == pytest.approx(22.5)


def test_a_ratio_s_interval_covers_it_as_often_as_it_says() -> None:
    ends, peaks = KEY.fold("ends").normal(1000).double() * 2 + 30, KEY.fold("peaks").normal(1000).double() * 4 + 100
    facts = [
        ratio("", Trace(end, 2.0, 400, 1).fact(""), Trace(peak, 4.0, 400, 1).fact(""))
        for end, peak in zip(ends.tolist(), peaks.tolist(), strict=True)
    ]
    assert sum(fact.low <= 0.3 <= fact.high for fact in facts) / 1000 == pytest.approx(0.95, abs=0.02)


def hostile() -> dict[str, ProbeContext]:
    one, five = digits(1), digits(5)
    return {
        "one image": context_of(one),
        "one class": context_of(Batch(five.inputs, five.targets[:1].expand(5, -1), five.classes[:1].expand(5))),
        "soft targets": context_of(five._replace(targets=(five.targets * 3).softmax(1))),
        "batch norm": context_of(five, "convnet-w2-d1-batch"),
        "no numbers": context_of(five._replace(inputs=five.inputs * math.nan)),
    }


@pytest.mark.parametrize("name", ["one image", "one class", "soft targets", "batch norm", "no numbers"])
def test_any_set_gets_an_answer(name: str) -> None:
    found = replace(PROBE, repeats=1).find(hostile()[name])
    assert "\n" not in found.verdict
    assert json.dumps(found.document(), allow_nan=False)
    # One start decides nothing of any set.
    assert found.tone == "unknown"
    assert ("not finite" in found.verdict) == (name == "no numbers")
