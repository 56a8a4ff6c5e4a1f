"""Options become compositions: exact values, exact types, exact messages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Any, Literal

import pytest

from limbeck.composition import Recipe
from limbeck.computations.experts import Experts
from limbeck.core.errors import InputError
from limbeck.core.expect import FieldError
from limbeck.core.register import Register
from limbeck.core.values import convert, wanted
from limbeck.learn.augment import Siamese
from limbeck.learn.distances import GlobalCosine, RowAngleAndMagnitude, RowCosine
from limbeck.learn.optim import SGD, Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import Distribution, Gradient, Trajectory
from limbeck.options import compose, options_of
from limbeck.recipes import SELECTIONS
from limbeck.recipes.contract import Method
from limbeck.recipes.selections import Selections
from limbeck.schedules import Fixed, LearnedRates
from limbeck.starts import Herding, KMeans, Noise, Real, Relabelled

BASE = Recipe(objective=Gradient(), optimizer=SGD(learning_rate=0.5, momentum=0.5), steps=7)


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("7", int, 7),
        (" -3 ", int, -3),
        ("1e-3", float, 0.001),
        (2, float, 2.0),
        ("true", bool, True),
        ("No", bool, False),
        ("none", int | None, None),
        ("null", float | None, None),
        ("8", int | None, 8),
        ("none", str, "none"),
        ("[flip, 'crop']", tuple[str, ...], ("flip", "crop")),
        ("0.1,1", tuple[float, ...], (0.1, 1.0)),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ("[]", tuple[int, ...], ()),
        ("[3,x]", tuple[int, str], (3, "x")),
        ("fast", Literal["fast", "slow"], "fast"),
    ],
)
def test_a_value_becomes_one_of_the_type_that_is_asked_for(value: Any, hint: Any, expected: Any) -> None:
    found = convert(value, hint, "--it")
    assert found == expected and type(found) is type(expected)
    if isinstance(found, tuple):
        assert [type(item) for item in found] == [type(item) for item in expected]


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("many", int, "--it: found many, expected a whole number"),
        ("1.5", int, "--it: found 1.5, expected a whole number"),
        (1.0, int, "--it: found 1.0, expected a whole number"),
        (True, int, "--it: found True, expected a whole number"),
        (True, float, "--it: found True, expected a number"),
        ("", float, "--it: found , expected a number"),
        ("1", bool, "--it: found 1, expected true or false"),
        (3, str, "--it: found 3, expected text"),
        (None, int, "--it: found None, expected a whole number"),
        ("x", int | None, "--it: found x, expected a whole number, or none"),
        ("[1,x]", tuple[int, ...], "--it: found [1,x], expected a list such as [1, 2]"),
        ("[1]", tuple[int, int], "--it: found [1], expected a list such as [1, 2]"),
        ("medium", Literal["fast", "slow"], "--it: found medium, expected one of fast, slow"),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_option(value: Any, hint: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        convert(value, hint, "--it")
    assert str(refused.value) == message and message.endswith(wanted(hint))


def test_options_reach_the_parts_whatever_their_order() -> None:
    options = {
        "objective.distance.angle": "2",
        "objective.distance": "row-angle-and-magnitude",
        "objective.augment.operations": "[flip]",
        "start": "noise",
        "optimizer.learning_rate": 3,
        "steps": "9",
    }
    expected = Recipe(
        start=Noise(),
        objective=Gradient(distance=RowAngleAndMagnitude(angle=2.0), augment=Siamese(operations=("flip",))),
        optimizer=SGD(learning_rate=3.0, momentum=0.5),
        steps=9,
    )
    assert compose(BASE, options) == compose(BASE, dict(reversed(options.items()))) == expected
    assert compose(BASE, {}) == BASE


def test_a_part_named_anew_has_its_defaults_and_one_that_stays_keeps_its_fields() -> None:
    assert compose(BASE, {"optimizer": "adam"}).optimizer == Adam()
    assert compose(BASE, {"optimizer": "sgd"}).optimizer == BASE.optimizer
    assert compose(BASE, {"objective": "none", "steps": 0}) == replace(BASE, objective=None, steps=0)
    assert compose(BASE, {"objective.augment": None}).objective == Gradient(augment=None)
    assert compose(Recipe(), {"objective": "trajectory"}).objective == Trajectory()


def test_a_part_is_a_name_a_mapping_its_text_or_a_value() -> None:
    made = Relabelled(KMeans(images=5), epoch=3)
    asked = {"part": "relabelled", "start": {"part": "kmeans", "images": 5}, "epoch": 3}
    for value in (made, asked, '{"part": "relabelled", "start": {"part": "kmeans", "images": 5}, "epoch": 3}'):
        assert compose(BASE, {"start": value}).start == made
    assert compose(BASE, {"optimizer": {"momentum": 0.1}}).optimizer == SGD(learning_rate=0.5, momentum=0.1)
    assert compose(BASE, {"optimizer": {"momentum": 0.1}, "optimizer.momentum": "0.2"}).optimizer.momentum == 0.2


def test_several_options_of_a_part_are_checked_together() -> None:
    changed = compose(Recipe(objective=Trajectory()), {"objective.latest": 60, "objective.experts.epochs": 80})
    assert changed.objective == Trajectory(latest=60, experts=Experts(epochs=80))
    assert compose(Recipe(schedule=LearnedRates()), {"schedule.around.steps": "3"}).schedule == LearnedRates(
        around=Fixed(steps=3, optimizer=Momentum(0.0))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective.per_class": -4}, "<objective.per_class>: found -4, expected a number of at least 1"),
        ({"objective.per_class": "0"}, "<objective.per_class>: found 0, expected a number of at least 1"),
        ({"optimizer.learning_rate": "-1"}, "<optimizer.learning_rate>: found -1.0, expected a number above 0"),
        ({"optimizer.learning_rate": "inf"}, "<optimizer.learning_rate>: found inf, expected a number above 0"),
        ({"optimizer.momentum": 2}, "<optimizer.momentum>: found 2.0, expected a number from 0 to below 1"),
        ({"optimizer.weight_decay": -1}, "<optimizer.weight_decay>: found -1.0, expected a number of at least 0"),
        (
            {"schedule.optimizer.momentum": 1},
            "<schedule.optimizer.momentum>: found 1.0, expected a number from 0 to below 1",
        ),
        ({"steps": -1}, "<steps>: found -1, expected a number of at least 0"),
        ({"objective.outer": 1.5}, "<objective.outer>: found 1.5, expected a whole number"),
        ({"objective.window": 1}, "unknown option '<objective.window>': did you mean"),
        ({"objective.outer.more": 1}, "unknown option '<objective.outer.more>': did you mean '<objective.outer>'?"),
        ({"objectiv.outer": 1}, "unknown option '<objectiv.outer>': did you mean '<objective.outer>'"),
        ({"zzz": 1}, "unknown option '<zzz>': choose from <"),
        ({"start": "herdin"}, "<start>: unknown part 'herdin': did you mean 'herding'?"),
        ({"start": "none"}, "<start>: found none, expected one of allocated-centroids, centroids,"),
        ({"start": GlobalCosine()}, "<start>: found GlobalCosine(), expected one of allocated-centroids,"),
        ({"start": "{part"}, "<start>: found '{part', expected JSON"),
        ({"target_optimizer.clip": 1}, "<target_optimizer.clip>: there is no target optimizer here; choose one with <"),
        (
            {"objective.augment": None, "objective.augment.crop": 1},
            "<objective.augment.crop>: there is no augment of objective here",
        ),
    ],
)
def test_a_wrong_option_is_refused_as_it_is_spelled(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        compose(BASE, options, "<{}>".format)
    assert str(refused.value).startswith(message)


def test_the_options_of_a_recipe_are_those_that_compose_takes() -> None:
    found = {option.path: option for option in options_of(BASE)}
    assert {"start", "objective.distance", "objective.augment.crop", "target_optimizer", "steps"} <= found.keys()
    assert found["objective.distance"].choices == tuple(sorted(found["objective.distance"].choices))
    assert found["objective.distance"].default == "row-cosine" and found["target_optimizer"].default == "none"
    for path, option in found.items():
        same = option.default
        assert compose(BASE, {path: same}) == BASE, path


def test_a_field_error_names_its_part_and_field() -> None:
    with pytest.raises(FieldError, match=r"^sgd\.momentum: found 1.0, expected a number from 0 to below 1$"):
        SGD(momentum=1.0)
    with pytest.raises(FieldError, match=r"^herding\.images: found 0, expected a number of at least 1$"):
        Herding(images=0)
    with pytest.raises(FieldError, match=r"^distribution\.per_class: found True"):
        Distribution(per_class=True)


def test_each_group_has_its_own_optimizer_or_the_common_one() -> None:
    recipe = replace(BASE, schedule_optimizer=Adam())
    assert [recipe.optimizer_of(group) for group in ("inputs", "targets", "schedule")] == [
        BASE.optimizer,
        BASE.optimizer,
        Adam(),
    ]
    assert replace(recipe, target_optimizer=SGD(2.0)).optimizer_of("targets") == SGD(2.0)


MINE = Method("mine", "A selection of a package.", "us", "none", Recipe(start=KMeans(images=9)))
STEPPED = Method("stepped", "A method of a package.", "us", "much", BASE)


def test_an_installed_recipe_is_registered_and_without_steps_a_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("a_package")
    package.__dict__.update(MINE=MINE, STEPPED=STEPPED, NUMBER=3)
    monkeypatch.setitem(sys.modules, "a_package", package)
    values = ["a_package:MINE", "a_package:STEPPED", "a_package:NUMBER", "not_there:METHOD"]
    points = [EntryPoint(value.partition(":")[2].lower(), value, "limbeck.recipe") for value in values]
    of_recipes: Callable[..., Any] = lambda group="": points if group == "limbeck.recipe" else EntryPoints(())  # noqa: E731
    monkeypatch.setattr("limbeck.core.register.entry_points", of_recipes)
    monkeypatch.setattr("limbeck.core.register._BROKEN", set())
    listed = Method("own", "Ours.", "us", "none", Recipe())
    register = Register("recipe", Method, [listed])
    with pytest.warns(UserWarning, match="left out") as warned:
        assert list(register) == ["mine", "own", "stepped"] and register["mine"] is MINE
    number, missing = (str(each.message) for each in warned)
    assert "'number' is left out: found 3, expected a limbeck.recipes.contract.Method" in number
    assert "'method' is left out: it cannot be imported (ModuleNotFoundError: No module named 'not_there')" in missing
    assert Selections(register).starts == {"mine": KMeans(images=9), "own": Real()}
    assert "mine" in register and "other" not in register
    with pytest.raises(InputError, match="unknown recipe 'stepp': did you mean 'stepped'?"):
        register["stepp"]


def test_the_selections_are_the_coresets() -> None:
    assert {"craig", "herding", "kcenter", "kmeans", "moderate", "random", "random-soft", "rded"} < set(SELECTIONS)
    assert list(SELECTIONS) == sorted(SELECTIONS) and SELECTIONS["random"] == Real()
    with pytest.raises(InputError, match="unknown selection 'herdin': did you mean 'herding'"):
        SELECTIONS["herdin"]
    assert RowCosine() == BASE.objective.distance  # type: ignore[union-attr]
