"""Spectra of graphs: eigenpairs, edges, distances of eigenspaces, and coarsening, against dense references."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

import small_graph
from doubled_digits import double as double
from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import graph_spectrum
from limbeck.learn.coarsening import clusters, laplacian, members, smooth, variation, whitened
from limbeck.learn.graph_spectrum import edges_of, ends, largest_component, operator
from limbeck.learn.graphs import spreading
from limbeck.objectives import Eigenspaces
from limbeck.objectives.eigenspaces import aims, outer_distance
from limbeck.parameterizations import Eigenbasis
from limbeck.schedules import Fixed
from limbeck.starts import Coarsened, Recognised
from limbeck.starts.coarsened import majorities
from limbeck.tasks import load
from limbeck.tasks.graphs import GraphTask

KEY, CPU = Key(("graph spectrum",)), torch.device("cpu")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> GraphTask:
    """The small graph, two nodes of which are joined with one another alone."""
    held = small_graph.arrays()
    edges = held["edge_index"]
    kept = edges[:, ~numpy.isin(edges, [88, 89]).any(0)]
    changed = {"edge_index": numpy.concatenate([kept, [[88], [89]]], 1)}
    made = load(small_graph.write(tmp_path_factory.mktemp("graph") / "small.npz", **changed))
    assert isinstance(made, GraphTask)
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> GraphTask:
    """A graph of 84 nodes that all train, beside 6 that none is joined with."""
    edges = small_graph.arrays()["edge_index"]
    kept = edges[:, (edges < 84).all(0)]
    splits = {"train_idx": numpy.arange(84), "val_idx": numpy.arange(84, 87), "test_idx": numpy.arange(87, 90)}
    made = load(small_graph.write(tmp_path_factory.mktemp("trained") / "g.npz", edge_index=kept, **splits))
    assert isinstance(made, GraphTask)
    return made


def problem_of(task: Any, network: str = "sgc") -> Problem:
    return Problem(task, task.network(network), CPU, NoCache())


def normalised(task: GraphTask, nodes: Any) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 of some nodes, dense."""
    return spreading(torch.from_numpy(task.whole.adjacency[nodes][:, nodes].toarray()))


def test_ends_are_eigenpairs_of_the_largest_component_however_they_are_found(
    task: GraphTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = largest_component(task.whole)
    assert not numpy.isin([88, 89], nodes).any()
    tie = torch.eye(len(nodes)) - normalised(task, nodes)
    values = torch.linalg.eigvalsh(tie)
    ends.cache_clear()
    whole = ends(task.whole, 7, 4)
    monkeypatch.setattr(graph_spectrum, "DENSE", 10)
    ends.cache_clear()
    few = ends(task.whole, 7, 4)
    ends.cache_clear()
    for found in (whole, few):
        torch.testing.assert_close(found.values, torch.cat([values[:7], values[-4:]]), rtol=0, atol=1e-12)
        torch.testing.assert_close(tie @ found.vectors, found.vectors * found.values, rtol=0, atol=1e-11)
        torch.testing.assert_close(found.vectors.T @ found.vectors, torch.eye(11), rtol=0, atol=1e-11)
    with pytest.raises(InputError, match=f"found {len(nodes)} nodes in its largest component, expected 90 or more"):
        ends(task.whole, 45, 45)


def test_edges_of_a_whole_spectrum_are_those_of_the_graph(task: GraphTask) -> None:
    nodes = largest_component(task.whole)
    found = ends(task.whole, len(nodes) - 3, 3)
    spreads = operator(found.vectors, found.values)
    torch.testing.assert_close(spreads, normalised(task, nodes))
    edges = edges_of(spreads)
    torch.testing.assert_close(edges, torch.from_numpy(task.whole.adjacency[nodes][:, nodes].toarray()))
    torch.testing.assert_close(spreading(edges), spreads)
    # Of a matrix that is no such spectrum no weight is negative, and none joins a node with itself.
    other = edges_of(KEY.fold("other").normal(6, 6).double())
    assert bool((other >= 0).all()) and not other.diagonal().any() and bool(torch.isfinite(other).all())


def test_the_distance_of_outer_products_needs_none_of_them() -> None:
    left, right = (KEY.fold(name).normal(9, 40).double() for name in ("left", "right"))
    left[3] = 0
    for scale in (1.0, None):
        sides = [side if scale else torch.nn.functional.normalize(side, dim=1) for side in (left, right)]
        moved = [side.clone().requires_grad_() for side in sides]
        again = [side.clone().requires_grad_() for side in sides]
        short = outer_distance(*moved)
        dense = torch.nn.functional.mse_loss(*(side[:, :, None] * side[:, None] for side in again))
        assert abs(float((short / dense).detach()) - 1) < 1e-12
        for one, two in zip(torch.autograd.grad(short, moved), torch.autograd.grad(dense, again), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-15)


def shown(inputs: dict[str, Tensor], classes: Tensor) -> Synthetic:
    batch = Batch(inputs, torch.eye(3)[classes], classes)
    return Synthetic.of(batch, Fixed(steps=1).render({}, classes, KEY))


def a_set(task: GraphTask, part: Eigenbasis) -> tuple[dict[str, Tensor], Tensor]:
    """What twelve nodes render, and their classes; features and eigenvectors are moved from where they begin."""
    picked = task.load("train", torch.cat([rows[:4] for rows in task.groups("train")]))
    picked = picked._replace(inputs={name: leaf.double() for name, leaf in picked.inputs.items()})
    params = part.init(problem_of(task), picked, KEY)
    learned = params.learned
    learned["edges"]["basis"] = learned["edges"]["basis"] + 0.1 * KEY.fold("moved").normal(12, 12).double()
    return part.render(params, KEY).inputs, picked.classes


def test_the_distance_of_eigenspaces_is_what_its_equation_says(task: GraphTask) -> None:
    inputs, classes = a_set(task, Eigenbasis(ratio=0.75))
    assert inputs["low"].shape == (12, 9) and inputs["high"].shape == (12, 3)
    nodes, train = largest_component(task.whole), task.nodes("train").tolist()
    values, vectors = torch.linalg.eigh(torch.eye(len(nodes)) - normalised(task, nodes))
    order = [*range(9), *range(len(nodes) - 3, len(nodes))]
    values, vectors = values[order], vectors[:, order]
    labels = dict(zip(train, task.load("train").classes.tolist(), strict=True))
    real = {"basis": vectors, "features": torch.from_numpy(task.whole.features[nodes]).double()}
    of = torch.tensor([labels.get(node, -1) for node in nodes.tolist()])
    terms = torch.zeros(3)
    spaces, means = [], []
    for graph, belongs in ((real, of), (inputs, classes)):
        along = graph["basis"].T @ graph["features"]
        spaces.append([torch.outer(row, row) / row.square().sum() for row in along])
        filtered = graph["basis"] @ torch.diag(1 - values) @ graph["basis"].T @ graph["features"]
        mean = torch.stack([filtered[belongs == label].mean(0) for label in range(3)])
        means.append(mean / mean.norm(dim=1, keepdim=True))
    terms[0] = torch.stack([(one - two).square().mean() for one, two in zip(*spaces, strict=True)]).mean()
    terms[1] = (means[0] @ means[1].T - torch.eye(3)).square().mean()
    terms[2] = (inputs["basis"].T @ inputs["basis"] - torch.eye(12)).square().mean()
    for weights in torch.eye(3).tolist():
        found = Eigenspaces(*weights).loss({}, problem_of(task), shown(inputs, classes), KEY)
        torch.testing.assert_close(found, terms @ torch.tensor(weights), rtol=1e-9, atol=0)


def test_a_set_that_is_the_real_graph_is_no_distance_from_it_but_for_classes_that_are_alike(trained: GraphTask) -> None:
    nodes = largest_component(trained.whole)
    labels = dict(zip(trained.nodes("train").tolist(), trained.load("train").classes.tolist(), strict=True))
    classes = torch.tensor([labels[node] for node in nodes.tolist()])
    found = ends(trained.whole, 20, 10)
    inputs = {
        "basis": found.vectors,
        "features": torch.from_numpy(trained.whole.features[nodes]).double(),
        "low": found.low.expand(len(nodes), -1),
        "high": found.high.expand(len(nodes), -1),
    }
    losses = [
        float(Eigenspaces(*weights).loss({}, problem_of(trained), shown(inputs, classes), KEY))
        for weights in torch.eye(3).tolist()
    ]
    means = aims(trained, 20, 10).means
    assert abs(losses[0]) < 1e-15 and abs(losses[2]) < 1e-15
    assert losses[1] == pytest.approx(float((means @ means.T - torch.eye(3)).square().mean()), rel=1e-9)


def test_neither_the_order_of_nodes_nor_signs_nor_the_scale_of_features_make_a_difference(task: GraphTask) -> None:
    objective, problem = Eigenspaces(0.7, 0.2, 0.1), problem_of(task)
    inputs, classes = a_set(task, Eigenbasis())
    before = objective.loss({}, problem, shown(inputs, classes), KEY)
    order, signs = KEY.fold("order").permutation(12), torch.tensor([1.0, -1.0]).repeat(6)
    for changed in (
        ({name: leaf[order] for name, leaf in inputs.items() if name != "edges"}, classes[order]),
        ({**inputs, "basis": inputs["basis"] * signs}, classes),
        ({**inputs, "features": 7 * inputs["features"]}, classes),
    ):
        torch.testing.assert_close(objective.loss({}, problem, shown(*changed), KEY), before, rtol=1e-11, atol=0)
    # Nor do those of the real eigenvectors: what is matched of classes has each twice, and distances square them.
    wanted = aims(task, 12, 0)
    along = KEY.fold("along").normal(12, wanted.spaces.shape[1]).double()
    torch.testing.assert_close(
        outer_distance(along, wanted.spaces * signs[:, None]), outer_distance(along, wanted.spaces)
    )


def test_eigenvectors_are_learned_beside_features_and_edges_are_stored(task: GraphTask) -> None:
    part, problem = Eigenbasis(ratio=0.7), problem_of(task)
    picked = task.load("train", torch.cat([rows[:4] for rows in task.groups("train")]))
    params = part.init(problem, picked, KEY)
    basis = params.learned["edges"]["basis"].double()
    torch.testing.assert_close(basis.T @ basis, torch.eye(12), rtol=0, atol=1e-5)
    rendered = part.render(params, KEY).inputs
    found = ends(task.whole, 9, 3)  # nine are 8.4, rounded up
    spreads = torch.eye(12) - basis @ torch.diag(found.values) @ basis.T
    root = spreads.diagonal().clamp(min=0.05).sqrt()
    expected = (spreads / torch.outer(root, root)).clamp(min=0).fill_diagonal_(0)
    torch.testing.assert_close(rendered["edges"].double(), expected, rtol=1e-4, atol=1e-5)
    stored = part.stored(params)
    again = part.render(stored, KEY)
    assert set(again.inputs) == {"edges", "features"} and set(stored.learned) == {"inputs"}
    torch.testing.assert_close(again.inputs["edges"], rendered["edges"])
    assert torch.equal(part.render(part.stored(stored), KEY).inputs["edges"], again.inputs["edges"])
    assert torch.equal(again.classes, picked.classes)


def test_what_has_no_eigenvectors_is_refused_in_one_line(task: GraphTask, tmp_path: Path) -> None:
    picked = task.load("train", torch.arange(6))
    schedule = Fixed(steps=1).render({}, picked.classes, KEY)
    with pytest.raises(InputError, match="objective eigenspaces: found a set without eigenvectors") as refused:
        Eigenspaces().loss({}, problem_of(task), Synthetic.of(picked, schedule), KEY)
    assert "\n" not in str(refused.value)
    images = Problem(load("digits"), load("digits").network("mlp"), CPU, NoCache())
    with pytest.raises(InputError, match="digits: it is no graph"):
        Eigenspaces().init(images, KEY)
    for start in (Coarsened(), Recognised()):
        with pytest.raises(InputError, match="digits: it is no graph"):
            start.check(images)
    with pytest.raises(InputError, match="found inputs that are no graph"):
        Eigenbasis().init(images, images.real(KEY, 1), KEY)
    with pytest.raises(InputError, match="expected a share, from 0 to 1"):
        Eigenbasis(ratio=1.5)
    held = small_graph.arrays()
    of = held["labels"] == 2
    apart = held["edge_index"][:, ~(of[held["edge_index"]].any(0))]
    alone = load(small_graph.write(tmp_path / "apart.npz", edge_index=apart))
    with pytest.raises(InputError, match="found no training node of class 'cow' in the largest component"):
        aims(alone, 3, 2)


def graph_of(*edges: tuple[int, int]) -> Any:
    """The weights of a few edges."""
    size = 1 + max(map(max, edges))
    dense = numpy.zeros((size, size))
    for one, two in edges:
        dense[one, two] = dense[two, one] = 1
    return csr_matrix(dense)


TRIANGLES = ((0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5), (2, 3))


def test_two_triangles_become_two_nodes() -> None:
    weights = graph_of(*TRIANGLES)
    of = clusters(weights, 2, pairs=3)
    assert [len(set(of[part].tolist())) for part in (slice(0, 3), slice(3, 6))] == [1, 1] and of[0] != of[3]
    sums = members(of)
    made = (sums.T @ weights @ sums).toarray()
    assert made.tolist() == [[6, 1], [1, 6]] and made.sum() == weights.sum()
    assert sorted(set(clusters(weights, 6).tolist())) == list(range(6)), "as many as nodes: each its own"


def test_what_a_pair_costs_has_a_closed_form_and_a_set_a_literal_one() -> None:
    weights, signals = graph_of(*TRIANGLES), KEY.fold("signals").normal(6, 4).double().numpy()
    degrees = weights.toarray().sum(1)
    for one, two in TRIANGLES:
        off = float(((signals[one] - signals[two]) ** 2).sum())
        assert variation(weights, signals, (one, two)) == pytest.approx(off * (degrees[one] + degrees[two]) / 2)
    nodes, total = (2, 0, 1, 3), 0.0
    mean = signals[list(nodes)].mean(0)
    # Each edge within once, and each that leaves twice, as a difference from the mean of what lies within.
    for one in range(6):
        for two in range(6):
            if weights[one, two] and one in nodes:
                total += ((signals[one] - signals[two]) ** 2).sum() / 2 if two in nodes else 0
                total += 2 * ((signals[one] - mean) ** 2).sum() if two not in nodes else 0
    assert variation(weights, signals, nodes) == pytest.approx(total / 3)
    tie = laplacian(weights).toarray()
    low = smooth(weights, 3)
    values = numpy.linalg.eigvalsh(tie)[:3]
    assert numpy.allclose(low.T @ low, numpy.diag([0, *(1 / values[1:])])) and numpy.allclose(
        low.T @ tie @ low, numpy.diag([0, 1, 1])
    )
    assert numpy.allclose(whitened(weights, signals).T @ tie @ whitened(weights, signals), numpy.eye(4))


@pytest.mark.parametrize("count", [2, 5, 12, 40, 87])
def test_clusters_are_as_many_as_asked_for_and_connected(task: GraphTask, count: int) -> None:
    from scipy.sparse.csgraph import connected_components

    inside = largest_component(task.whole)
    weights = task.whole.adjacency[inside][:, inside].tocsr()
    of = clusters(weights, count)
    assert sorted(set(of.tolist())) == list(range(count))
    for label in range(count):
        within = numpy.flatnonzero(of == label)
        assert connected_components(weights[within][:, within], directed=False)[0] == 1
    assert numpy.array_equal(clusters(weights, count), of)


def test_a_coarsened_graph_keeps_its_weight_and_has_means_and_majorities(task: GraphTask) -> None:
    start, problem = Coarsened(), problem_of(task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picked = start.pick(problem, 4, KEY)
    inside = largest_component(task.whole)
    weights = task.whole.adjacency[inside][:, inside].tocsr()
    assert float(picked.inputs["edges"].sum()) == weights.sum()
    assert len(picked.classes) == 12 and picked.classes.tolist() == sorted(picked.classes.tolist())
    assert torch.equal(picked.targets, torch.eye(3, dtype=torch.float32)[picked.classes])
    of = clusters(weights, 12)
    features = torch.from_numpy(task.whole.features[inside]).double()
    means = torch.stack([features[torch.from_numpy(of == label)].mean(0) for label in range(12)])
    apart = torch.cdist(picked.inputs["features"].double(), means)
    match = apart.argmin(1)
    assert sorted(match.tolist()) == list(range(12)) and float(apart.min(1).values.max()) < 1e-5
    train = dict(zip(task.nodes("train").tolist(), task.load("train").classes.tolist(), strict=True))
    for item, label in enumerate(match.tolist()):
        votes = numpy.bincount(
            [train[node] for node, each in zip(inside.tolist(), of, strict=True) if each == label and node in train],
            minlength=3,
        )
        assert not votes.any() or votes[picked.classes[item]] == votes.max()
    with pytest.raises(InputError, match="nodes in the largest component, expected 90 or more; distil at most"):
        start.pick(problem, 30, KEY)


def test_a_cluster_without_labels_has_the_class_of_those_nearest_and_a_class_without_clusters_is_told() -> None:
    path = graph_of((0, 1), (1, 2), (2, 3))
    votes = numpy.array([[0, 2.0], [0, 0], [0, 0], [3, 1]])
    assert majorities(path, votes).tolist() == [1, 1, 0, 0]
    assert majorities(path, numpy.array([[0, 0], [0, 0], [0, 0], [0, 1.0]])).tolist() == [1] * 4
    with pytest.raises(InputError, match="found no training node in the largest component"):
        majorities(path, 0 * votes)
    with pytest.warns(UserWarning, match=r"found classes without a cluster \(ant 2, bat 0\); take more items"):
        Coarsened()._tell(numpy.array([0, 0]), ("ant", "bat"))


def test_features_are_recognised_as_their_class(task: GraphTask) -> None:
    torch.set_default_dtype(torch.float32)
    problem = problem_of(task)
    start = Recognised(teacher=Teacher(network="mlp-w16", learning_rate=0.1), learning_rate=0.05, weight_decay=0.0)
    picked = start.pick(problem, 3, KEY)
    said = start.teacher.reader(problem)(picked.inputs)
    assert picked.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] and torch.equal(said.argmax(1), picked.classes)
    assert not picked.inputs["edges"].any()
    assert torch.equal(start.pick(problem, 3, KEY).inputs["features"], picked.inputs["features"])
