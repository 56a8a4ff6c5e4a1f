"""Sets of rows that are made of rows: centres in spaces, classes that share a budget, and rows between rows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

import strange_tasks
import tabular
from limbeck.cli import main
from limbeck.cli.tables import further, regret_in
from limbeck.computations.contract import ProbeContext
from limbeck.computations.row_autoencoder import RowAutoencoder, as_rows, choices_of
from limbeck.core.contracts import NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation, distill
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import entries
from limbeck.learn.row_autoencoder import decoded, encoded
from limbeck.options import compose
from limbeck.protocols import named
from limbeck.recipes import published
from limbeck.starts import AllocatedCentroids, AsSeen, Centroids, Codes, EmbeddedCategories, Interpolated, Principal
from limbeck.starts.allocated_centroids import allocated
from limbeck.starts.centroids import TRIES, clustered
from limbeck.starts.interpolated import between
from limbeck.state import Unkept
from limbeck.tasks import load

KEY, CPU = Key(("table methods",)), torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tabular.write(tmp_path_factory.mktemp("methods") / "people.csv", tabular.drawn())


@pytest.fixture(scope="module")
def problem(place: str) -> Problem:
    task = load(place)
    return Problem(task, task.network("mlp-w8"), CPU, NoCache())


def by_class(problem: Problem) -> list[torch.Tensor]:
    return [problem.task.load("train", each).inputs.double() for each in problem.task.groups("train")]


def compositions(total: int, sizes: list[int]) -> list[tuple[int, ...]]:
    every = itertools.product(*(range(1, size + 1) for size in sizes))
    return [each for each in every if sum(each) == total]


def test_budgets_by_local_search_are_the_best_of_all_where_each_further_item_brings_less() -> None:
    for trial in range(30):
        key = KEY.fold("budgets", trial)
        sizes = (3 + key.fold("sizes").integers(6, 3)).tolist()
        total = 3 + int(key.fold("total").integers(sum(sizes) - 3, 1))
        # What an item takes away, less with each.
        falls = key.fold("falls").uniform(3, 12).sort(1, descending=True).values

        def cost(label: int, count: int, falls: torch.Tensor = falls) -> float:
            return float(-falls[label, :count].sum())

        found = allocated(sizes, total, cost)
        assert sum(found) == total and all(1 <= count <= size for count, size in zip(found, sizes, strict=True))
        best = min(sum(map(cost, range(3), each)) for each in compositions(total, sizes))
        assert sum(map(cost, range(3), found)) == pytest.approx(best)


def test_classes_of_a_table_have_as_many_centres_as_the_best_of_all_budgets(tmp_path: Path) -> None:
    # One class is in one place, one in two, and one in four.
    places = {"one": [0.0], "two": [10.0, 14.0], "four": [30.0, 36.0, 42.0, 48.0]}
    noise = KEY.fold("places").normal(96).tolist()
    drawn = [(name, where[row % len(where)] + noise[row]) for name, where in places.items() for row in range(32)]
    table = {"at": [value for _, value in drawn], "label": [name for name, _ in drawn]}
    task = load(tabular.write(tmp_path / "places.csv", table))
    problem = Problem(task, task.network("mlp-w4"), CPU, NoCache())
    start = AllocatedCentroids(gamma=1.0)
    picked = start.pick(problem, 2, KEY)
    parts = by_class(problem)

    def cost(label: int, count: int) -> float:
        return clustered(parts[label], count, KEY.fold("clusters", label))[1] / len(parts[label])

    best = min(compositions(6, [4] * 3), key=lambda each: sum(map(cost, range(3), each)))
    assert tuple(picked.classes.bincount().tolist()) == best
    assert dict(zip(task.classes, best, strict=True)) == {"one": 1, "two": 2, "four": 3}
    assert len(picked.classes) == 6 and torch.equal(picked.targets.argmax(1), picked.classes)


def test_centres_in_principal_components_are_k_means_there_brought_back(problem: Problem) -> None:
    picked = Centroids(space=Principal(3)).pick(problem, 4, KEY)
    parts = by_class(problem)
    pca = PCA(3).fit(torch.cat(parts).numpy())
    for label, part in enumerate(parts):
        found = picked.inputs[picked.classes == label]
        seed = KEY.fold("clusters", label).seed % 2**32
        model = KMeans(4, n_init=TRIES, random_state=seed).fit(pca.transform(part.numpy()))
        order = np.argsort(-np.bincount(model.labels_), kind="stable")
        expected = pca.inverse_transform(model.cluster_centers_[order])
        # Axes may point either way, so that clusterings may begin otherwise: both end in centres of their own points.
        codes = pca.transform(found.double().numpy())
        nearest = ((pca.transform(part.numpy())[:, None] - codes[None]) ** 2).sum(2)
        means = np.stack([part.numpy()[nearest.argmin(1) == each].mean(0) for each in range(4)])
        np.testing.assert_allclose(codes, pca.transform(means), atol=1e-3)
        assert nearest.min(1).sum() <= 1.1 * model.inertia_
        np.testing.assert_allclose(found, pca.inverse_transform(codes), atol=1e-5)
        assert expected.shape == found.shape


def test_a_linear_autoencoder_comes_to_principal_components(problem: Problem) -> None:
    # Of numbers alone, whose error is that of principal components (Baldi & Hornik, 1989).
    numbers = {name: values for name, values in tabular.drawn(200).items() if name in ("size", "label")}
    numbers |= {f"n{at}": (KEY.fold("mixed").normal(200, 3) @ KEY.fold("to", at).normal(3)).tolist() for at in range(5)}
    task = load(tabular.write(Path(problem.task.name.removeprefix("table:")).with_name("numbers.csv"), numbers))
    asked = RowAutoencoder(code=2, width=1, steps=120, learning_rate=0.05, depth=0, labels=0.0)
    trained = ProbeContext(Problem(task, task.network("mlp-w4"), CPU, NoCache())).outcome(asked)
    train, form = task.load("train").inputs, asked.form(task)
    back = decoded(form, trained["decoder"], encoded(form, trained["encoder"], train), ())
    pca = PCA(2).fit(train.numpy())
    best = float(((pca.inverse_transform(pca.transform(train.numpy())) - train.numpy()) ** 2).sum())
    assert best < float((back - train).square().sum()) < 1.1 * best
    # A centre of codes is the mean of what becomes of its rows, as everything is linear.
    problem = Problem(task, task.network("mlp-w4"), CPU, NoCache())
    picked = Centroids(space=Codes(code=2, width=1, depth=0, labels=0.0, steps=20)).pick(problem, 1, KEY)
    few = ProbeContext(problem).outcome(RowAutoencoder(2, 1, 20, depth=0, labels=0.0))
    for label, part in enumerate(by_class(problem)):
        back = decoded(form, few["decoder"], encoded(form, few["encoder"], part.float()), ())
        torch.testing.assert_close(picked.inputs[label], back.mean(0), atol=1e-5, rtol=1e-4)


def test_all_components_of_categories_change_no_distance(problem: Problem) -> None:
    every, plain = (Centroids(space=space).pick(problem, 1, KEY) for space in (EmbeddedCategories(99), AsSeen()))
    torch.testing.assert_close(every.inputs, plain.inputs, atol=1e-5, rtol=1e-4)
    for label, part in enumerate(by_class(problem)):
        torch.testing.assert_close(plain.inputs[label].double(), part.mean(0), atol=1e-6, rtol=1e-5)


def test_codes_name_the_class_and_centres_of_them_are_rows_where_that_is_asked(problem: Problem) -> None:
    space = Codes(code=4, width=32, steps=80)
    picked = Centroids(space=space, whole=True).pick(problem, 2, KEY)
    torch.testing.assert_close(as_rows(problem.task, picked.inputs), picked.inputs, atol=1e-5, rtol=1e-5)
    choices = choices_of(problem.task)
    assert all(set(picked.inputs[:, block].unique().tolist()) <= {0.0, 1.0} for block in choices)
    soft = Centroids(space=space).pick(problem, 2, KEY).inputs
    for block in choices:
        torch.testing.assert_close(soft[:, block].sum(1), torch.ones(4), atol=1e-5, rtol=1e-5)
    trained = ProbeContext(problem).outcome(space.needs(problem)[0])
    validation = problem.task.load("validation")
    codes = encoded(space.needs(problem)[0].form(problem.task), trained["encoder"], validation.inputs)
    said = codes @ trained["head"]["weight"].T + trained["head"]["bias"]
    assert float((said.argmax(1) == validation.classes).double().mean()) > 0.85


def test_rows_between_rows_lie_on_segments_and_take_the_category_of_most(problem: Problem) -> None:
    examples, choices = by_class(problem)[0].float(), choices_of(problem.task)
    made = between(examples, 6, 3, choices, KEY)
    number = torch.ones(examples.shape[1], dtype=torch.bool)
    for block in choices:
        number[block] = False
    apart = torch.cdist(examples[:6], examples)
    for item in range(6):
        nearest = apart[item].argsort()[1:4]
        x, z = examples[item, number], examples[nearest][:, number]
        # (item - x) = u (z - x) for one of the nearest, 0 <= u <= 1.
        along = ((made[item, number] - x) @ (z - x).T) / (z - x).square().sum(1)
        off = (x + along[:, None] * (z - x) - made[item, number]).norm(dim=1)
        assert float(off.min()) < 1e-5 and 0 <= float(along[off.argmin()]) <= 1
        for block in choices:
            votes = examples[nearest][:, block].sum(0)
            assert made[item, block].sum() == 1 and votes[made[item, block].argmax()] == votes.max()
    picked = Interpolated().pick(problem, 3, KEY)
    # Each is what a row could be but for whole numbers, which lie between.
    assert all(set(picked.inputs[:, block].unique().tolist()) <= {0.0, 1.0} for block in choices)


def test_what_has_no_mean_is_refused() -> None:
    graph = strange_tasks.Graph()
    problem = Problem(graph, graph.small, CPU, NoCache())
    for start in (Centroids(), AllocatedCentroids(), Interpolated()):
        with pytest.raises(InputError, match="found inputs of graph that are no numbers of one tensor"):
            start.pick(problem, 1, KEY)


def test_a_table_is_distilled_scored_and_read(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: Problem
) -> None:
    made = tmp_path / "made.safetensors"
    words = f"distill {place} --recipe smote --ipc 3 --network mlp-w8 --checks 0 --out {made} --runs {tmp_path}/runs"
    assert main(words.split()) == 0
    capsys.readouterr()
    assert main(["show", str(made)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 6 and all(line.startswith(("poor: age ", "rich: age ")) for line in told)
    distilled, protocol = DistilledSet.load(made), named("logistic")
    context = ProbeContext(problem, "made", distilled)
    found = entries([(context, made, distilled)], protocol, ("random", "full"))
    rows = [each.score(protocol.name, 2).row() for each in found]
    assert [(row["set"], row["n"]) for row in rows] == [("made", 1), ("random", 2), ("full", 1)]
    ours, drawn, full = (row["mean"] for row in rows)
    assert full > 0.9 and full > drawn
    assert [row["others"][0][0] for row in rows] == ["balanced accuracy"] * 3
    regret = (full - ours) / (full - drawn)
    assert regret_in(rows)(rows[0]) == pytest.approx(regret) and regret_in(rows)(rows[1]) is None
    lines = further(rows)
    assert lines[0].startswith("balanced accuracy, the mean over learners: made (logistic) ")
    assert lines[1].endswith(f"made (logistic) {regret:.3g}")


FAST = {
    "kip": {"objective.per_class": 20},
    "dm": {"objective.per_class": 20},
    "rfad": {"objective.per_class": 20, "objective.networks": 1},
    "frepo": {"objective.per_class": 20, "objective.pool": 1},
}


@pytest.mark.parametrize("name", FAST)
def test_kernels_and_distributions_are_matched_on_rows(problem: Problem, name: str) -> None:
    recipe = compose(published(name).recipe, FAST[name])
    run = Distillation(problem, replace(recipe, steps=2), 1, KEY, checks=0)
    state = distill(run, Unkept(), lambda state: None)
    inputs = state.params.learned["inputs"]
    assert inputs.shape == (2, *problem.task.shape) and torch.isfinite(inputs).all()
    first = recipe.started(problem, 1, KEY.fold("distill"))[0].inputs
    assert not torch.equal(inputs, first)
    assert problem.task.codec.words(problem.task.codec.decode(inputs)[0]).startswith("age ")


def test_tame_brings_rows_nearer_in_mean_and_covariance(problem: Problem) -> None:
    recipe = compose(published("tame").recipe, {"steps": 60})
    run = Distillation(problem, recipe, 3, KEY, checks=0)
    state = distill(run, Unkept(), lambda state: None)
    objective: Any = recipe.objective

    def apart(params: Parameters) -> float:
        keys = [KEY.fold("judged", draw) for draw in range(6)]
        shown = run.show({**params.learned, "schedule": {}}, params.fixed, KEY)
        return sum(float(objective.loss({}, problem, shown, key)) for key in keys)

    assert apart(state.params) < 0.7 * apart(run.begin().params)
