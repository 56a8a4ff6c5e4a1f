"""Graphs: how nodes are read, what networks see of them, and what is condensed, against dense references."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

import limbeck
import small_graph
from doubled_digits import double as double
from limbeck.cli import main
from limbeck.codecs import Nodes
from limbeck.codecs.node_link import COLOURS, layout, strongest
from limbeck.computations import AllReal, Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.imported import import_set
from limbeck.learn.graphs import MEAN, NORMALISED, WEIGHTS, spreading
from limbeck.learn.optim import SGD, Alternating
from limbeck.learn.sensitivity import gradient, mean_loss
from limbeck.parameterizations import PairwiseEdges, WithoutEdges
from limbeck.probes.continuation import Continuation
from limbeck.protocols import named
from limbeck.recipes import recipe_for
from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job
from limbeck.runs.session import Session
from limbeck.starts.clustered_nodes import ClusteredNodes, clustered, linked, spread_to
from limbeck.tasks import load, reload
from limbeck.tasks.graphs import GraphTask, of_pyg

KEY, CPU = Key(("graphs",)), torch.device("cpu")
NETWORKS = ("sgc", "gcn-w5", "sage-w5", "gat-w2-a3", "mlp-w4", "gcn-w5-h3")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> GraphTask:
    made = load(small_graph.write(tmp_path_factory.mktemp("graph") / "small.npz"))
    assert isinstance(made, GraphTask)
    return made


def adjacency() -> Tensor:
    """The whole graph, dense."""
    edges = torch.zeros(small_graph.NODES, small_graph.NODES)
    left, right = torch.from_numpy(small_graph.arrays()["edge_index"])
    edges[left, right] = edges[right, left] = 1
    return edges


def everything(task: GraphTask) -> dict[str, Tensor]:
    """All nodes as a dense graph, as a network sees them."""
    return {"features": torch.from_numpy(task.whole.features).double(), "edges": adjacency()}


def drawn(network: Any) -> dict[str, Tensor]:
    """Parameters of which none is zero."""
    return {name: KEY.fold(name).normal(*leaf.shape).double() / 3 for name, leaf in network.init(KEY).items()}


def test_what_nodes_take_of_one_another_is_as_defined_whatever_the_weights() -> None:
    edges = KEY.fold("weights").normal(6, 6).double()
    held = ((edges + edges.T) / 2).clamp(min=0)
    looped = held + torch.eye(6)
    for row in range(6):
        for column in range(6):
            expected = looped[row, column] / (looped[row].sum() * looped[column].sum()).sqrt()
            torch.testing.assert_close(spreading(edges)[row, column], expected)
    torch.testing.assert_close(spreading(edges, WEIGHTS), looped)
    torch.testing.assert_close(spreading(edges, MEAN), held / held.sum(1, keepdim=True))
    assert not spreading(torch.zeros(2, 2), MEAN).any()


@pytest.mark.parametrize("by", [NORMALISED, MEAN, WEIGHTS])
def test_the_sparse_graph_spreads_as_the_dense_one(by: str, task: GraphTask) -> None:
    found = torch.from_numpy(task.whole.spreading(by).toarray())
    torch.testing.assert_close(found, spreading(adjacency(), by), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NETWORKS)
def test_nodes_in_their_place_are_read_as_in_the_whole_dense_graph(name: str, task: GraphTask) -> None:
    network = task.network(name)
    params, nodes = drawn(network), task.nodes("test")
    whole = network.apply(params, everything(task))
    here = network.apply(params, task.in_place(CPU, "test").inputs)
    torch.testing.assert_close(here.outputs, whole.outputs[nodes], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(here.features, whole.features[nodes], rtol=1e-6, atol=1e-7)
    every = KEY.fold("every").permutation(small_graph.NODES)
    again = network.apply(params, {"nodes": every}).outputs
    torch.testing.assert_close(again, whole.outputs[every], rtol=1e-6, atol=1e-7)
    layers = network.layers(params, task.in_place(CPU, "test").inputs), network.layers(params, everything(task))
    for near, all_of in zip(*layers, strict=True):
        torch.testing.assert_close(near, all_of[nodes], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", NETWORKS)
def test_permuting_nodes_permutes_outputs_and_derivatives_are_those_of_differences(name: str, task: GraphTask) -> None:
    network, order = task.network(name), KEY.permutation(7)
    params = drawn(network)
    edges = KEY.fold("edges").uniform(7, 7).double()
    graph = {"features": KEY.fold("features").normal(7, 8).double(), "edges": edges + edges.T}
    turned = {"features": graph["features"][order], "edges": graph["edges"][order][:, order]}
    outputs = network.apply(params, graph).outputs
    torch.testing.assert_close(network.apply(params, turned).outputs, outputs[order])

    def said(features: Tensor, edges: Tensor) -> Tensor:
        return network.apply(params, {"features": features, "edges": edges}).outputs

    leaves = tuple(leaf.clone().requires_grad_() for leaf in graph.values())
    if name != "mlp-w4":
        assert torch.autograd.gradcheck(said, leaves, fast_mode=True)


def test_sgc_is_one_linear_layer_on_features_spread_twice(task: GraphTask) -> None:
    network, graph = task.network("sgc"), everything(task)
    params = drawn(network)
    far = spreading(graph["edges"]) @ spreading(graph["edges"]) @ graph["features"]
    expected = far @ params["head.weight"].T + params["head.bias"]
    torch.testing.assert_close(network.apply(params, graph).outputs, expected)


def test_native_networks_see_the_units_of_the_data(task: GraphTask) -> None:
    scaled, native = task.network("gcn-w5"), task.network("gcn-native-w5")
    params, graph = drawn(scaled), task.load("train")
    inputs = {name: leaf.double() for name, leaf in graph.inputs.items()}
    raw = task.codec.decode(inputs)
    torch.testing.assert_close(native.apply(params, inputs).outputs, scaled.apply(params, raw).outputs)
    at = task.in_place(CPU, "test").inputs
    # The first layer sees a linear function of features.
    smaller = {**params, "hidden.0.weight": params["hidden.0.weight"] / task.codec.to_tensors()["scale"]}
    torch.testing.assert_close(native.apply(params, at).outputs, scaled.apply(smaller, at).outputs)
    norm = task.load("train").inputs["features"].double().square().sum(1).mean().sqrt()
    assert 3 < float(norm) < 5
    assert named("gcond").learner(task, scaled).name == "gcn-w5-native"
    with pytest.raises(InputError, match="protocol gcond trains on graphs, and digits is none"):
        named("gcond").learner(load("digits"), load("digits").network("mlp"))


def test_parts_of_a_graph_keep_the_edges_among_them_and_graphs_lie_side_by_side(task: GraphTask) -> None:
    batch, rows = task.load("train"), torch.tensor([4, 0, 7])
    nodes = task.nodes("train")
    assert torch.equal(batch.inputs["edges"].double(), adjacency()[nodes][:, nodes])
    part = task.take(batch, rows)
    assert torch.equal(part.inputs["edges"], task.load("train", rows).inputs["edges"])
    assert torch.equal(part.inputs["features"], task.load("train", rows).inputs["features"])
    both = task.join([part, task.in_place(CPU, "test", torch.tensor([1, 2]))])
    assert torch.equal(task.take(both, torch.arange(3)).inputs["edges"], part.inputs["edges"])
    alone = task.load("test", torch.tensor([1, 2]))
    assert torch.equal(task.take(both, torch.tensor([3, 4])).inputs["edges"], alone.inputs["edges"])
    assert not both.inputs["edges"][:3, 3:].any() and torch.equal(both.targets[3:], alone.targets)


def test_some_nodes_amid_all_have_the_mean_loss_of_theirs(task: GraphTask) -> None:
    network, batch = task.network("gcn-w5"), tree.map(lambda leaf: leaf.double(), task.load("train"))
    batch = batch._replace(classes=task.load("train").classes)
    params, rows = drawn(network), (batch.classes == 1).nonzero()[:, 0]
    each = task.loss(network.apply(params, batch.inputs).outputs, batch.targets)
    torch.testing.assert_close(mean_loss(task, network)(params, task.amid(batch, rows)), each[rows].mean())


def test_all_real_data_are_the_labelled_nodes_amid_the_whole_graph(task: GraphTask) -> None:
    network = task.network("gcn-w5")
    context = ProbeContext(Problem(task, network, CPU, NoCache()))
    loader, count = AllReal().examples(context, 0)
    found = gradient(mean_loss(task, network), drawn(network), loader(torch.arange(count), 0))

    nodes, targets, graph = task.nodes("train"), task.load("train").targets.double(), everything(task)

    def loss(params: Any) -> Tensor:
        return task.loss(network.apply(params, graph).outputs[nodes], targets).mean()

    expected = torch.func.grad(loss)(drawn(network))
    for name, slope in expected.items():
        torch.testing.assert_close(found[name].double(), slope, rtol=1e-5, atol=1e-7)


def test_a_network_of_the_whole_graph_learns_what_one_of_features_alone_does_not(task: GraphTask) -> None:
    context = ProbeContext(Problem(task, task.network("gcn"), CPU, NoCache()))
    torch.set_default_dtype(torch.float32)
    scores = [
        float(Training(AllReal(), network=name).run(context.under(name) if name else context)["accuracy"][-1])
        for name in ("", "mlp")
    ]
    assert scores[0] > 0.85 > scores[1] + 0.1


def test_an_archive_comes_back_whatever_its_form(tmp_path: Path, task: GraphTask) -> None:
    held = small_graph.arrays()
    sparse = csr_matrix(held["features"])
    left, right = held["edge_index"]
    other = small_graph.write(
        tmp_path / "other.npz",
        features=None,
        feat_indptr=sparse.indptr,
        feat_indices=sparse.indices,
        feat_values=sparse.data,
        feat_shape=numpy.array(sparse.shape),
        edge_index=numpy.concatenate([[right, left], [left, right], [[3, 4], [3, 4]]], 1),
    )
    found = load(other)
    assert isinstance(found, GraphTask) and numpy.array_equal(found.whole.edges, task.whole.edges)
    torch.testing.assert_close(found.load("test").inputs, task.load("test").inputs)
    assert "2 edges from a node to itself were left out" in found.notes
    assert reload(task.reference, task_root(task)).fingerprint == task.fingerprint != found.fingerprint
    masks = {name: torch.zeros(small_graph.NODES, dtype=torch.bool) for name in ("train", "val", "test")}
    for name, mask in masks.items():
        mask[torch.from_numpy(held[f"{name}_idx"])] = True
    data = SimpleNamespace(
        x=torch.from_numpy(held["features"]),
        edge_index=torch.from_numpy(held["edge_index"]),
        y=torch.from_numpy(held["labels"]),
        **{f"{name}_mask": mask for name, mask in masks.items()},
    )
    numpy.savez(tmp_path / "pyg.npz", **of_pyg(data))
    again = load(f"graph:{tmp_path}/pyg.npz")
    assert again.load("train").classes.sort().values.tolist() == task.load("train").classes.sort().values.tolist()
    with pytest.raises(InputError, match="found no y, train_mask, val_mask, test_mask"):
        of_pyg(SimpleNamespace(x=data.x, edge_index=data.edge_index))


def task_root(task: GraphTask) -> Path:
    """Where its archive lies."""
    return Path(task.name.partition(":")[2]).parent


def test_without_a_validation_split_a_tenth_of_each_class_validates(tmp_path: Path) -> None:
    made = load(small_graph.write(tmp_path / "two.npz", val_idx=None))
    counts = [[len(rows) for rows in made.groups(split)] for split in ("train", "validation")]
    assert (
        counts[1] == [1, 1, 1] and sum(counts[0]) == 27 and any("a tenth of each class" in each for each in made.notes)
    )


HELD = small_graph.arrays()
HOLED = HELD["features"].copy()
HOLED[3, 1] = numpy.nan


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"edge_index": numpy.array([[0, 1], [1, 90]])}, "edge 1 joins nodes 1 and 90, expected numbers from 0 to 89"),
        ({"edge_index": numpy.zeros((2, 0), int)}, "found no edge between two nodes"),
        ({"edge_index": HELD["edge_index"].T}, r"edge_index is of shape .*, expected \(2, edge\)"),
        ({"edge_index": HELD["edge_index"] / 1.0}, "edge_index is of type float64, expected whole numbers"),
        ({"train_idx": HELD["test_idx"]}, "is in train_idx and test_idx, expected every node in one split"),
        ({"train_idx": HELD["train_idx"][[0, 0, 1]]}, "is in train_idx twice"),
        ({"test_idx": numpy.array([], int)}, "test_idx names no node"),
        ({"test_idx": numpy.array([200])}, "expected a list of numbers from 0 to 89"),
        ({"labels": HELD["labels"][:-1]}, r"features of 90 nodes and labels of shape \(89,\)"),
        ({"labels": numpy.where(HELD["labels"] == 1, -1, HELD["labels"])}, "of train_idx has no label"),
        ({"labels": HELD["labels"] * 2, "class_names": None}, "no training node is of class '1'"),
        ({"features": HOLED}, "features has 1 NaN or infinite numbers"),
        ({"features": HELD["features"][:, 0]}, r"features is of shape \(90,\)"),
        ({"features": None}, "no feat_indptr, feat_indices, feat_values, feat_shape"),
        ({"class_names": numpy.array(["a", "a", "b"])}, "expected 3 different texts"),
        ({"labels": numpy.array([{}] * 90)}, "pickled objects, which are never loaded"),
    ],
)
def test_what_is_no_graph_is_refused_in_one_line(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as refused:
        load(small_graph.write(tmp_path / "graph.npz", **changed))
    assert "\n" not in str(refused.value)


def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("nodes")
    for path, message in ((tmp_path / "text.npz", "damaged, or no .npz archive"), (tmp_path, "found a folder")):
        with pytest.raises(InputError, match=message):
            load(f"graph:{path}")
    with pytest.raises(InputError, match=re.escape(f"cora: not found; looked for {tmp_path}/planetoid/cora.npz")):
        load("cora", root=tmp_path)


def test_clusters_are_found_and_features_solve_their_equation() -> None:
    blobs = torch.eye(4)[[0, 1, 2, 0, 1, 2, 0, 1]] + 0.01 * KEY.fold("noise").normal(8, 4).double()
    found = clustered(blobs, 3, KEY)
    assert all((found[left] == found[right]) == ((left - right) % 3 == 0) for left in range(8) for right in range(8))
    means, edges = linked(KEY.fold("means").normal(6, 5).double(), 0.2)
    assert bool(edges.any()) and torch.equal(edges, edges.T) and not edges.diag().any()
    unit = means / means.norm(dim=1, keepdim=True)
    assert torch.equal(edges.bool(), (unit @ unit.T > 0.2) & ~torch.eye(6, dtype=torch.bool))
    features, power = spread_to(means, edges, 3.0), torch.linalg.matrix_power(spreading(edges), 3)
    degrees = edges.sum(1)
    normed = torch.zeros(6, 6)
    for row in range(6):
        for column in range(6):
            if degrees[row] and degrees[column]:
                tie = degrees[row] * (row == column) - edges[row, column]
                normed[row, column] = tie / (degrees[row] * degrees[column]).sqrt()
    torch.testing.assert_close((power @ power.T + normed) @ features, 3 * power.T @ means)
    # The equation is where |P'X - pull H|^2 + tr X' L X is least, as P is symmetric.
    moved = features.clone().requires_grad_()
    value = (power.T @ moved - 3 * means).square().sum() + (moved * (normed @ moved)).sum()
    (slope,) = torch.autograd.grad(value, [moved])
    assert float(slope.abs().max()) < 1e-9


def test_without_edges_features_are_the_means_of_clusters(task: GraphTask) -> None:
    problem = Problem(task, task.network("sgc"), CPU, NoCache())
    start = ClusteredNodes(added=0.0, linked=1.0, sharpness=1e9)
    least = min(map(len, task.groups("train")))
    picked = start.pick(problem, least, KEY)
    assert not picked.inputs["edges"].any() and picked.classes.tolist() == sorted(picked.classes.tolist())
    far = task.whole.rows(task.nodes("train"), 2).double()
    label = next(label for label, rows in enumerate(task.groups("train")) if len(rows) == least)
    found = picked.inputs["features"][picked.classes == label].double()
    expected = far[task.groups("train")[label]]
    assert float(torch.cdist(found, expected).min(1).values.max()) < 1e-5, "as many clusters as nodes: each its own"
    with pytest.raises(InputError, match="digits: it is no graph"):
        start.check(Problem(load("digits"), load("digits").network("mlp"), CPU, NoCache()))


def test_a_network_says_edges_of_pairs_and_what_is_stored_is_rendered(task: GraphTask) -> None:
    problem, start = Problem(task, task.network("sgc"), CPU, NoCache()), task.load("train", torch.arange(5))
    start = start._replace(inputs={name: leaf.double() for name, leaf in start.inputs.items()})
    part = PairwiseEdges(width=6)
    params = part.init(problem, start, KEY)
    says, features = params.learned["edges"], start.inputs["features"]
    pairs = torch.cat([features[:, None].expand(5, 5, -1), features[None].expand(5, 5, -1)], 2).reshape(25, -1)
    found = pairs
    for layer in range(3):
        found = found @ says[f"weight{layer}"].T + says[f"bias{layer}"]
        if layer < 2:
            found = torch.nn.functional.batch_norm(found, None, None, training=True).relu()
    each = found.reshape(5, 5)
    expected = ((each + each.T) / 2).sigmoid().fill_diagonal_(0)
    edges = part.render(params, KEY).inputs["edges"]
    torch.testing.assert_close(edges, expected)
    stored = part.stored(params)
    again = part.render(stored, KEY).inputs["edges"]
    torch.testing.assert_close(again, torch.where(expected < 0.5, 0, expected).float())
    assert set(stored.learned) == {"inputs"} and bool((again == 0).any()) and bool((again > 0).any())
    alone = WithoutEdges()
    plain = alone.render(alone.init(problem, start, KEY), KEY)
    assert torch.equal(plain.inputs["features"], features) and not plain.inputs["edges"].any()
    images = Problem(load("digits"), load("digits").network("mlp"), CPU, NoCache())
    with pytest.raises(InputError, match="parameterization without-edges: found inputs that are no graph"):
        alone.init(images, images.real(KEY, 1), KEY)


def test_a_condensed_graph_of_others_comes_in_with_its_edges_and_labels(task: GraphTask, tmp_path: Path) -> None:
    features, edges = KEY.fold("feat").normal(6, 8), torch.ones(6, 6).fill_diagonal_(0)
    torch.save(features, tmp_path / "feat_small.pt")
    made = import_set(tmp_path / "feat_small.pt", task=task)
    order = list(dict.fromkeys(task.load("train").classes.tolist()))
    counts = task.load("train").classes.bincount()
    order.sort(key=lambda label: int(counts[label]))
    assert made.batch.classes.tolist() == [label for label in order for _ in range(2)]
    torch.testing.assert_close(made.native["features"], features.float())
    assert not made.batch.inputs["edges"].any()
    torch.save(edges, tmp_path / "adj_small.pt")
    torch.save(torch.tensor([0, 0, 1, 1, 2, 2]), tmp_path / "label_small.pt")
    whole = import_set(tmp_path / "feat_small.pt", task=task)
    assert whole.batch.classes.tolist() == [0, 0, 1, 1, 2, 2] and torch.equal(whole.batch.inputs["edges"], edges)
    for wrong, message in (
        ({"feat_small.pt": torch.ones(6, 5)}, "5 features of each node, and graph:"),
        ({"adj_small.pt": torch.ones(5, 5)}, r"edges of shape \(5, 5\), expected \(6, 6\)"),
        ({"label_small.pt": torch.tensor([0, 0, 1, 1, 2, 3])}, "classes from 0 to 3, expected 0 to 2"),
    ):
        for name, value in wrong.items():
            torch.save(value, tmp_path / name)
        with pytest.raises(InputError, match=message):
            import_set(tmp_path / "feat_small.pt", task=task)
        torch.save(features, tmp_path / "feat_small.pt")
        torch.save(edges, tmp_path / "adj_small.pt")


def test_groups_take_turns() -> None:
    turns = Alternating("edges", SGD(1.0), SGD(0.1), first=2, then=3)
    moved = []
    for group in ("edges", "inputs"):
        at = torch.zeros(1)
        optimizer = turns.of(group)
        state = optimizer.init(at)
        moved.append([])
        for step in range(10):
            before = at
            at, state = optimizer.at(step).step(at, torch.ones(1), state)
            moved[-1].append(round(float(before - at), 6))
    assert moved[0] == [1, 1, 0, 0, 0] * 2 and moved[1] == [0, 0, 0.1, 0.1, 0.1] * 2


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: object = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)


def test_every_verb_answers_of_a_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_default_dtype(torch.float32)
    data = small_graph.write(tmp_path / "small.npz")
    assert main(["describe", data]) == 0 and "ant" in capsys.readouterr().out
    task, path = load(data), tmp_path / "a.safetensors"
    with Session(tmp_path / "runs", device="cpu", workers=1, executor=Here()) as session:
        limbeck.distill(task, "cgc", ipc=2, network="gcn-w8", session=session).save(path)
        moved = replace(recipe_for("dm", data, 2), steps=2)
        made = limbeck.distill(task, moved, ipc=2, network="gcn-w8", session=session)
        assert tree.finite(made.batch.inputs)
        rows = limbeck.evaluate(path, protocol=Steps(3), repeats=1, baselines=["random", "full"], session=session)
        assert [row.set for row in rows[1:]] == ["random", "full"]
        (finding,) = limbeck.explain(path, probes=[Continuation(1, 100, 3)], session=session)
        assert finding.verdict
        limbeck.export(made, "npz", tmp_path / "a.npz", session=session)
        page = limbeck.write_report([path], out=tmp_path / "page.html", session=session)
    assert numpy.load(tmp_path / "a.npz")["x/edges"].shape == (6, 6)
    assert page.findings and 'class="scene"' in (tmp_path / "page.html").read_text()


def test_a_graph_is_drawn_alike_each_time_with_few_edges() -> None:
    count, names = 12, ("ant", "bat", "cow")
    edges = KEY.fold("many").uniform(count, count).double()
    edges = (edges + edges.T).fill_diagonal_(0)
    few = strongest(edges, 2)
    chosen = torch.zeros(count, count, dtype=torch.bool)
    for row in range(count):
        chosen[row, edges[row].topk(2).indices] = True
    assert torch.equal(few, torch.where(chosen | chosen.T, edges, 0))
    features, classes = KEY.fold("at").normal(count, 4).double(), torch.arange(count) % 3
    graph = {"edges": edges, "features": features}
    pictures = [Nodes(2.0).scene(graph, classes, names) for _ in range(2)]
    assert torch.equal(*pictures)
    for colour in COLOURS[:3]:
        ink = torch.tensor([int(colour[place : place + 2], 16) for place in (1, 3, 5)], dtype=torch.uint8)
        assert int((pictures[0] == ink).all(2).sum()) > 100, "each class has nodes and a place in the legend"
    apart = layout(edges, features, classes)
    assert apart.min() >= 0 and apart.max() <= 1
    assert numpy.linalg.norm(apart[:, None] - apart[None], axis=2)[~numpy.eye(count, dtype=bool)].min() > 0.01
