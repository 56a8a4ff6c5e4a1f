"""A plane holds its corners, a surface is the losses of networks, and over-confidence is told from its absence."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from limbeck.computations import Mixture, Paths, Steps, Surface, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, BatchSet, ProbeContext
from limbeck.computations.landscape import mean_loss_at, sampled
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.family import from_spec, spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.curvature import flat
from limbeck.learn.plane import Plane
from limbeck.probes.landscape import Landscape
from limbeck.probes.tables.landscape import CornerRow, LossRow, RealPathRow, SetPathRow, SplitRow
from limbeck.probes.verdicts.landscape import RISE
from limbeck.protocols import Epochs
from limbeck.statistics.estimates import estimate
from limbeck.tasks import load

KEY = Key(("landscape",))
PROBE = Landscape(every=150, size=3, sample=20, rows=2, repeats=2)


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


def context_of(batch: Batch, network: str = "convnet-w2-d1") -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), torch.device("cpu"), NOTEBOOK)
    schedule = Epochs(epochs=3).schedule(None, len(batch.classes), KEY)
    return ProbeContext(problem, "set", BatchSet(spec_id(batch.inputs.sum().item()), batch, schedule), "test", 50)


def digits(count: int) -> Batch:
    return load("digits").load("train", torch.arange(count))


def points(count: int = 3, size: int = 40) -> list[torch.Tensor]:
    return [KEY.fold("point", index).normal(size).double() for index in range(count)]


def test_a_plane_gives_back_its_three_corners_and_keeps_distances() -> None:
    corners = points()
    plane = Plane.through(*corners)
    assert abs(float(plane.first @ plane.second)) < 1e-14
    assert plane.project(corners[0])[:2] == (0.0, 0.0)
    assert plane.project(corners[1])[1] == pytest.approx(0, abs=1e-12)
    for corner in corners:
        x, y, off = plane.project(corner)
        assert off < 1e-12
        torch.testing.assert_close(plane.place(x, y), corner, rtol=1e-12, atol=1e-12)
    (a, b, _), (c, d, _) = plane.project(corners[1]), plane.project(corners[2])
    assert math.hypot(a - c, b - d) == pytest.approx(float((corners[1] - corners[2]).norm()))


def test_what_lies_off_the_plane_is_the_distance_to_its_nearest_point() -> None:
    *corners, outside = points(4)
    plane = Plane.through(*corners)
    x, y, off = plane.project(outside)
    sides = torch.stack([corner - corners[0] for corner in corners[1:]], 1)
    best = torch.linalg.lstsq(sides, (outside - corners[0])[:, None]).solution
    nearest = corners[0] + (sides @ best)[:, 0]
    assert off == pytest.approx(float((outside - nearest).norm()))
    torch.testing.assert_close(plane.place(x, y), nearest)


def test_points_on_a_line_and_points_that_are_one_still_span_a_plane() -> None:
    a, b, _ = points()
    for corners in ((a, b, a + 2 * (b - a)), (a, a, b), (a, b, a), (a, a, a)):
        plane = Plane.through(*corners)
        gram = torch.stack([plane.first, plane.second]) @ torch.stack([plane.first, plane.second]).T
        torch.testing.assert_close(gram, torch.eye(2).double(), rtol=0, atol=1e-12)
        for corner in corners:
            x, y, _ = plane.project(corner)
            torch.testing.assert_close(plane.place(x, y), corner, rtol=1e-9, atol=1e-9)


@functools.lru_cache(maxsize=1)
def trained() -> tuple[ProbeContext, Paths]:
    """Two short trainings from one start."""
    stops = (0, 15, 30)
    real = Training(Mixture((), 4), 0, Steps(30), reads=stops, keeps=stops)
    ours = Training(Mixture(), 0, Steps(30, learning_rate=0.05), reads=stops, keeps=stops)
    return context_of(digits(6)), Paths(real, ours, most=30)


def test_the_surface_at_the_corners_is_the_loss_of_the_networks() -> None:
    context, paths = trained()
    corners = context.outcome(paths)["corners"]
    # Parameters come back from the plane in single precision.
    torch.testing.assert_close(corners[:, 4:], corners[:, 2:4], rtol=1e-5, atol=1e-6)
    assert corners[0, :2].tolist() == [0.0, 0.0] and corners[1, 1].abs() < 1e-6
    for row, training, step in ((0, paths.real, 0), (1, paths.real, 30), (2, paths.ours, 30)):
        params = training.kept(context, step).params
        batch = sampled(context, 30)
        outputs = context.problem.network.apply(params, batch.inputs).outputs
        mean = torch.nn.functional.cross_entropy(outputs.double(), batch.classes)
        assert float(corners[row, 2]) == pytest.approx(float(mean), rel=1e-6)
        assert float(corners[row, 3]) == mean_loss_at(context.problem, params, context.distilled.batch)
    seen = context.outcome(paths)
    assert float(seen["ours"][-1, 2]) < 1e-5 < 1e-3 < float(seen["ours"][1, 2])


def test_rows_of_a_surface_are_losses_at_their_coordinates_and_cover_the_paths() -> None:
    context, paths = trained()
    found = [context.outcome(Surface(paths, rows, 4, 0.5)) for rows in ((0, 1), (2, 3))]
    y = torch.cat([part["y"] for part in found])
    x = found[0]["x"]
    spots = torch.cat([context.outcome(paths)[side][:, :2] for side in ("real", "ours")])
    low, high = spots.min(0).values, spots.max(0).values
    assert float(x[0]) == pytest.approx(float(low[0] - 0.5 * (high - low)[0]))
    assert float(y[-1]) == pytest.approx(float(high[1] + 0.5 * (high - low)[1]))
    start, real, ours = (
        flat(training.kept(context, step).params).double()
        for training, step in ((paths.real, 0), (paths.real, 30), (paths.ours, 30))
    )
    plane = Plane.through(start, real, ours)
    like = paths.real.kept(context, 0).params
    point = plane.place(float(x[1]), float(y[2])).float()
    sizes = [leaf.numel() for leaf in like.values()]
    params = {
        name: part.reshape(leaf.shape) for (name, leaf), part in zip(like.items(), point.split(sizes), strict=True)
    }
    expected = mean_loss_at(context.problem, params, context.distilled.batch)
    assert float(found[1]["set"][0, 1]) == pytest.approx(expected, rel=1e-9)


def done(context: ProbeContext) -> list[AbstractComputation]:
    """What is asked of a set, all of it and all that is asked of its controls done."""
    for about in (*context.controls(PROBE.controls), context):
        asked = list(PROBE.computations(about))
        for computation in asked:
            about.outcome(computation)
    return asked


def test_computations_are_specs_and_find_reads_no_more_than_it_asked_for() -> None:
    context = context_of(digits(12))
    todo = done(context)
    assert all(from_spec(json.loads(json.dumps(to_spec(each)))) == each for each in todo)
    assert sorted(row for each in todo if isinstance(each, Surface) for row in each.rows) == [0, 1, 2]
    known = set(NOTEBOOK.pages)
    found = PROBE.find(context)
    assert set(NOTEBOOK.pages) == known
    split, trajectory = SplitRow.of(found), LossRow.of(found)
    assert split and trajectory
    total = sum(row.examples for row in split)
    assert total == 2 * 50, "all examples of all learners"
    for column, name in (("loss_at_lowest", "lowest loss"), ("loss_at_end", "final loss")):
        mean = sum(row.examples * getattr(row, column) for row in split) / total
        assert mean == pytest.approx(found.fact(name).value) and found.fact(name).n == 2
    right = next(row.examples for row in split if row.final_prediction == "right")
    assert right / total == pytest.approx(trajectory[-1].test_accuracy)
    assert trajectory[0].changed is None and 0 <= (trajectory[1].changed or 0) <= 1
    assert {fact.name for fact in found.control} < {fact.name for fact in found.facts}


def test_a_control_is_asked_for_its_training_alone_and_from_the_start_of_its_number() -> None:
    context = context_of(digits(12))
    for draw in (0, 1):
        assert PROBE.computations(context.control(draw)) == (path(draw, 150),)
    done(context)
    trajectory = LossRow.of(PROBE.find(context))
    ends = [float(context.control(draw).outcome(path(draw, 150), "losses")[-1].double().mean()) for draw in (0, 1)]
    assert trajectory and trajectory[-1].control_loss == pytest.approx(sum(ends) / 2)
    assert ends[0] != ends[1]


def test_intervals_are_over_seeds_and_each_seed_is_read_where_the_loss_of_the_other_is_lowest() -> None:
    context = context_of(digits(12))
    done(context)
    found = PROBE.find(context)
    means = [context.outcome(path(seed, 150), "losses").double().mean(1) for seed in (0, 1)]
    places = [int(means[1].argmin()), int(means[0].argmin())]
    shares = [float((of[-1] - of[at]) / of[at]) for of, at in zip(means, places, strict=True)]
    assert found.fact(RISE) == estimate(RISE, shares, 0.05 / 3)
    steps = [path(0, 150).reads[at] for at in places]
    assert found.fact("step of the lowest loss").value == sum(steps) / 2


def test_real_training_is_seen_to_where_the_set_is_trained_to_however_long_it_goes_on() -> None:
    context = context_of(digits(12))
    done(context)
    found = PROBE.find(context)
    real, ours = RealPathRow.of(found), SetPathRow.of(found)
    assert real and ours
    assert [row.step for row in real] == [row.step for row in ours] == [0, 150, 300]
    assert real_trajectory(0, 150).steps(context)[-1] > 300
    corners = CornerRow.of(found)
    assert corners and real[-1].x == pytest.approx(corners[1].x) and real[-1].off_the_plane < 1e-4


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
    # One seed decides nothing of any set.
    assert found.tone == "unknown"
    assert ("not finite" in found.verdict) == (name == "no numbers")
