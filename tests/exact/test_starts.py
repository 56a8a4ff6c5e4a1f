"""Starts: what each picks, against exhaustive search and closed forms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from limbeck.codecs import Identity
from limbeck.computations import Twins, features, training
from limbeck.computations.features import Networks
from limbeck.core import tree
from limbeck.core.contracts import AbstractCodec, AbstractNetwork, AbstractStart, AbstractTask, Batch, Metric, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.networks import build
from limbeck.starts import (
    SCORES,
    STARTS,
    ClassMeans,
    FarthestPredictions,
    Herding,
    Highest,
    KCenter,
    KMeans,
    MatchingPursuit,
    Noise,
    Real,
    Representations,
    RightlyNamed,
    Submodular,
    Xavier,
)
from limbeck.starts.herding import herd
from limbeck.starts.kcenter import farthest_first
from limbeck.starts.kmeans import nearest_to_centres
from limbeck.starts.relabelling import AbstractRelabelling
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractSelection
from small_graph import OF_GRAPHS

KEY = Key(("starts",))
SIZES = (9, 6, 7)


@dataclass(frozen=True)
class Blobs(AbstractTask):
    """Images of three classes about three different means, in shuffled rows."""

    name: str = "blobs"
    classes: tuple[str, ...] = ("ape", "bee", "cat")
    shape: tuple[int, ...] = (1, 8, 8)
    fingerprint: str = "blobs"
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)
    codec: AbstractCodec = Identity()

    def labels(self) -> Tensor:
        labels = torch.arange(3).repeat_interleave(torch.tensor(SIZES))
        return labels[KEY.fold("rows").permutation(sum(SIZES))]

    def groups(self, split: str, by: str = "class") -> tuple[Tensor, ...]:
        assert split in ("train", "validation")
        return tuple((self.labels() == label).nonzero().squeeze(1) for label in range(3))

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        assert split in ("train", "validation")
        labels = self.labels()
        inputs = KEY.fold("noise").normal(len(labels), *self.shape)
        inputs = inputs + KEY.fold("means").normal(3, *self.shape)[labels]
        whole = Batch(inputs, functional.one_hot(labels, 3).float(), labels)
        return whole if rows is None else Batch(*(leaf[rows] for leaf in whole))

    def network(self, name: str) -> AbstractNetwork:
        return build(name, (1, 8, 8), 3)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, targets, reduction="none")

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        raise NotImplementedError


class Expert:
    """A memo that has an expert, which is as good after any epoch, and keeps nothing else; a teacher learns."""

    def remember(self, address: dict, make: Callable[[], Tree], branch: str = "") -> Tree:
        seed = address["computation"].get("seed", features.SEED)
        if seed not in (features.SEED, training.TEACHER):
            return PROBLEM.network.init(KEY.fold("expert", seed))
        return tree.branch(make(), branch)


TASK = Blobs()
PROBLEM = Problem(TASK, TASK.network("mlp-w16"), torch.device("cpu"), Expert())
BRIEF = {"representations": Representations(teacher=Twins(network="mlp-w4", steps=2, batch=8))}
OF_OTHERS = (*OF_GRAPHS, "paired-clusters", "stretch", "allocated-centroids")
"""Starts of graphs, pairs and recordings, and one that gives classes unequal counts: they have tests of their own."""
every_start = pytest.mark.parametrize(
    "start",
    [pytest.param(BRIEF.get(name) or part(), id=name) for name, part in STARTS.parts.items() if name not in OF_OTHERS],
)
SELECTIONS = [
    *(part() for name, part in STARTS.parts.items() if issubclass(part, AbstractSelection) and name not in OF_OTHERS),
    *(Highest(score=part()) for name, part in SCORES.parts.items() if name != "entropy"),
]
real_starts = pytest.mark.parametrize("start", [Real(), *SELECTIONS], ids=repr)


@pytest.fixture(autouse=True)
def brief_training(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps make features and teachers enough, but where the features themselves are tested."""
    monkeypatch.setattr(training, "LEAST_STEPS", 40)
    if "features_are" not in request.node.name:
        monkeypatch.setattr(features, "LEAST_STEPS", 2)


def rows(batch: Batch) -> list[int]:
    """The training rows whose images the batch holds."""
    whole = TASK.load("train").inputs.flatten(1)
    same = (batch.inputs.flatten(1)[:, None] == whole[None]).all(2)
    assert (same.sum(1) == 1).all()
    return same.int().argmax(1).tolist()


@every_start
@pytest.mark.parametrize("per_class", [1, 4])
def test_a_start_is_class_by_class_with_one_hot_targets_but_where_an_expert_gave_them_and_follows_its_key(
    start: AbstractStart, per_class: int
) -> None:
    batch = start.pick(PROBLEM, per_class, KEY)
    expected = torch.arange(3).repeat_interleave(per_class)
    assert torch.equal(batch.classes, expected)
    assert torch.equal(batch.targets, torch.eye(3)[expected]) != isinstance(start, AbstractRelabelling | RightlyNamed)
    assert batch.inputs.shape == (3 * per_class, 1, 8, 8)
    assert batch.inputs.dtype == torch.float32
    assert torch.equal(start.pick(PROBLEM, per_class, KEY).inputs, batch.inputs)


@real_starts
def test_real_starts_take_images_of_their_class_each_once(start: AbstractStart) -> None:
    found = rows(start.pick(PROBLEM, 6, KEY))
    assert len(set(found)) == 18
    assert TASK.labels()[found].tolist() == [0] * 6 + [1] * 6 + [2] * 6


@pytest.mark.parametrize("start", [Real(), ClassMeans(), *SELECTIONS], ids=repr)
def test_a_class_that_is_too_small_is_refused(start: AbstractStart) -> None:
    with pytest.raises(InputError) as refused:
        start.pick(PROBLEM, 7, KEY)
    assert str(refused.value) == (
        "class 'bee' has 6 training examples, 7 per class were asked for; distil at most 6 (--ipc 6)"
    )


def test_random_images_differ_from_key_to_key_and_are_uniform() -> None:
    draws = [rows(Real().pick(PROBLEM, 1, KEY.fold(index)))[0] for index in range(360)]
    _, counts = torch.tensor(draws).unique(return_counts=True)
    assert len(counts) == 9
    assert ((counts - 40).abs() < 5 * math.sqrt(360 * 8 / 81)).all()


def test_noise_is_standard_normal_and_xavier_uniform_within_its_bound() -> None:
    noise = Noise().pick(PROBLEM, 100, KEY).inputs
    assert abs(float(noise.mean())) < 5 / math.sqrt(noise.numel())
    assert abs(float(noise.var()) - 1) < 5 * math.sqrt(2 / noise.numel())
    grey = Xavier().pick(PROBLEM, 100, KEY).inputs
    bound = math.sqrt(6 / (300 + 64))
    assert 0.999 * bound < float(grey.abs().max()) <= bound
    assert abs(float(grey.var()) - bound**2 / 3) < 5 * bound**2 * math.sqrt(4 / 45 / grey.numel())


def test_noise_of_a_norm_lies_on_a_sphere_in_the_same_directions() -> None:
    plain, scaled = (Noise(norm).pick(PROBLEM, 3, KEY).inputs.flatten(1) for norm in (0.0, 2.5))
    assert torch.allclose(scaled.norm(dim=1), torch.full((len(scaled),), 2.5))
    assert torch.allclose(scaled, plain * (2.5 / plain.norm(dim=1))[:, None])


def test_class_means_are_exact_and_of_disjoint_parts() -> None:
    inputs, labels = TASK.load("train").inputs, TASK.labels()
    expected = torch.stack([inputs[labels == label].mean(0) for label in range(3)])
    torch.testing.assert_close(ClassMeans().pick(PROBLEM, 1, KEY).inputs, expected)
    # Six bees in three parts of two: the parts' means average to the class mean, and so they hold each bee once.
    parts = ClassMeans().pick(PROBLEM, 3, KEY).inputs[3:6]
    torch.testing.assert_close(parts.mean(0), expected[1])
    pairs = [(inputs[labels == 1][list(pair)]).mean(0) for pair in itertools.combinations(range(6), 2)]
    nearest = [min(float((part - pair).abs().max()) for pair in pairs) for part in parts]
    assert max(nearest) < 1e-6


def test_herding_takes_the_item_that_brings_the_running_mean_nearest() -> None:
    points = KEY.fold("features").normal(12, 5)
    mean = points.mean(0)
    chosen: list[int] = []
    for _ in range(12):
        errors = {
            item: float((mean - points[[*chosen, item]].mean(0)).norm()) for item in range(12) if item not in chosen
        }
        chosen.append(min(errors, key=errors.__getitem__))
    assert herd(points, 12, KEY).tolist() == chosen
    assert herd(points, 4, KEY).tolist() == chosen[:4]


def test_k_centre_takes_the_farthest_and_covers_within_twice_the_best_radius() -> None:
    points = KEY.fold("features").normal(10, 2)
    distances = torch.cdist(points, points)
    chosen = farthest_first(points, 3, KEY).tolist()
    assert chosen[0] == int((points - points.mean(0)).norm(dim=1).argmin())
    for size in (1, 2):
        assert chosen[size] == int(distances[:, chosen[:size]].amin(1).argmax())
    best = min(float(distances[:, list(trio)].amin(1).max()) for trio in itertools.combinations(range(10), 3))
    assert float(distances[:, chosen].amin(1).max()) <= 2 * best


def test_k_centre_takes_no_item_twice_among_equal_ones() -> None:
    assert sorted(farthest_first(torch.zeros(4, 2), 4, KEY).tolist()) == [0, 1, 2, 3]


def test_k_means_takes_the_middle_of_each_cluster_large_ones_first() -> None:
    cross = torch.tensor([[0.0, 0.0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    pair = torch.tensor([[40.0, 0.0], [40.5, 0.5], [39.5, -0.5]])
    points = torch.cat([pair, 10 + cross])
    assert nearest_to_centres(points, 2, KEY).tolist() == [3, 0]
    assert sorted(nearest_to_centres(points, 8, KEY).tolist()) == list(range(8))


def test_features_are_of_a_network_that_learned_the_training_images() -> None:
    problem = replace(PROBLEM, network=TASK.network("convnet-w4-batch"))
    found = Seen(problem, Networks().learners(problem, 1), torch.arange(sum(SIZES)), 0).features
    assert found.shape == (sum(SIZES), 16)
    labels = TASK.labels()
    centres = torch.stack([found[labels == label].mean(0) for label in range(3)])
    assert torch.equal(torch.cdist(found, centres).argmin(1), labels)


def test_one_network_is_trained_for_the_features_of_every_coreset() -> None:
    kept: dict[int, Tree] = {}

    class Notebook:
        def remember(self, address: dict, make: Callable[[], Tree], branch: str = "") -> Tree:
            seed = address["computation"]["seed"]
            if seed not in kept:
                kept[seed] = make()
            return tree.branch(kept[seed], branch)

    problem = replace(PROBLEM, cache=Notebook())
    for start in (Herding(), KMeans(), KCenter(), Highest(), Submodular(), MatchingPursuit(), FarthestPredictions()):
        start.pick(problem, 2, KEY)
        start.pick(problem, 2, KEY.fold("another"))
    assert list(kept) == [features.SEED]


def test_no_more_images_than_the_cap_are_considered() -> None:
    one = rows(Herding(images=4).pick(PROBLEM, 4, KEY))
    considered = {
        int(row)
        for index, held in enumerate(TASK.groups("train"))
        for row in held[KEY.fold("considered", index).permutation(len(held))[:4]]
    }
    assert set(one) == considered


def test_every_start_is_listed_with_a_summary() -> None:
    assert sorted(STARTS.parts) == [
        "allocated-centroids",
        "centroids",
        "class-means",
        "clustered-nodes",
        "coarsened",
        "farthest-predictions",
        "held-out",
        "herding",
        "highest",
        "interpolated",
        "kcenter",
        "kmeans",
        "likely-crops",
        "matching-pursuit",
        "noise",
        "paired-clusters",
        "real",
        "recognised",
        "relabelled",
        "representations",
        "rightly-named",
        "smoothed-labels",
        "stratified",
        "stretch",
        "submodular",
        "teacher-labels",
        "uniform-labels",
        "xavier",
    ]
    assert all(entry["summary"].endswith(".") for entry in STARTS.summaries())
