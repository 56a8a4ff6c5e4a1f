"""Where no method is named, measurements choose one: by work, size and data, the same one each time, and it is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import limbeck
from limbeck.cli import main
from limbeck.core.errors import InputError
from limbeck.learn.population import operations
from limbeck.recipes import RECIPES, recipe_for
from limbeck.recipes.measured import OVER, Measurement, measurements, ranked
from limbeck.runs import choosing
from limbeck.runs.choosing import choose
from limbeck.runs.pace import Pace

NETWORK = "mlp-w4"


def row(recipe: str, mean: float, seconds: float = 1.0, numbers: int = 64, ipc: int = 1) -> Measurement:
    """A measurement on a machine that reads 100 examples a second."""
    return Measurement(
        recipe, {}, f"data of {numbers}", numbers, ipc, 0, seconds, 100.0, [mean - 0.01, mean, mean + 0.01]
    )


def names(rows: list[Measurement]) -> list[str]:
    return [each.recipe for each in rows]


def test_the_highest_of_what_there_is_work_for_comes_first_and_each_once() -> None:
    rows = [row("a", 0.6, 10), row("b", 0.5, 1), row("b", 0.7, 20), row("c", 0.9, 100), row("d", 0.4, 0.1)]
    assert names(ranked(rows, 64, 1, 100 * 10)) == ["a", "b", "d"]
    assert [(each.recipe, each.score[0]) for each in ranked(rows, 64, 1, 100 * 20)] == [
        ("b", pytest.approx(0.7)), ("a", pytest.approx(0.6)), ("d", pytest.approx(0.4)),
    ]  # fmt: skip
    assert names(ranked(rows, 64, 1, 100 * 100)) == ["c", "b", "a", "d"]
    # Times are known to a factor: a little over is taken, more is not.
    assert "c" in names(ranked(rows, 64, 1, 100 * 100 / OVER)) and "c" not in names(ranked(rows, 64, 1, 60 * 100))
    assert ranked([], 64, 1, 1.0) == []


def test_data_are_those_nearest_in_size_and_of_these_the_nearest_number_of_items() -> None:
    rows = [row("small", 0.5), row("large", 0.5, numbers=3072), row("few", 0.5, ipc=1), row("many", 0.5, ipc=10)]
    assert names(ranked(rows, 100, 1, 1e9)) == ["small", "few"] and names(ranked(rows, 2000, 1, 1e9)) == ["large"]
    # Between 1 and 10 the middle is the root of 10.
    assert names(ranked(rows, 64, 3, 1e9)) == ["small", "few"] and names(ranked(rows, 64, 4, 1e9)) == ["many"]


def test_what_is_kept_was_measured_of_methods_there_are_and_random_always_fits() -> None:
    rows = measurements()
    assert {each.recipe for each in rows} <= set(RECIPES) and {each.ipc for each in rows} >= {1, 10}
    for each in rows:
        assert len(each.validation) >= 3 and each.seconds > 0 and each.passes > 0 and 0 <= each.score[0] <= 1
        assert bool(each.steps) == bool(recipe_for(each.recipe, each.data, each.ipc).steps)
    for numbers in {each.numbers for each in rows}:
        for ipc in {each.ipc for each in rows if each.numbers == numbers}:
            assert "random" in names(ranked(rows, numbers, ipc, 1e5))


def test_minutes_are_told_in_those_of_the_machine_of_the_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = limbeck.load("digits")
    rows = (row("dm", 0.8, 60), row("random", 0.6, 0.1), row("kmeans", 0.7, 1.0))
    monkeypatch.setattr(choosing, "measurements", lambda: rows)
    with limbeck.Session(tmp_path) as session:
        each = operations(session.problem(task, NETWORK))
        # This machine reads 50 examples a second, half of those there: a minute there is two here.
        session.paces[NETWORK] = Pace(50 * each, 0.0)
        assert choose(task, NETWORK, 1, 2.0, session).name == "dm"
        short = choose(task, NETWORK, 1, 2 / OVER - 0.01, session)
        assert short.name == "kmeans" and "in work that takes 40 s there and 1.32333 min here" in short.why
        assert "kmeans 70.0 % (67.5 to 72.5 %), random 60.0 %" in short.why and "not told apart" not in short.why
        # What was told of the machine is kept, until it is asked for anew.
        session.paces[NETWORK] = Pace(1e6 * each, 0.0)
        assert choose(task, NETWORK, 1, 1.0, session).name == "kmeans"
        assert choose(task, NETWORK, 1, 1.0, session, fresh=True).name == "dm"
        near = (replace(rows[0], validation=[0.65, 0.75, 0.85]), *rows[1:])
        monkeypatch.setattr(choosing, "measurements", lambda: near)
        assert "not told apart from kmeans, random; --recipe" in choose(task, NETWORK, 1, 5.0, session).why


def test_what_a_class_has_too_few_examples_for_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = limbeck.load("digits")
    monkeypatch.setattr(choosing, "measurements", lambda: (row("kmeans", 0.9), row("dm", 0.5, 1.0)))
    many = 1 + min(map(len, task.groups("train")))
    with limbeck.Session(tmp_path) as session:
        session.paces[NETWORK] = Pace(1e18, 0.0)
        assert [choose(task, NETWORK, ipc, 1.0, session).name for ipc in (1, many)] == ["kmeans", "dm"]
        session.paces[NETWORK] = Pace(1.0, 0.0)
        with pytest.raises(InputError, match=f"none that was measured fits into 1 min with {many} items of each class"):
            choose(task, NETWORK, many, 1.0, session, fresh=True)


def test_the_command_says_what_it_took_and_why_and_finds_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = f"distill digits --ipc 1 --network {NETWORK} --checks 0 --runs runs --minutes 0.02".split()
    assert main(words) == 0
    first = capsys.readouterr()
    (chosen,) = re.findall(
        r"note: (\S+) is taken, as no recipe was named: of \d+ methods measured on digits", first.err
    )
    made = limbeck.DistilledSet.load(Path(f"digits-{chosen}-ipc1.safetensors"))
    assert f"settings  {chosen} by settings" in first.out
    assert main(words) == 0
    assert "found: made on" in capsys.readouterr().out
    with limbeck.Session("runs") as session:
        again = limbeck.distill("digits", ipc=1, network=NETWORK, minutes=0.02, checks=0, session=session)
    assert again.header() == made.header()


def test_a_recipe_an_option_or_steps_ask_for_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("limbeck.cli.distill.choose", lambda *_: pytest.fail("nothing is to be chosen"))
    plain = f"distill digits --ipc 1 --network {NETWORK} --checks 0 --runs runs --quiet".split()
    for number, more in enumerate(
        ("--steps 1", "--minutes 0.01 --recipe random", "--minutes 5 --steps 1 --start noise")
    ):
        assert main([*plain, *more.split(), "--out", f"{number}.safetensors"]) == 0
    with limbeck.Session("runs") as session:
        found = limbeck.distill("digits", ipc=1, network=NETWORK, steps=1, checks=0, session=session)
    assert found.header() == limbeck.DistilledSet.load(Path("0.safetensors")).header()


def test_what_is_no_time_or_size_or_has_another_metric_is_refused(tmp_path: Path) -> None:
    with limbeck.Session(tmp_path) as session:
        with pytest.raises(InputError, match="minutes 0: expected a number above 0"):
            limbeck.distill("digits", ipc=1, network=NETWORK, minutes=0, session=session)
        with pytest.raises(InputError, match="ipc 0: expected at least one item per class"):
            limbeck.distill("digits", ipc=0, network=NETWORK, minutes=1, session=session)
        with pytest.raises(InputError, match="measured by accuracy, and cartpole has return; name one"):
            limbeck.distill("cartpole", ipc=1, minutes=1, session=session)
