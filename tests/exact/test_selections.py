"""Selections: scores, set functions and pursuits, against closed forms, literal sums and exhaustive search."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import strange_tasks
from limbeck import distill
from limbeck.cli.help import documentation
from limbeck.computations import Coreset, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractNetwork, NoCache, Problem, Readout
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.training import Learner
from limbeck.options import compose
from limbeck.recipes import RECIPES, SELECTIONS
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from limbeck.starts import (
    SCORES,
    Closeness,
    Entropy,
    ErrorNorm,
    FacilityLocation,
    FarthestPredictions,
    FeatureCosine,
    Forgetting,
    GradientNearness,
    GradientNorm,
    GraphCut,
    HeldOut,
    Highest,
    LeastConfidence,
    Margin,
    MatchingPursuit,
    MeanMargin,
    NearMedian,
    Stratified,
    Submodular,
)
from limbeck.starts.boundary import boundary_distance
from limbeck.starts.farthest_predictions import divergence
from limbeck.starts.held_out import ahead, mean_products
from limbeck.starts.matching_pursuit import pursue
from limbeck.starts.scores import contrast, forgotten, near_median
from limbeck.starts.seen import Gradients, Seen, residuals
from limbeck.starts.set_functions import AbstractSetFunction, greedy
from limbeck.starts.stratified import spread
from limbeck.tasks import load

KEY = Key(("selections",))
CPU = torch.device("cpu")
TASK = load("digits")


class Linear(AbstractNetwork):
    """Outputs that are a linear map of the features, which are the first pixels of a scan."""

    name = "linear"

    def init(self, key: Key) -> Tree:
        return {"weight": key.normal(10, 64)}

    def statistics(self) -> Tree:
        return {}

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        return Readout(inputs.flatten(1), inputs.flatten(1) @ params["weight"].T)

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        return (inputs.flatten(1),)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        return self.apply(params, inputs), {}


PROBLEM = Problem(TASK, Linear(), CPU, NoCache())
ROWS = TASK.groups("train")[3][:30]


def seen_by(networks: int, rows: Tensor = ROWS) -> Seen:
    """Some threes as that many networks see them that have learned nothing."""
    learners = [Learner({"weight": 0.1 * KEY.fold("network", each).normal(10, 64)}, {}) for each in range(networks)]
    return Seen(PROBLEM, learners, rows, 3)


def outputs_of(seen: Seen) -> list[Tensor]:
    inputs = TASK.load("train", seen.rows).inputs.flatten(1)
    return [inputs @ learner.params["weight"].T for learner in seen.learners]


def points(*shape: int, name: str = "points") -> Tensor:
    return KEY.fold(name).normal(*shape).double()


def test_uncertainty_is_entropy_confidence_or_margin_of_the_last_network() -> None:
    seen = seen_by(2)
    shares = torch.softmax(outputs_of(seen)[1].double(), 1)
    rows = [sorted(row, reverse=True) for row in shares.tolist()]
    entropy = torch.tensor([-sum(p * math.log(p) for p in row) for row in rows], dtype=torch.float64)
    torch.testing.assert_close(Entropy().of(seen), entropy)
    torch.testing.assert_close(LeastConfidence().of(seen), torch.tensor([1 - row[0] for row in rows]).double())
    torch.testing.assert_close(Margin().of(seen), torch.tensor([row[1] - row[0] for row in rows]).double())


def test_error_and_gradient_norms_are_means_over_networks_of_what_autograd_finds() -> None:
    seen = seen_by(3)
    labels = torch.full((len(ROWS),), 3)
    errors, norms = [], []
    for learner, outputs in zip(seen.learners, outputs_of(seen), strict=True):
        errors.append((outputs.softmax(1) - functional.one_hot(labels, 10)).norm(dim=1))
        each = []
        for image in TASK.load("train", ROWS).inputs.flatten(1):
            weight, bias = learner.params["weight"].clone().requires_grad_(), torch.zeros(10, requires_grad=True)
            loss = functional.cross_entropy(weight @ image + bias, torch.tensor(3))
            slopes = torch.autograd.grad(loss, (weight, bias))
            each.append(math.sqrt(sum(float(slope.square().sum()) for slope in slopes)))
        norms.append(torch.tensor(each))
    found = ErrorNorm(networks=3).of(seen), GradientNorm(networks=3).of(seen)
    torch.testing.assert_close(found[0], torch.stack(errors).mean(0).double(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[1], torch.stack(norms).mean(0).double(), rtol=1e-5, atol=1e-6)


def test_products_and_norms_of_gradients_are_those_of_the_outer_products_that_they_are() -> None:
    one, two = (Gradients(points(n, 3, name=f"r{n}"), points(n, 5, name=f"f{n}")) for n in (4, 6))

    def dense(of: Gradients) -> Tensor:
        ones = torch.ones(len(of.features), 1, dtype=torch.float64)
        return (of.residuals[:, :, None] * torch.cat([of.features, ones], 1)[:, None]).flatten(1)

    torch.testing.assert_close(one.products(two), dense(one) @ dense(two).T)
    torch.testing.assert_close(one.norms(), dense(one).norm(dim=1))
    torch.testing.assert_close(mean_products(one, two), (dense(one) @ dense(two).T).mean(1))


def test_forgetting_counts_falls_from_right_to_wrong_and_what_was_never_right_comes_first() -> None:
    looks = ["1110", "1010", "0000", "0101", "1111"]
    right = torch.tensor([[mark == "1" for mark in look] for look in looks]).T
    assert forgotten(right).tolist() == [1, 2, math.inf, 1, 0]
    seen = seen_by(4)
    said = torch.stack([outputs.argmax(1) == 3 for outputs in outputs_of(seen)])
    assert Forgetting().of(seen).tolist() == forgotten(said).tolist()


def test_the_mean_margin_is_by_how_much_the_best_other_class_is_above_the_own() -> None:
    seen = seen_by(3)
    expected = [
        sum(max(row[:3] + row[4:]) - row[3] for row in looks) / 3
        for looks in zip(*(outputs.tolist() for outputs in outputs_of(seen)), strict=True)
    ]
    torch.testing.assert_close(MeanMargin().of(seen), torch.tensor(expected).double(), rtol=1e-5, atol=1e-5)


def test_contrast_is_the_mean_divergence_of_the_nearest_from_an_image() -> None:
    features, shares = points(9, 2), points(9, 4, name="shares").softmax(1)
    expected = []
    for item in range(9):
        near = sorted((j for j in range(9) if j != item), key=lambda j: float((features[j] - features[item]).norm()))
        kls = [float((shares[j] * (shares[j] / shares[item]).log()).sum()) for j in near[:3]]
        expected.append(sum(kls) / 3)
    torch.testing.assert_close(contrast(features, shares, 3), torch.tensor(expected).double())
    assert contrast(features[:1], shares[:1], 3).tolist() == [0]
    certain = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).double()
    assert contrast(features[:2], certain, 1).isfinite().all()


def test_what_is_near_the_median_distance_from_the_mean_comes_first() -> None:
    line = torch.tensor([[-4.0], [-2.0], [1.0], [2.0], [3.0]]).double()
    # The mean is 0, distances are 4, 2, 1, 2, 3 and their median is 2.
    assert near_median(line).tolist() == [-2, 0, -1, 0, -1]
    assert (
        NearMedian().of(seen_by(1)).argmax()
        == near_median(TASK.load("train", ROWS).inputs.flatten(1).double()).argmax()
    )


def test_the_distance_from_a_boundary_is_exact_for_planes_and_found_for_a_circle() -> None:
    weight, bias, inputs = points(4, 6, name="weight"), points(4, name="bias"), points(20, 6)
    outputs = inputs @ weight.T + bias
    first = outputs.argmax(1)
    expected = []
    for item, own in enumerate(first.tolist()):
        expected.append(
            min(
                float((outputs[item, own] - outputs[item, k]) / (weight[own] - weight[k]).norm())
                for k in range(4)
                if k != own
            )
        )
    found = boundary_distance(lambda at: at @ weight.T + bias, inputs, 50, 9)
    torch.testing.assert_close(found, torch.tensor(expected).double())
    # Fewer rivals are never nearer, and no step is no change.
    assert (boundary_distance(lambda at: at @ weight.T + bias, inputs, 50, 1) >= found - 1e-12).all()

    def circle(at: Tensor) -> Tensor:
        return torch.stack([1 - at.square().sum(1), torch.zeros(len(at), dtype=at.dtype)], 1)

    radii = torch.tensor([0.9, 0.5, 1.5]).double()
    inputs = functional.normalize(points(3, 4)) * radii[:, None]
    inner, middle, outer = boundary_distance(circle, inputs, 50, 9).tolist()
    # From within, the first step along the tangent crosses; from without, steps come ever nearer.
    assert (inner, middle) == pytest.approx([(1 - r**2) / (2 * r) for r in (0.9, 0.5)])
    assert 0.5 / 1.02 <= outer <= 0.5
    assert boundary_distance(lambda at: at[:, :2] * 0, inputs, 5, 9).tolist() == [0, 0, 0], "nothing slopes"


@dataclass(frozen=True)
class Counted(AbstractSetFunction):
    """A set function that notes how many gains were asked for."""

    inner: Any
    asked: list

    def gains(self, similarity: Tensor, reached: Tensor, items: Tensor) -> Tensor:
        self.asked.append(len(items))
        return self.inner.gains(similarity, reached, items)

    def reached(self, before: Tensor, row: Tensor) -> Tensor:
        return self.inner.reached(before, row)


def worth(function: AbstractSetFunction, similarity: Tensor, chosen: list[int]) -> float:
    """The set function by its definition."""
    if isinstance(function, FacilityLocation):
        return sum(max((row[j] for j in chosen), default=0.0) for row in similarity.tolist())
    within = similarity[chosen][:, chosen].sum()
    return float(similarity[:, chosen].sum() - function.redundancy * within)  # type: ignore[attr-defined]


def plainly(function: AbstractSetFunction, similarity: Tensor, count: int) -> list[int]:
    """All gains anew each time, by the definition; the first of equals."""
    chosen: list[int] = []
    for _ in range(count):
        left = [item for item in range(len(similarity)) if item not in chosen]
        gains = {item: worth(function, similarity, [*chosen, item]) for item in left}
        chosen.append(max(left, key=lambda item: (round(gains[item], 9), -item)))
    return chosen


functions = pytest.mark.parametrize("function", [FacilityLocation(), GraphCut(0.5), GraphCut()], ids=repr)
COSINES = functional.normalize(points(24, 3, name="cosines"))
ALIKE = (1 + COSINES @ COSINES.T) / 2


@functions
def test_greedy_is_exact_and_asks_for_few_gains_again(function: AbstractSetFunction) -> None:
    counted = Counted(function, [])
    assert greedy(function, ALIKE, 24).tolist() == (expected := plainly(function, ALIKE, 24))
    assert greedy(function, ALIKE, 5).tolist() == expected[:5]
    directions = functional.normalize(points(200, 5, name="many"))
    greedy(counted, (1 + directions @ directions.T) / 2, 20)
    assert counted.asked[0] == 200 and sum(counted.asked) < sum(range(181, 201)), "fewer than all that are left"


@functions
def test_greedy_takes_the_first_of_equals_and_none_twice(function: AbstractSetFunction) -> None:
    whole = KEY.fold("whole").integers(3, 10, 10).double()
    tied = whole + whole.T
    assert greedy(function, tied, 10).tolist() == plainly(function, tied, 10)
    twice = torch.ones(6, 6).double()
    assert greedy(function, twice, 6).tolist() == list(range(6))


@pytest.mark.parametrize("function", [FacilityLocation(), GraphCut(0.5)], ids=repr)
def test_greedy_is_within_its_bound_of_the_best_of_all_sets(function: AbstractSetFunction) -> None:
    for draw in range(3):
        directions = functional.normalize(points(12, 2, name=f"draw {draw}"))
        similarity = (1 + directions @ directions.T) / 2
        chosen = greedy(function, similarity, 3).tolist()
        best = max(worth(function, similarity, list(trio)) for trio in itertools.combinations(range(12), 3))
        assert (1 - 1 / math.e) * best <= worth(function, similarity, chosen) <= best + 1e-9


def test_greedy_is_the_best_where_that_is_one_of_each_cluster() -> None:
    clusters = torch.arange(4).repeat_interleave(torch.tensor([5, 3, 2, 2]))
    similarity = (clusters[:, None] == clusters).double()
    assert greedy(FacilityLocation(), similarity, 4).tolist() == [0, 5, 8, 10], "large clusters first"
    best = max(worth(FacilityLocation(), similarity, list(each)) for each in itertools.combinations(range(12), 4))
    assert worth(FacilityLocation(), similarity, [0, 5, 8, 10]) == best == 12


def test_similarities_are_cosines_of_features_and_distances_of_gradients() -> None:
    seen = seen_by(1)
    features = TASK.load("train", ROWS).inputs.flatten(1).double()
    cosine = functional.cosine_similarity(features[:, None], features[None], dim=2)
    torch.testing.assert_close(FeatureCosine().of(seen), (1 + cosine) / 2)
    dense = (seen.gradients.residuals[:, :, None] * functional.pad(features, (0, 1), value=1.0)[:, None]).flatten(1)
    apart = torch.cdist(dense, dense)
    torch.testing.assert_close(GradientNearness().of(seen), apart.max() - apart, rtol=1e-5, atol=1e-4)
    assert (GradientNearness().of(seen) >= 0).all()
    chosen = Submodular(similarity=GradientNearness()).select(seen, 3, KEY).tolist()
    assert chosen == plainly(FacilityLocation(), apart.max() - apart, 3)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_matching_pursuit_is_that_of_dense_least_squares(ridge: float) -> None:
    vectors = points(15, 40, name="vectors") + 0.3
    mean, price = vectors.mean(0), ridge * vectors.square().sum(1).mean()
    chosen: list[int] = []
    rest, norms = mean, [mean.norm()]
    for _ in range(8):
        gains = vectors @ rest
        gains[chosen] = -torch.inf
        chosen.append(int(gains.argmax()))
        wide = torch.cat([vectors[chosen].T, price.sqrt() * torch.eye(len(chosen)).double()])
        weights = torch.linalg.lstsq(wide, functional.pad(mean, (0, len(chosen)))[:, None]).solution[:, 0]
        rest = mean - weights @ vectors[chosen]
        norms.append(rest.norm())
    found, of_them = pursue(vectors @ vectors.T, 8, ridge)
    assert found.tolist() == chosen
    torch.testing.assert_close(of_them, weights)
    assert all(after < before for before, after in itertools.pairwise(norms))


def test_matching_pursuit_finds_the_vectors_that_the_mean_is_made_of_and_takes_equals_once_each() -> None:
    axes = torch.diag(torch.tensor([4.0, 2.0, 1.0, 3.0]).double())
    found, weights = pursue(axes @ axes.T, 4, 0.0)
    assert found.tolist() == [0, 3, 1, 2]
    torch.testing.assert_close(weights, torch.full((4,), 0.25).double())
    same, weights = pursue(torch.ones(5, 5).double(), 5, 0.0)
    assert same.tolist() == [0, 1, 2, 3, 4]
    assert float(weights.sum()) == pytest.approx(1)
    assert sorted(MatchingPursuit().select(seen_by(1, ROWS[[0, 0, 1, 1]]), 4, KEY).tolist()) == [0, 1, 2, 3]


def test_held_out_takes_what_lowers_the_held_out_loss_fastest_after_a_step_on_those_before() -> None:
    seen, rate = seen_by(1), 0.05
    gradients, held = seen.gradients, TASK.load("train", TASK.groups("train")[3][30:50])
    features = held.inputs.flatten(1).double()
    weight, bias = seen.learners[0].params["weight"].double(), torch.zeros(10).double()

    def loss(weight: Tensor, bias: Tensor) -> float:
        return float(functional.cross_entropy(features @ weight.T + bias, held.targets.double()))

    def slope(item: int) -> tuple[Tensor, Tensor]:
        return gradients.residuals[item][:, None] * gradients.features[item], gradients.residuals[item]

    chosen: list[int] = []
    for _ in range(3):
        sums = [sum(slope(item)[part] for item in chosen) for part in (0, 1)]
        at = weight - rate * sums[0], bias - rate * sums[1]
        falls = {}
        for item in range(len(ROWS)):
            # Central differences of the held-out loss along the step down the gradient of this image.
            ends = [
                loss(*(value - size * by for value, by in zip(at, slope(item), strict=True))) for size in (1e-5, -1e-5)
            ]
            falls[item] = -math.inf if item in chosen else (ends[1] - ends[0]) / 2e-5
        chosen.append(max(falls, key=falls.__getitem__))
    outputs = features @ weight.T
    assert ahead(gradients, outputs, features, held.targets.double(), TASK, rate, 3).tolist() == chosen


def test_held_out_images_are_for_validation_or_those_chosen_from_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = seen_by(1)
    mine = seen.held_out
    assert mine.split == "validation" and torch.equal(mine.rows, TASK.groups("validation")[3][:30])
    assert len(HeldOut().select(seen, 4, KEY).unique()) == 4
    monkeypatch.setattr(type(TASK), "groups", lambda *_: (torch.arange(0),) * 10)
    assert seen.held_out is seen


def test_strata_share_what_is_asked_for_and_the_hardest_are_cut() -> None:
    # Five strata of width 2 from 0 to 10 hold 6, 1, 2, 0 and 3; those above are cut.
    scores = torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 2.5, 4.1, 4.2, 9.0, 9.5, 10.0, 20.0, 30.0, math.inf])
    scores = scores.double()[KEY.fold("mixed").permutation(15)]
    counts = torch.bucketize(scores[spread(scores, 8, 0.2, 5, KEY)], torch.tensor([2.0, 4.0, 6.0, 8.0, 10.5]).double())
    assert counts.bincount(minlength=6).tolist() == [3, 1, 2, 0, 2, 0]
    assert len(spread(scores, 15, 0.9, 5, KEY).unique()) == 15, "no more are cut than leaves as many as asked for"
    assert (scores[spread(scores, 1, 0.2, 5, KEY)] < 2).all(), "one is of the largest stratum"
    same = torch.ones(6).double()
    assert len(spread(same, 4, 0.0, 5, KEY).unique()) == 4
    draws = torch.cat([spread(same, 1, 0.0, 5, KEY.fold(draw)) for draw in range(40)])
    assert len(draws.unique()) > 3 and torch.equal(spread(same, 4, 0.0, 5, KEY), spread(same, 4, 0.0, 5, KEY))


def test_farthest_predictions_are_by_the_symmetric_divergence() -> None:
    shares = points(8, 3, name="shares").softmax(1)
    other = shares[2]
    expected = [float((p * (p / other).log()).sum() + (other * (other / p).log()).sum()) for p in shares]
    torch.testing.assert_close(divergence(shares, other), torch.tensor(expected).double())
    seen = seen_by(1)
    p = seen.probabilities
    chosen = FarthestPredictions().select(seen, 3, KEY).tolist()
    assert chosen[0] == int(divergence(p, p.mean(0)).argmin())
    for size in (1, 2):
        nearest = torch.stack([divergence(p, p[item]) for item in chosen[:size]]).amin(0)
        assert chosen[size] == int(nearest.argmax())


def test_residuals_are_the_slopes_of_any_loss() -> None:
    outputs = points(5, 10, name="outputs")
    targets = functional.one_hot(torch.arange(5), 10).double()
    torch.testing.assert_close(residuals(TASK, outputs, targets), outputs.softmax(1) - targets)


def test_a_score_by_predictions_of_what_has_no_classes_is_refused_in_one_line_before_anything_is_trained() -> None:
    task = strange_tasks.Forecast()
    network = task.network("small")
    problem = Problem(task, network, CPU, NoCache())
    for name in ("entropy", "forgetting", "mean-margin", "closeness", "contrast"):
        for start in (Highest(score=SCORES[name]()), Stratified(score=SCORES[name]()), FarthestPredictions()):
            with pytest.raises(
                InputError, match="a weight for each of several classes, and there is 1; choose"
            ) as refused:
                start.pick(problem, 1, KEY)
            assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="one tensor of fractions"):
        Highest(score=Closeness()).check(replace(problem, task=strange_tasks.Pairs()))
    seen = Seen(problem, [Learner(network.init(KEY), {})], torch.arange(4), 0)
    assert GradientNorm(networks=1).of(seen).isfinite().all(), "a gradient has every loss"


def test_the_networks_that_selections_see_by_are_done_before_what_is_trained_on_them() -> None:
    context = ProbeContext(Problem(TASK, TASK.network("mlp-w4"), CPU, NoCache()))

    def depths(*names: str) -> list[int]:
        asked = [Request(Training(Coreset(SELECTIONS[name], 1), seed), context) for name in names for seed in (0, 1)]
        return sorted(node.depth for node in Graph(asked, {}).nodes.values())

    assert depths("random") == [0, 0]
    assert depths("herding", "craig", "uncertainty") == [0, *[1] * 6], "one network for all of them"
    assert depths("grand", "el2n") == [*[0] * 10, *[1] * 4]
    assert depths("forgetting", "ccs") == [0, *[1] * 4], "both follow one training"


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


def test_what_a_selection_sees_by_is_done_first_where_it_is_much_and_the_set_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("limbeck.computations.features.LEAST_STEPS", 2)
    recipe = compose(RECIPES["el2n"].recipe, {"start.score.networks": 3})
    made, computed = [], []
    for much in (0.0, math.inf):
        monkeypatch.setattr("limbeck.runs.needs.MUCH", much)
        with Session(tmp_path / str(much), device="cpu", workers=1, executor=Here()) as session:
            made.append(distill(TASK, recipe, ipc=2, network="mlp-w4", checks=0, session=session))
            computed.append(session.computed)
    assert computed == [3, 0] and made[0] == made[1]


def test_the_measure_of_uncertainty_is_an_option() -> None:
    method = RECIPES["uncertainty"].recipe
    for name in ("entropy", "margin", "least-confidence"):
        assert compose(method, {"start.score": name}).start == Highest(score=SCORES[name]())
    assert compose(method, {"start.score": "error-norm", "start.score.networks": 2}).start.seen_by.several == 2


def test_help_says_what_fields_from_above_mean() -> None:
    said = documentation(Submodular)
    assert said["images"] == "How many images of a class are considered."
    assert said["function"] == "What some images are worth in place of all."
