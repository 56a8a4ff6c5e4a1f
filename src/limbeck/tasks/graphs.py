"""The task of naming the class of a node of a graph, judged amid all of its nodes."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.codecs.nodes import Nodes
from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.placing import cpu, onto
from limbeck.core.tree import EXAMPLES, Tree
from limbeck.learn.graphs import EDGES, FEATURES, NODES, Whole
from limbeck.tasks import places
from limbeck.tasks.labelled import Labelled, LabelledTask
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.readers import graphs as reader
from limbeck.tasks.readers.source import Array

DEFAULT = "gcn"
"""The network where none is named."""
SEEN = 4.0
"""The norm of features as a network sees them. Plain gradient descent at 0.01, by which sets are scored and looked at
unless a protocol is named, then comes to 81 % on all of Cora and 73 % on Citeseer in 300 steps (GCN); on rows that add
up to 1, whose norm is 0.2, to 31 %."""
PLANETOID = {
    "cora": (
        "2,708 papers that cite one another, in 7 fields, each the words that it has; a graph, 140 nodes to train on",
        ("Theory", "Reinforcement learning", "Genetic algorithms", "Neural networks", "Probabilistic methods",
         "Case-based", "Rule learning"),
    ),
    "citeseer": (
        "3,327 papers that cite one another, in 6 fields, each the words that it has; a graph, 120 nodes to train on",
        ("AI", "Machine learning", "Information retrieval", "Databases", "Agents", "Human-computer interaction"),
    ),
}  # fmt: skip
"""{name: (summary, classes)} of the graphs of Yang et al. (ICML 2016), by whose public split they are scored."""
TRANSDUCTIVE = "nodes of all splits are seen as neighbours; the labels of the training nodes alone are used"


@dataclass(frozen=True, eq=False)
class GraphTask(LabelledTask):
    """Classification of the nodes of one graph (Yang et al., ICML 2016), by the share that is named rightly.

    An example is a node. As a graph of their own, nodes are {"features": (example, number), "edges": (example,
    example)} with the edges among themselves alone: so baselines select, and so is what a learner is trained on.
    Where they lie, they are {"nodes": (example)}, read by networks that know the whole graph: so test nodes are judged,
    so all real data train, and so objectives see real nodes.
    """

    whole: Whole = field(kw_only=True, repr=False)

    @property
    def shape(self) -> Tree:
        """{"features": (number,), "edges": (EXAMPLES,)}."""
        return {FEATURES: (self.whole.features.shape[1],), EDGES: (EXAMPLES,)}

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A digest of all nodes and edges, and of the labels of each split."""
        hasher = hashlib.sha256("\0".join(self.classes).encode())
        features = self.whole.features
        parts = (features,) if isinstance(features, np.ndarray) else (features.indptr, features.indices, features.data)
        for array in (*parts, self.whole.edges):
            hasher.update(f"{array.shape} {array.dtype}".encode())
            hasher.update(np.ascontiguousarray(array).tobytes())
        for split, (native, labels) in sorted(self.splits.items()):
            hasher.update(f"{split} {len(labels)}".encode())
            hasher.update(native[NODES].numpy().tobytes() + labels.numpy().tobytes())
        return hasher.hexdigest()

    def nodes(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Int[Tensor, " example"]:
        """The numbers of the given rows of `split` in the whole graph."""
        nodes: Tensor = self._split(split).native[NODES]
        return nodes if rows is None else nodes[rows.cpu()]

    def native(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Tree:
        """The nodes of the given rows of `split` as a graph of their own, in the units of the data."""
        return self.codec.decode(self._alone(self.nodes(split, rows)))

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The nodes of the given rows of `split` as a graph of their own."""
        nodes, labels = self.nodes(split, rows), self._split(split).labels
        return self._batch(self._alone(nodes), labels if rows is None else labels[rows.cpu()])

    def _batch(self, inputs: Tree, classes: Int[Tensor, " example"]) -> Batch:
        return Batch(inputs, torch.nn.functional.one_hot(classes, len(self.classes)).float(), classes)

    def _alone(self, nodes: Int[Tensor, " example"]) -> Tree:
        return {FEATURES: self.whole.rows(nodes.cpu()), EDGES: self.whole.among(nodes.cpu())}

    def in_place(self, device: torch.device, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The nodes of the given rows of `split` amid all others: inputs {"nodes": (example)}."""
        nodes, labels = self.nodes(split, rows), self._split(split).labels
        return self._batch({NODES: nodes}, labels if rows is None else labels[rows.cpu()]).to(device)

    def take(self, batch: Batch, rows: Tensor) -> Batch:
        """The nodes of a batch at `rows`, with the edges among them."""
        at = rows.nonzero()[:, 0] if rows.dtype == torch.bool else rows
        taken: Batch = tree.rows(batch, at)
        if EDGES not in taken.inputs:
            return taken
        edges = taken.inputs[EDGES]
        return taken._replace(inputs={**taken.inputs, EDGES: edges[:, onto(at, edges.device)]})

    def amid(self, batch: Batch, rows: Tensor) -> Batch:
        """All nodes of a batch, of which those at `rows` alone have targets, scaled so that the mean loss is theirs."""
        if NODES in batch.inputs:
            return self.take(batch, rows)
        chosen = torch.zeros(len(batch.classes)).index_fill(0, rows.cpu(), len(batch.classes) / len(rows))
        return batch._replace(targets=batch.targets * onto(chosen, batch.targets.device)[:, None].to(batch.targets))

    def join(self, batches: Sequence[Batch]) -> Batch:
        """The graphs of several batches beside one another; nodes of the whole graph as a graph of their own."""
        first = batches[0]
        inputs: list[Tree] = [batch.inputs for batch in batches]
        if not all(NODES in each for each in inputs):
            alone = [self._alone(each[NODES]) if NODES in each else each for each in inputs]
            inputs = [{name: leaf.to(first.targets) for name, leaf in each.items()} for each in alone]
        joined = {name: torch.cat([each[name] for each in inputs]) for name in inputs[0] if name != EDGES}
        if EDGES in inputs[0]:
            joined[EDGES] = torch.block_diag(*(each[EDGES] for each in inputs))
        targets, classes = (torch.cat([batch[leaf] for batch in batches]) for leaf in (1, 2))
        return Batch(joined, targets, classes)

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name, which knows the whole graph; gcn where none is named."""
        from limbeck.learn import networks
        from limbeck.learn.networks.custom import PREFIX

        if name.startswith(PREFIX):
            raise InputError(
                f"network {name}: modules of your own are not read for graphs; choose sgc, gcn, sage or gat"
            )
        return networks.build(name, self.shape, len(self.classes), networks.GRAPHS, DEFAULT, whole=self.whole)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """{"accuracy": fraction in [0, 1]} of the nodes of `split`, amid all, whose largest output is their class."""
        examples = self.in_place(cpu(), split)
        with torch.no_grad():
            return self.measure(predict(examples.inputs).cpu(), examples)

    def describe(self) -> dict[str, Any]:
        """What every task says, and how many nodes and edges there are, and what share of edges joins one class."""
        count, (left, right) = self.whole.features.shape[0], self.whole.edges
        known = torch.full((count,), -1)
        for split in self.splits:
            known[self.nodes(split)] = self._split(split).labels
        ends = known[torch.from_numpy(np.stack([left, right]))]
        both = ends[:, (ends >= 0).all(0)]
        alike = float((both[0] == both[1]).double().mean()) if both.numel() else None
        graph = {"nodes": count, "edges": len(left), "edges within a class, of those with both labels": alike}
        return {**super().describe(), "graph": graph}


def graph(path: str, root: Path | None) -> GraphTask:
    """The graph in the NumPy archive at `path`, as `readers.graphs` reads it."""
    name = f"graph:{path}"
    task = _task(name, reader.read(Path(path).expanduser()))
    places.remember(name, task.fingerprint)
    return task


def planetoid(name: str, root: Path | None) -> GraphTask:
    """The citation graph of that name, its rows of words divided by their number; InputError where it is not there."""
    path = root_of(name, root) / "planetoid" / f"{name}.npz"
    if not path.is_file():
        raise not_found(name, f"for {path}", "file")
    read = reader.read(path)
    return _task(name, read, PLANETOID[name][1], unit_rows=True)


def _task(name: str, read: reader.Graph, classes: tuple[str, ...] = (), unit_rows: bool = False) -> GraphTask:
    splits = {
        split: Labelled({NODES: torch.from_numpy(nodes)}, torch.from_numpy(read.labels[nodes]))
        for split, nodes in read.splits.items()
    }
    features = _unit_rows(read.features) if unit_rows else read.features
    scale = _scale(features)
    return GraphTask(
        name, classes or read.classes, Nodes(scale), splits, notes=(TRANSDUCTIVE, *read.notes),
        whole=Whole(features * np.float32(scale), read.edges, scale),
    )  # fmt: skip


def _scale(features: Any) -> float:
    """What features are multiplied by to be of the norm `SEEN`, root mean square over nodes."""
    squares = features.multiply(features) if hasattr(features, "multiply") else features**2
    mean = float(squares.sum()) / features.shape[0]
    return SEEN / mean**0.5 if mean else 1.0


def _unit_rows(features: Any) -> Any:
    """Rows divided by their sums; rows of zeros as they are."""
    from scipy.sparse import diags_array

    total = np.asarray(features.sum(1)).reshape(-1)
    return (diags_array(1 / np.where(total > 0, total, 1)) @ features).astype(np.float32).tocsr()


def of_pyg(data: Any) -> dict[str, Array]:
    """The arrays of a `Data` of PyTorch Geometric, for numpy.savez: what graph:FILE.npz reads.

    It reads `x` (node, number), `edge_index` (2, edge), `y` (node) and the masks `train_mask`, `val_mask` and
    `test_mask` (node); none of PyTorch Geometric itself is needed. Raises InputError where one is missing.
    """
    wanted = {"x": "features", "edge_index": "edge_index", "y": "labels", "train_mask": "train_idx",
              "val_mask": "val_idx", "test_mask": "test_idx"}  # fmt: skip
    missing = [name for name in wanted if getattr(data, name, None) is None]
    if missing:
        raise InputError(
            f"data: found no {', '.join(missing)}, expected a Data with x, edge_index, y and masks; add them"
        )
    arrays = {ours: getattr(data, theirs).detach().cpu().numpy() for theirs, ours in wanted.items()}
    arrays["labels"] = arrays["labels"].reshape(-1)
    return arrays


def named() -> dict[str, tuple[str, Callable[..., Any]]]:
    """{name: (summary, loader)} of every named graph."""
    return {name: (said, functools.partial(planetoid, name)) for name, (said, _) in PLANETOID.items()}
