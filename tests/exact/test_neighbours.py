"""Neighbours are those that all distances say, and maps keep what a projection must."""

from __future__ import annotations

import math

import pytest
import torch

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.statistics import neighbours, projections
from limbeck.statistics.neighbours import agreement, nearest, to_own_class
from limbeck.statistics.projections import Pca, Umap

KEY = Key(("neighbours",))
POINTS, QUERIES = KEY.fold("points").normal(40, 6).double(), KEY.fold("queries").normal(15, 6).double()
CLASSES, LABELS = KEY.fold("classes").integers(3, 40), KEY.fold("labels").integers(3, 15)


@pytest.fixture(autouse=True)
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "AT_ONCE", 4)


def sorted_rows(query: torch.Tensor, without: int | None = None) -> list[int]:
    distances = [float(((query - point) ** 2).sum()) for point in POINTS]
    return sorted((row for row in range(len(POINTS)) if row != without), key=lambda row: distances[row])


def test_the_nearest_are_those_of_all_distances() -> None:
    distances, rows = nearest(QUERIES, POINTS, 5)
    for index, query in enumerate(QUERIES):
        expected = sorted_rows(query)[:5]
        assert rows[index].tolist() == expected
        torch.testing.assert_close(distances[index], (query - POINTS[expected]).norm(dim=1))


def test_agreement_is_the_share_of_near_points_of_the_class() -> None:
    found = agreement(QUERIES, LABELS, POINTS, CLASSES, 5)
    for index, query in enumerate(QUERIES):
        near = sorted_rows(query)[:5]
        assert float(found[index]) == sum(int(CLASSES[row] == LABELS[index]) for row in near) / 5


def test_a_point_is_not_its_own_neighbour() -> None:
    own = torch.tensor([3, 17, 20, 39, 0])
    rows = nearest(POINTS[own], POINTS, 4, own)[1]
    assert [each.tolist() for each in rows] == [sorted_rows(POINTS[row], row)[:4] for row in own.tolist()]
    found = to_own_class(POINTS[own], CLASSES[own], POINTS, CLASSES, own)
    for index, row in enumerate(own.tolist()):
        first = next(other for other in sorted_rows(POINTS[row], row) if CLASSES[other] == CLASSES[row])
        assert float(found[index]) == pytest.approx(float((POINTS[row] - POINTS[first]).norm()))


def test_a_class_without_points_is_infinitely_far_and_few_points_are_all_near() -> None:
    labels = torch.tensor([0, 7])
    found = to_own_class(QUERIES[:2], labels, POINTS, CLASSES)
    assert math.isfinite(float(found[0])) and math.isinf(float(found[1]))
    assert math.isinf(float(to_own_class(POINTS[:1], labels[:1], POINTS[:1], labels[:1], torch.tensor([0]))[0]))
    assert nearest(QUERIES, POINTS[:3], 5)[1].shape == (15, 3)
    assert bool(agreement(POINTS[:1], labels[:1], POINTS[:1], labels[:1], 5, torch.tensor([0])).isnan().all())


def test_pca_is_the_singular_value_decomposition_up_to_signs() -> None:
    plane = Pca().project(POINTS, KEY)
    left, values, _ = torch.linalg.svd(POINTS - POINTS.mean(0), full_matrices=False)
    torch.testing.assert_close(plane.abs(), (left * values)[:, :2].abs())


def test_pca_is_blind_to_where_the_points_are_and_to_how_they_are_turned() -> None:
    turn = torch.linalg.qr(KEY.fold("turn").normal(6, 6).double()).Q
    moved = Pca().project(POINTS @ turn + 5, KEY)
    torch.testing.assert_close(moved.abs(), Pca().project(POINTS, KEY).abs())


def test_pca_of_one_point_or_one_feature_is_flat() -> None:
    assert torch.equal(Pca().project(POINTS[:1], KEY), torch.zeros(1, 2, dtype=torch.float64))
    line = Pca().project(POINTS[:, :1], KEY)
    torch.testing.assert_close(line[:, 0], POINTS[:, 0] - POINTS[:, 0].mean())
    assert not line[:, 1].any()


def test_umap_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections.importlib.util, "find_spec", lambda name: None)
    assert not Umap().available
    with pytest.raises(InputError, match=r"pip install limbeck\[views\]"):
        Umap().project(POINTS, KEY)


def test_umap_keeps_clusters_apart_and_draws_by_its_key() -> None:
    pytest.importorskip("umap")
    labels = torch.arange(3).repeat_interleave(20)
    points = 6 * torch.nn.functional.one_hot(labels, 8).float() + KEY.normal(60, 8)
    plane = Umap().project(points, KEY)
    assert torch.equal(plane, Umap().project(points, KEY))
    assert float(agreement(plane, labels, plane, labels, 3, torch.arange(60)).mean()) > 0.95
