"""What is told of long work: how far it is, and how long it will go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import limbeck
from limbeck.computations import AllReal, Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.progress import Silent, heard_by, part, went
from limbeck.core.units import duration
from limbeck.distillation import Distillation
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.runs import course as course_module
from limbeck.runs import watching
from limbeck.runs.allowance import LONG, Allowance, Bounded, TimeIsUp
from limbeck.runs.course import Course
from limbeck.runs.pace import Pace as PaceOf
from limbeck.state import State
from limbeck.terminal.bar import EVERY, Lines, bar
from limbeck.terminal.pace import Pace


def test_parts_of_parts_tell_shares_of_the_whole_and_whoever_listened_before_does_again() -> None:
    heard: list[float] = []
    with heard_by(heard.append):
        with part(0, 1, 4):
            went(1, 2)
            with part(1, 1, 2):
                went(1, 4)
        with part(1, 3, 4), heard_by(lambda share: None):
            went(1, 2)
    went(1, 2)
    assert heard == [0.125, 0.15625, 0.25, 0.25, 1.0]


def context() -> ProbeContext:
    task = limbeck.load("digits")
    return ProbeContext(Problem(task, task.network("mlp-w4"), torch.device("cpu"), NoCache()))


def test_a_training_tells_its_steps_and_a_stack_of_trainings_those_of_all() -> None:
    heard: list[float] = []
    trainings = [Training(AllReal(), seed, Steps(4, 8), reads=(4,)) for seed in range(5)]
    with heard_by(heard.append):
        trainings[0].run(context())
        assert heard == [0.0, 0.25, 0.5, 0.75, 1.0]
        heard.clear()
        trainings[0].run_together(context(), [(each, context()) for each in trainings[1:]])
    assert heard == sorted(heard) and heard[-1] == 1.0 and len(heard) >= 5


def at(times: list[float]) -> Callable[[], float]:
    return lambda: times[0]


def test_what_is_not_done_is_not_counted_and_the_end_is_said_once() -> None:
    now, said = [0.0], list[str]()
    lines = Lines(lambda text: said.append(str(text)), clock=at(now))
    for second, done in enumerate((0.0, 1.7, 2 - 1e-9, 2.0, 2.0)):
        now[0] = 10.0 * second
        lines.update(done, 2, "working", unit="jobs")
        now[0] += 0.01
        lines.update(done, 2, "working", unit="jobs")
    told = [line.partition(",")[0] for line in said]
    assert told[:2] == ["working: 1 of 2 jobs", "working: 2 of 2 jobs"] and len(told) == len(said)


def test_shares_that_add_up_to_the_whole_but_for_rounding_are_said_to_be_all() -> None:
    said, done = list[str](), sum([0.1] * 10)
    lines = Lines(said.append, clock=at([0.0]))
    lines.update(0.5, 1.0, "working")
    lines.update(done, 1.0, "working")
    assert done < 1 and said == ["working: 100 %"]


def test_lines_come_soon_at_first_then_every_half_minute_and_also_where_nothing_is_told() -> None:
    now, said = [0.0], list[tuple[float, str]]()
    lines = Lines(lambda text: said.append((now[0], str(text))), clock=at(now))
    lines.phase("1 of 2: distil dm")
    for second in range(1001):
        now[0] = float(second)
        lines.update(second, 2000, "distilling", "loss 1.5", "steps")
        lines.still()
    times = [time for time, _ in said]
    assert times[:2] == [0, 2] and max(b - a for a, b in zip(times, times[1:], strict=False)) == EVERY
    assert len(said) < 50
    assert said[-1][1].startswith("distilling: ") and said[-1][1].endswith(" left, loss 1.5")
    # Nothing is told for two minutes: still a line each half minute.
    silent = len(said)
    for second in range(1001, 1121):
        now[0] = float(second)
        lines.still()
    assert len(said) - silent == 4 and said[-1][1].endswith("gone")
    lines.update(2000, 2000, "distilling", "", "steps")
    assert said[-1][1] == "distilling: 2,000 of 2,000 steps"


def test_seconds_that_were_told_are_shown_as_a_share_and_corrected_by_what_is_seen() -> None:
    now, said = [0.0], list[str]()
    lines = Lines(lambda text: said.append(str(text)), clock=at(now))
    lines.estimate(100.0)
    assert said == ["about 1 min 40 s of work"]
    # Half as fast as told.
    for second in range(101):
        now[0] = float(second)
        lines.update(second / 2, 100, "training networks")
    assert said[-1].startswith("training networks: 4") and " %, " in said[-1]
    pace = Pace(told=True)
    left = [pace.left(second, second / 2, 100.0) for second in range(101)]
    assert left[0] == 100.0 and left[100] == pytest.approx(100, rel=0.2)
    assert all(a >= 75 for a in left if a is not None)


def test_a_slow_beginning_is_forgotten() -> None:
    pace = Pace(told=False)
    assert pace.left(0, 0, 1000) is None
    pace.left(60, 1, 1000)  # Compiling.
    for second in range(61, 200):
        left = pace.left(second, 1 + 4 * (second - 60), 1000)
    assert left == pytest.approx((1000 - 1 - 4 * 139) / 4, rel=0.01)


def test_somebody_is_asked_once_before_more_than_an_hour_and_again_where_it_becomes_much_more() -> None:
    asked: list[str] = []
    allowance = Allowance(asked.append)
    for seconds in (0.4 * LONG, 0.4 * LONG, 0.4 * LONG):
        allowance.admit(seconds)
    assert asked == ["this takes about 72 min here"]
    allowance.admit(0.5 * LONG)
    assert len(asked) == 1
    allowance.admit(LONG)
    assert len(asked) == 2
    # What is known to be all was agreed to as a whole.
    whole = Allowance(asked.append)
    whole.admit(3 * LONG, whole=True)
    whole.admit(2 * LONG)
    whole.admit(2 * LONG)
    assert len(asked) == 3
    Allowance().admit(100 * LONG)


def test_a_refusal_is_asked_again() -> None:
    def no(said: str) -> None:
        raise limbeck.InputError(said)

    allowance = Allowance(no)
    for _ in range(2):
        with pytest.raises(limbeck.InputError, match="about 2 h"):
            allowance.admit(2 * LONG, whole=True)
        allowance = Allowance(no)


def test_what_a_reader_must_know_is_said_though_time_is_bounded() -> None:
    said: list[str] = []
    bounded = Bounded(Lines(lambda text: said.append(str(text))), 2.0)
    bounded.notes(["the labels are logits"])
    bounded.phase("distil")
    assert said == ["note: the labels are logits", "distil"]


def test_work_is_interrupted_when_its_time_is_over_but_not_where_it_is_done() -> None:
    now = [0.0]
    bounded = Bounded(Silent(), 2.0, at(now))
    bounded.update(1, 2, "working")
    now[0] = 120.0
    bounded.update(2, 2, "working")
    with pytest.raises(TimeIsUp, match="2 min are over"):
        bounded.update(1, 2, "working")


def test_notes_come_before_the_first_news_and_once() -> None:
    said: list[str] = []
    lines = Lines(lambda text: said.append(str(text)), clock=lambda: 0.0)
    lines.notes(["first", "second"])
    assert said == []
    lines.phase("distil")
    lines.phase("score")
    assert said == ["note: first", "note: second", "distil", "score"]


def test_notes_are_told_at_the_end_where_nothing_else_is_and_not_before_a_refusal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bar() as progress:
        progress.notes(["known"])
    assert capsys.readouterr().err == "note: known\n"
    with pytest.raises(InputError), bar() as progress:
        progress.notes(["known"])
        raise InputError("no")
    assert capsys.readouterr().err == ""


def test_steps_that_take_otherwise_later_on_are_told_by_what_each_takes() -> None:
    now, said = [0.0], list[str]()
    lines = Lines(lambda text: said.append(str(text)), clock=at(now))
    course = Course(2.0, turn=50, later=0.1)
    lines.estimate(course.seconds(0, 1050))
    lines.weigh("steps", lambda done: course.seconds(0, done))
    for step in range(1050):
        now[0], count = course.seconds(0, step), len(said)
        lines.update(step, 1050, "distilling", unit="steps")
        if len(said) > count:
            assert said[-1].endswith(f" of 1,050 steps, {duration(200 - now[0])} left")
    assert len(said) > 5
    # Where nobody knows nothing is told, and what comes next is counted by itself.
    for phase, knows in (("distil", False), ("evaluate", True)):
        lines.phase(phase)
        if not knows:
            lines.weigh("steps", None)
        for step in range(10):
            now[0] += EVERY
            lines.update(step, 100, "distilling", unit="steps")
        assert said[-1] == "distilling: 9 of 100 steps" + f", {duration(91 * EVERY)} left" * knows


def test_a_run_tells_what_is_left_by_the_steps_that_will_take_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(Silent):
        def __init__(self) -> None:
            self.seconds, self.work = list[float](), list[Callable[[float], float] | None]()

        def estimate(self, seconds: float) -> None:
            self.seconds.append(seconds)

        def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
            self.work.append(work)

    now, step = [0.0], Distillation.step

    def timed(run: Distillation, state: State) -> State:
        now[0] += 4.0 if int(state.step) < 6 else 0.25
        return step(run, state)

    monkeypatch.setattr(Distillation, "step", timed)
    for module in (course_module, watching):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    told = Told()
    session = limbeck.Session(tmp_path, progress=told)
    session.paces["mlp-w4"] = PaceOf(1e15, 0.001)
    recipe = compose(recipe_for("dm", "digits", 1), {"objective.draws": 7})
    limbeck.distill(
        limbeck.load("digits"), replace(recipe, steps=100), ipc=1, network="mlp-w4", checks=2, session=session
    )
    (seconds,), (unknown, work) = told.seconds, told.work
    assert unknown is None and work is not None
    # Two steps are left out, one is measured, and three of four seconds are to come; a check is 300 steps and a third.
    check = 300 * 0.001 + 0.001 / 3
    assert seconds == pytest.approx(3 * 4.0 + 94 * 0.25 + 2 * check)
    assert work(6) == pytest.approx(24) and work(100) - work(49) == pytest.approx(51 * 0.25 + 2 * check)
