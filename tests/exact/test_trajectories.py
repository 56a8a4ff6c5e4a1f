"""Trajectories: when a training has levelled off, and what is kept of one that ends there."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from limbeck.computations import AllReal, Level, Steps, Training, path, real_trajectory
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.trajectories import LONGEST, stops
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.tasks import load

KEY = Key(("test trajectory",))


def context_of(network: str = "mlp") -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network(network), torch.device("cpu"), NoCache())
    batch = problem.real(KEY, 1)
    return ProbeContext(problem, "set", BatchSet("0" * 16, batch, Steps().schedule(None, 10, KEY)), "test", 100)


def saturating(steps: list[int], scale: float) -> list[float]:
    return [0.9 - 0.8 * math.exp(-step / scale) for step in steps]


def ended(scores: list[float], steps: list[int], rule: Level) -> int:
    return next(steps[end - 1] for end in range(2, len(steps) + 1) if rule.reached(steps[:end], scores[:end]))


def test_a_training_ends_later_where_it_learns_more_slowly() -> None:
    steps, rule = list(stops(20, LONGEST)), Level()
    found = [ended(saturating(steps, scale), steps, rule) for scale in (100, 400, 1600)]
    assert found[0] == 600 and found == sorted(found) and found[2] > 4 * 600


def test_the_rule_does_not_hang_on_the_unit_of_the_score() -> None:
    steps, rule = list(stops(20, LONGEST)), Level()
    scores = saturating(steps, 700)
    assert ended(scores, steps, rule) == ended([1000 * score - 3 for score in scores], steps, rule)


def test_a_training_that_learns_nothing_ends_soon() -> None:
    steps, rule = list(stops(20, LONGEST)), Level()
    for draw in range(20):
        noise = (0.1 + 0.005 * KEY.fold("noise", draw).normal(len(steps))).tolist()
        assert ended(noise, steps, rule) <= 4 * rule.first


def test_a_straight_line_in_the_logarithm_never_levels_off_before_its_rise_is_a_twentieth() -> None:
    # Over a doubling it rises by 1, of a span of log2(step): a twentieth of that only after 2^20 steps.
    steps = sorted({round(2 ** (power / 8)) for power in range(8 * 17)})
    scores = [math.log2(step) for step in steps]
    assert not any(Level(first=4).reached(steps[:end], scores[:end]) for end in range(3, len(steps)))


@pytest.fixture(scope="module")
def context() -> ProbeContext:
    return context_of()


def test_what_is_kept_is_that_of_a_training_of_as_many_steps(context: ProbeContext) -> None:
    at = (0, 10, 20, 40, 80, 160)
    rule = Level(rise=0.5, first=20, examples=50)
    whole = Training(AllReal(), 0, Steps(160, 256), reads=at, keeps=at, until=rule)
    found = whole.run(context)
    ended_at = found["steps"].tolist()
    assert 2 <= len(ended_at) < len(at) and ended_at == list(at[: len(ended_at)])
    plain = replace(whole, reads=tuple(ended_at), keeps=tuple(ended_at), protocol=Steps(ended_at[-1], 256), until=None)
    expected = plain.run(context)
    for name in ("predictions", "losses", "accuracy"):
        assert torch.equal(found[name], expected[name])
    assert set(found["params"]) == {str(step) for step in ended_at}


def test_the_rule_reads_validation_examples_alone(context: ProbeContext) -> None:
    at = (0, 10, 20, 40, 80, 160)
    rule = Level(rise=0.5, first=20, examples=50)
    whole = Training(AllReal(), 0, Steps(160, 256), reads=at, until=rule)
    other = replace(context, evaluation_size=10)
    assert whole.run(context)["steps"].tolist() == whole.run(other)["steps"].tolist()


def test_courses_and_paths_are_read_at_the_same_steps_as_far_as_they_go_together() -> None:
    assert real_trajectory(1, 20).reads[: len(path(1, 20).reads)] == path(1, 20).reads
    assert real_trajectory(0, 10, 300).reads == path(0, 10).reads == tuple(range(0, 301, 10))
    assert real_trajectory(0, 10).until == Level() and real_trajectory(0, 10, 300).until is None
    assert all(step % 10 == 0 for step in real_trajectory(0, 10).reads)
