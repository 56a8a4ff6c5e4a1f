"""When real training learns a set: on trajectories that are known exactly."""

from __future__ import annotations

import json
import math
import re

import pytest
import torch

from limbeck.computations import RecognitionTrajectory, Training, real_trajectory
from limbeck.computations.contract import ProbeContext
from limbeck.core.findings import Finding
from limbeck.core.tree import Tree
from limbeck.probes import LearningTime
from limbeck.probes.verdicts.learning_time import SOONER, Trajectory
from limbeck.statistics.curves import moving_mean, settled, smoothed
from planted import KEY, SET, Planted, context_of, reading, worse

STEPS = (0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600)
RISING = [0.1, 0.4, 0.5, 0.6, 0.65, 0.7, 0.72, 0.74, 0.76, 0.78, 0.8]
PROBE = LearningTime(every=60, controls=4)
SOON = [5, 60, 97, 96, 98, 97, 97, 97, 97, 97, 97]
LATE = [5, 20, 30, 40, 50, 60, 65, 70, 75, 85, 95]


def recognising(items: torch.Tensor, recognised: list[int]) -> Tree:
    """What learners predict of whom so many items are recognised, of a hundred, one after the other."""
    told = [
        torch.where(torch.arange(len(items)) < count * len(items) // 100, items, (items + 1) % 10)
        for count in recognised
    ]
    return {"predictions": torch.stack(told).to(torch.int16)}


def later(recognised: list[int], readings: int) -> list[int]:
    return [recognised[0]] * readings + recognised[: len(recognised) - readings]


def planted(
    context: ProbeContext,
    cache: Planted,
    ours: list[list[int]],
    controls: list[list[list[int]]],
    accuracies: list[float] = RISING,
    steps: tuple[int, ...] = STEPS,
) -> Finding:
    """The finding where so many of a hundred items are recognised by the trajectory of each seed at each step."""
    for seed in range(PROBE.repeats):
        training = real_trajectory(seed, PROBE.every)
        examples = context.examples.classes
        said = [worse(context, examples, round((1 - accuracy) * len(examples))) for accuracy in accuracies]
        cache.plant(training, {**reading(context, *said), "steps": torch.tensor(steps)})
        cache.plant(RecognitionTrajectory(training), recognising(context.distilled.batch.classes, ours[seed]))
        for about, known in zip(context.controls(PROBE.controls), controls, strict=True):
            outcome = recognising(about.distilled.batch.classes, known[seed])
            cache.plant(RecognitionTrajectory(training), outcome, about.distilled.digest)
    return PROBE.find(context)


def found_of(
    ours: list[int], controls: list[list[int]], rows: slice = slice(None), **more: tuple[int, ...] | list[float]
) -> Finding:
    """The finding where all seeds have the same trajectory, on ten items a class."""
    cache = Planted()
    context = context_of(10, cache, rows)
    return planted(context, cache, [ours] * 3, [[each] * 3 for each in controls], **more)  # type: ignore[arg-type]


MIDDLE = [5, 20, 30, 40, 60, 80, 90, 95, 95, 95, 95]
REAL = [LATE, LATE, LATE, MIDDLE]
"""Their smoothed recognition stops improving at step 540, but for that of the last: at 360."""


def test_what_is_recognised_sooner_than_random_real_images_is_learned_early() -> None:
    found = found_of(SOON, REAL)
    assert found.fact("step at which recognition stops improving").value == pytest.approx(120)
    assert found.fact("recognition then").value == pytest.approx(0.97)
    assert found.fact("test accuracy then").value == pytest.approx(0.5, abs=0.002)
    assert found.fact("rise of test accuracy from then to the end").value == pytest.approx(0.3, abs=0.003)
    assert found.fact("step from which recognition exceeds test accuracy").value == pytest.approx(60)
    assert found.tone == "note" and [each.side for each in found.claims] == ["below"]
    assert found.verdict.startswith(
        "The set holds what is learned early: real training recognises 97 % of it by step 120 and hardly more after; "
        "as many random real examples take until step 488: 0.25 times the steps (0.12 to 0.51)"
    )
    assert found.verdict.endswith("Test accuracy is 50 % at that step and 80 % at the end.")
    # A control is held against the others, and told by the same names.
    assert {fact.name for fact in found.control} >= {SOONER, "recognition then"}
    assert next(
        fact for fact in found.control if fact.name == "step at which recognition stops improving"
    ).value == pytest.approx((3 * 540 + 360) / 4)


def test_the_steps_are_held_against_one_more_control_seed_by_seed() -> None:
    cache = Planted()
    context = context_of(10, cache)
    # The third learner is slower with everything by one reading.
    stops = [120, 120, 180]
    ours = [SOON, SOON, later(SOON, 1)]
    early, middle = later(SOON, 1), later(SOON, 3)
    controls = [[each, each, later(each, 1)] for each in (SOON, early, middle, early)]
    found = planted(context, cache, ours, controls)
    logs = [[math.log(120), math.log(120), math.log(180)]] + [
        [math.log(first), math.log(first), math.log(first + 60)] for first in (120, 180, 300, 180)
    ]
    mine, *theirs = (torch.tensor(each, dtype=torch.float64) for each in logs)
    apart = mine - torch.stack(theirs).mean(0)
    means = torch.stack([each.mean() for each in theirs])
    variances = float(apart.var()) / 3, float(means.var()) * (1 + 1 / 4)
    fact = found.fact(SOONER)
    assert fact.value == pytest.approx(math.exp(float(apart.mean()))) and fact.n == 3
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / 2 + variances[1] ** 2 / 3)
    from scipy import stats

    half = float(stats.t.ppf(0.975, freedom)) * sum(variances) ** 0.5
    assert math.log(fact.high) - math.log(fact.value) == pytest.approx(half)
    assert found.fact("step at which recognition stops improving").value == pytest.approx(math.prod(stops) ** (1 / 3))
    assert found.verdict.startswith("Inconclusive: real training recognises 97 % of it by step 137")


def test_what_is_recognised_later_is_learned_late() -> None:
    early = [later(SOON, 1), SOON, SOON, later(SOON, 1)]
    found = found_of(LATE, early)
    assert found.verdict.startswith("The set holds what is learned late") and "early" not in found.verdict
    assert [each.side for each in found.claims] == ["above"]


def test_a_set_that_is_as_random_real_images_are_is_not_called_early_however_soon_it_stops() -> None:
    found = found_of(SOON, [SOON, later(SOON, 1), SOON, later(SOON, 1)])
    assert found.tone == "unknown" and found.verdict.startswith("Inconclusive:")
    assert "no more apart than such sets are from each other" in found.verdict


def test_the_step_does_not_move_when_every_tenth_item_is_taken() -> None:
    whole = found_of(LATE, REAL)
    tenth = found_of([10 * (each // 10) for each in LATE], REAL, slice(None, None, 10))
    for found, count in ((whole, 100), (tenth, 10)):
        assert len(found.table("items").rows) == 3 * count
    name = "step at which recognition stops improving"
    assert whole.fact(name).value == pytest.approx(540) == tenth.fact(name).value


@pytest.mark.parametrize("count", [10, 100, 500])
def test_a_curve_settles_at_one_step_however_many_items_it_is_of(count: int) -> None:
    # Of items that are learned one after the other, the same share at the same steps.
    steps = torch.arange(0, 601, 10).double()
    learned = torch.linspace(0, 500, 10).repeat_interleave(count // 10).double()
    curve = (steps[:, None] >= learned).double().mean(1)
    read = Trajectory(steps, curve, curve, True)
    assert float(steps[read.stop]) == 500


def test_nothing_is_called_early_where_training_has_not_levelled_off() -> None:
    longest = real_trajectory(0, PROBE.every).reads
    short = (*STEPS[:-1], longest[-1])
    found = found_of(SOON, REAL, steps=short)
    assert found.tone == "unknown" and not found.claims
    assert found.verdict == (
        "Not known: test accuracy of real training still rises after 12,000 steps, so nothing can be called early or "
        "late in it."
    )


def test_all_that_is_recognised_is_said_to_be() -> None:
    found = found_of([5, 60, 98, *[100] * 8], REAL)
    assert found.verdict.endswith("All of it is recognised then, so more could not be seen.")


@pytest.mark.parametrize(
    ("rows", "recognised", "said"),
    [
        (slice(None), [10, 9, 12, 11, 8, 12, 10, 11, 12, 10, 12], "does not recognise the set"),
        (slice(0, 4), [0, 25, 25, 100, 100, 100, 100, 100, 100, 100, 100], "the set has 4 items"),
        (slice(None), [0, *[97] * 10], "at its best from the first reading on"),
    ],
)
def test_what_could_not_have_come_out_otherwise_is_not_told(rows: slice, recognised: list[int], said: str) -> None:
    found = found_of(recognised, REAL, rows)
    assert found.tone == "unknown" and found.verdict.startswith("Not known:") and said in found.verdict
    assert not found.claims and json.dumps(found.document(), allow_nan=False)


def test_the_tables_have_every_course_beside_the_controls() -> None:
    found = found_of(SOON, REAL)
    rows = found.table("trajectory").rows
    assert len(rows) == 3 * len(STEPS) and {row[0] for row in rows} == {0, 1, 2}
    seed, step, recognition, smooth, real, low, high, accuracy = rows[2]
    assert (seed, step, recognition, smooth) == (0, 120, pytest.approx(0.97), pytest.approx(0.97))
    assert (real, low, high) == (pytest.approx(0.30), pytest.approx(0.30), pytest.approx(0.30))
    assert accuracy == pytest.approx(0.5, abs=0.002)
    first = [row[3] for row in found.table("items").rows if row[2] == 0]
    assert first[:5] == [0.0] * 5 and first[5:60] == [60.0] * 55 and first[60:96] == [120.0] * 36
    assert first[96:] == [240.0, None, None, None]
    assert re.search(r"3 learners \(seeds\).*levels off.*4 controls", found.method)


def test_curves_are_smoothed_within_a_factor_of_the_steps() -> None:
    at = torch.tensor([0.0, 10.0, 20.0, 100.0, 110.0, 120.0, 1000.0, 1100.0])
    values = KEY.fold("values").normal(8)
    near = [[0], [1], [2], [3, 4], [3, 4, 5], [4, 5], [6, 7], [6, 7]]
    expected = [float(values[rows].mean()) for rows in near]
    assert smoothed(at, values).tolist() == pytest.approx(expected)
    even = torch.arange(0, 101, 20).double()
    few = KEY.fold("few").normal(6).double()
    assert moving_mean(even, few, 20).tolist() == pytest.approx(
        [float(few[max(0, i - 1) : i + 2].mean()) for i in range(6)]
    )


def test_a_curve_has_settled_where_nothing_later_is_higher_by_more_than_the_tolerance() -> None:
    curve = torch.tensor([0.5, 0.94, 0.951, 1.0, 0.97, 1.0], dtype=torch.float64)
    assert [settled(curve, tolerance) for tolerance in (0.05, 0.06, 0.0)] == [2, 1, 3]
    rising = torch.linspace(0, 1, 11, dtype=torch.float64)
    assert settled(rising, 0.01) == 10 and settled(rising.flip(0), 0.05) == 0


def test_every_item_is_read_by_every_learner_that_was_kept_up_to_the_end() -> None:
    cache = Planted()
    context = context_of(2, cache)
    network = context.problem.network
    for by, kept in ((real_trajectory(0, 100, 300), (0, 100, 200, 300)), (real_trajectory(0, 100), (0, 100, 200))):
        params = {step: network.init(KEY.fold("at", step)) for step in kept}
        outcome = {"params": {str(step): each for step, each in params.items()}, "steps": torch.tensor(kept)}
        cache.plant(by, outcome)
        found = RecognitionTrajectory(by).run(context)["predictions"]
        assert len(found) == len(kept)
        for index, step in enumerate(kept):
            outputs = network.apply(params[step], context.distilled.batch.inputs).outputs
            assert found[index].tolist() == outputs.argmax(1).tolist()


def test_courses_are_those_that_other_probes_ask_for() -> None:
    context = context_of()
    asked = [each for each in PROBE.computations(context) if isinstance(each, Training)]
    assert asked == [real_trajectory(seed, 60) for seed in range(3)]
    assert context.distilled.digest == SET
