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

from limbeck.computations import AllReal, HessianTrace, Mixture, Spectrum, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
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
from limbeck.statistics.estimates import ratio
from limbeck.tasks import load

KEY = Key(("curvature-probe",))
NETWORK = "convnet-w2-d1"
PROBE = Curvature(every=150, stride=150, images=1, most=16, starts=2, iterations=8, ends=2)


class Notebook:
    """A memo in memory."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}

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


def test_what_does_not_depend_on_the_set_is_shared_by_all_sets() -> None:
    computations = PROBE.computations(context_of(digits(3)))
    shared = [each for each in computations if not each.depends_on_set]
    assert all(isinstance(each, HessianTrace) and each.real and each.training.on == AllReal() for each in shared)
    assert len(shared) == 3
    assert all(from_spec(json.loads(json.dumps(to_spec(each)))) == each for each in computations)


def test_find_reads_no_more_than_it_asked_for() -> None:
    context = context_of(digits(20))
    todo = list(PROBE.computations(context))
    for computation in todo:
        todo += computation.needs()
    for computation in reversed(todo):
        context.outcome(computation)
    known = set(NOTEBOOK.pages)
    found = PROBE.find(context)
    assert set(context.problem.cache.pages) == known  # type: ignore[attr-defined]
    traces = RealTraceRow.of(found)
    assert traces is not None
    peak = max(traces, key=lambda row: row.set_trace)
    assert found.fact("step of the peak on set").value == peak.step
    assert found.fact("peak of the trace on set").value == peak.set_trace
    ends = found.fact("end over peak of the trace on set").value * found.fact("peak of the trace on set").value
    assert ends == pytest.approx(traces[-1].set_trace)
    assert {(row.loss, row.stage) for row in SpectrumRow.of(found) or []} == {
        (loss, stage) for loss in ("set", "real") for stage in ("start", "peak", "end")
    }


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
    found = PROBE.find(hostile()[name])
    assert "\n" not in found.verdict
    assert json.dumps(found.document(), allow_nan=False)
    # Of a set of one image the trace may be too near zero to be told from it.
    assert (found.tone == "unknown") == (name == "no numbers") or name == "one image"
