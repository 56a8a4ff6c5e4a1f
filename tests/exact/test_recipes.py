"""Published methods as data: every setting composes, every figure has a source, and sizes get their own settings."""

from __future__ import annotations

import pytest

from limbeck.composition import SELECTIONS
from limbeck.core.errors import InputError
from limbeck.learn.networks import build
from limbeck.objectives import Gradient, TrainedDistribution, Trajectory
from limbeck.options import compose
from limbeck.protocols import PROTOCOLS
from limbeck.recipes import RECIPES, published, recipe_for, summaries
from limbeck.recipes.contract import ITS_OWN, NOT_STATED
from limbeck.starts import Noise

methods = pytest.mark.parametrize("name", sorted(RECIPES))
LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
SIDES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32), "cifar100": (3, 32, 32), "tiny_imagenet": (3, 64, 64)}


@methods
def test_every_published_setting_composes_and_is_the_one_that_is_taken(name: str) -> None:
    method = RECIPES[name]
    assert method.name == name
    for (data, ipc, whitened), options in method.published.items():
        assert recipe_for(name, data, ipc, whitened) == compose(method.recipe, options)
        assert method.nearest(data, ipc, whitened) == (data, ipc, whitened)
        assert method.provenance(data, ipc, whitened).startswith(f"published for {data}")


@methods
def test_every_expected_figure_has_a_source_and_says_what_it_is_of(name: str) -> None:
    for row in RECIPES[name].expected:
        assert row.source and 0 < row.mean < 1 and row.ipc >= 1
        assert row.deviation is None or 0 <= row.deviation < 1
        assert row.protocol in (*PROTOCOLS, ITS_OWN, NOT_STATED)
        assert build(row.network, SIDES[row.data], 10).name
        assert f"{100 * row.mean:.1f}" in str(row) and row.source in str(row)


@methods
def test_what_differs_from_the_source_is_said_in_sentences(name: str) -> None:
    method = RECIPES[name]
    assert all(each.endswith(".") and len(each) < 200 for each in method.deviations)
    assert method.deviations or not method.recipe.steps
    assert {"name": name, "summary": method.summary}.items() <= {
        row["name"]: row for row in summaries() if isinstance(row["name"], str)
    }[name].items()


@pytest.mark.parametrize("name", ["dc", "dsa"])
def test_the_loops_of_gradient_matching_are_those_published_for_the_size(name: str) -> None:
    for ipc, (outer, inner) in LOOPS.items():
        recipe = recipe_for(name, "cifar10", ipc)
        assert isinstance(recipe.objective, Gradient)
        assert (recipe.objective.outer, recipe.objective.inner, recipe.steps) == (outer, inner, 1000 * outer)
    for ipc, nearest in ((4, 1), (7, 10), (15, 10), (1000, 50)):
        assert recipe_for(name, "mnist", ipc) == recipe_for(name, "cifar10", nearest)


def test_settings_follow_data_whitening_and_size_in_this_order() -> None:
    mtt = published("mtt")
    assert mtt.nearest("digits", 1, False) == ("cifar10", 10, False)
    assert mtt.nearest("cifar10", 2, True) == ("cifar10", 1, True)
    assert mtt.provenance("digits", 1) == (
        "published for cifar10 at IPC 10, the nearest; none are published for digits at IPC 1"
    )
    assert published("random").provenance("digits", 1) == "the same for all data and sizes"
    with pytest.raises(InputError, match="unknown recipe 'dmm': did you mean 'dm'"):
        recipe_for("dmm", "digits", 1)


def test_sizes_have_the_numbers_that_were_published_for_them() -> None:
    first, tenth, fiftieth = (recipe_for("idm", "cifar10", ipc).objective for ipc in (1, 10, 50))
    assert (first, tenth) == (TrainedDistribution(per_class=5000, interval=5), TrainedDistribution())
    assert fiftieth == TrainedDistribution(weight=10.0)
    assert [recipe_for("dm", "cifar10", ipc).optimizer.learning_rate for ipc in (1, 10, 50, 100)] == [1, 1, 1, 10]  # type: ignore[attr-defined]
    whitened = recipe_for("mtt", "cifar10", 1, True)
    assert whitened.objective == Trajectory(latest=2) and whitened.schedule.around.steps == 50  # type: ignore[attr-defined]
    # To first order a step of d on the logarithm of 0.01 moves it by 0.01 d, from a gradient 0.01 times as large.
    assert whitened.schedule_optimizer.learning_rate * 0.01**2 == pytest.approx(1e-7)  # type: ignore[attr-defined]
    assert recipe_for("mtt", "cifar10", 10).schedule_optimizer.learning_rate * 0.01**2 == pytest.approx(1e-5)  # type: ignore[attr-defined]
    assert recipe_for("mtt", "cifar10", 10, True).objective == Trajectory(latest=20)
    tesla = recipe_for("tesla", "cifar10", 1)
    assert tesla.objective == Trajectory(latest=5, alone=True) and tesla.steps == 10_000
    assert tesla.schedule.around.steps == 50  # type: ignore[attr-defined]
    assert tesla.schedule_optimizer.learning_rate * 0.01**2 == pytest.approx(1e-7)  # type: ignore[attr-defined]
    hundred = recipe_for("tesla", "cifar100", 50, True)
    assert hundred.objective == Trajectory(latest=40, alone=True) and hundred.schedule.around.steps == 80  # type: ignore[attr-defined]
    assert recipe_for("rat-bptt", "cifar10", 10, True).start == Noise(norm=1.0)


def test_the_recipes_of_no_step_are_the_selections() -> None:
    still = {name: RECIPES[name].recipe.start for name in RECIPES if not RECIPES[name].recipe.steps}
    assert still == SELECTIONS.starts
