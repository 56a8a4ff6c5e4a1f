"""Published methods as data: every setting composes, every figure has a source, and sizes get their own settings."""

from __future__ import annotations

import pytest

from limbeck.core.errors import InputError
from limbeck.core.family import to_spec
from limbeck.learn.networks import EXAMPLES, build
from limbeck.options import compose
from limbeck.protocols import PROTOCOLS
from limbeck.recipes import RECIPES, SELECTIONS, published, recipe_for, summaries
from limbeck.recipes.contract import ITS_OWN, NOT_STATED
from limbeck.recipes.likeness import leaves
from published_settings import SOURCES

methods = pytest.mark.parametrize("name", sorted(RECIPES))
SIDES = {
    "mnist": (1, 28, 28),
    "fashion_mnist": (1, 28, 28),
    "svhn": (3, 32, 32),
    "cifar10": (3, 32, 32),
    "cifar100": (3, 32, 32),
    "tiny_imagenet": (3, 64, 64),
    "cora": EXAMPLES["graphs"],
    "citeseer": EXAMPLES["graphs"],
}
OF_SERIES = {"facesucr": (1, 131), "twopatterns": (1, 128)}


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
        shape, takes = OF_SERIES.get(row.data) or SIDES[row.data], "series" if row.data in OF_SERIES else "images"
        # A protocol that brings learners of its own asks for no network.
        side = shape if row.network else ()
        takes = "graphs" if isinstance(side, dict) else takes
        assert row.protocol == "krr" if not row.network else build(row.network, side, 10, takes).name
        assert f"{100 * row.mean:.1f}" in str(row) and row.source in str(row)


@methods
def test_what_differs_from_the_source_is_said_in_sentences(name: str) -> None:
    method = RECIPES[name]
    assert all(each.endswith(".") and len(each) < 200 for each in method.deviations)
    assert method.deviations or not method.recipe.steps
    assert method.matches == all("kept for validation" in each for each in method.deviations)
    (row,) = [row for row in summaries() if row["name"] == name]
    assert row["summary"] == ("" if method.matches else "In the manner of the source: ") + method.summary


def test_which_recipes_are_the_published_ones_and_which_in_their_manner() -> None:
    assert {name for name in SOURCES if RECIPES[name].matches} == {"dm", "dc", "dsa", "mtt", "tesla"}


RUNS = [(name, *setting) for name, runs in SOURCES.items() for setting in runs]


@pytest.mark.parametrize(("name", "data", "ipc", "whitened"), RUNS)
def test_a_published_run_is_what_its_source_says_field_by_field(name: str, data: str, ipc: int, whitened: bool) -> None:
    found = leaves(to_spec(recipe_for(name, data, ipc, whitened)))
    assert found == SOURCES[name][data, ipc, whitened]


def test_every_published_run_was_read_from_a_source() -> None:
    published_runs = {(name, *setting) for name in RECIPES for setting in RECIPES[name].published}
    assert published_runs == set(RUNS)
    assert {name for name in RECIPES if RECIPES[name].settings_from} == set(SOURCES)


@pytest.mark.parametrize("name", ["dc", "dsa"])
def test_a_size_between_two_published_ones_has_the_settings_of_the_nearest(name: str) -> None:
    for ipc, nearest in ((4, 1), (7, 10), (15, 10), (1000, 50)):
        assert recipe_for(name, "digits", ipc) == recipe_for(name, "cifar10", nearest)


def test_settings_follow_data_whitening_and_size_in_this_order() -> None:
    mtt = published("mtt")
    assert mtt.nearest("digits", 20, False) == ("cifar10", 10, False)
    assert mtt.nearest("cifar10", 2, True) == ("cifar10", 1, True)
    assert mtt.nearest("cifar100", 10, True) == ("cifar100", 1, True)
    assert mtt.provenance("digits", 1) == ("published for cifar10 at IPC 1, the nearest to digits at IPC 1")
    assert published("random").provenance("digits", 1) == "that are the same for all data and sizes"
    with pytest.raises(InputError, match="unknown recipe 'dmm': did you mean 'dm'"):
        recipe_for("dmm", "digits", 1)


def test_series_have_settings_of_their_own_where_none_were_published_for_them() -> None:
    dm = published("dm")
    for data in ("gunpoint", "series:FOLDER"):
        assert recipe_for("dm", data, 10).optimizer.learning_rate == 0.01
        assert dm.provenance(data, 10) == "that are limbeck's own for series, chosen on validation examples"
        assert dm.number(data) == "usual"
    for data in ("digits", "fsdd", "adult"):
        assert recipe_for("dm", data, 10).optimizer.learning_rate == 1.0 and dm.number(data) == "published"
    # What was published for a set of series is taken for it.
    assert published("sre2l").provenance("facesucr", 10).startswith("published for facesucr")


def test_the_recipes_of_no_step_are_the_selections() -> None:
    still = {name: RECIPES[name].recipe.start for name in RECIPES if not RECIPES[name].recipe.steps}
    chosen = {name: start for name, start in still.items() if not start.makes}
    made = {"c2tc", "centroids", "cgc", "cgc-x", "coarsening", "smote", "tdcoler"}
    assert chosen == SELECTIONS.starts and still.keys() - chosen == made
