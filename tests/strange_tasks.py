"""Five miniature tasks that are no image tasks. Data are drawn from keys, and hold a signal that can be learned.

`pairs` has a dict of inputs; `graph` has node features and an adjacency, whose rows are taken on both axes;
`sentences` are tokens that a network sees as embeddings; `forecast` has real vectors as targets and one group;
`control` is scored by running a cart, which has no derivative. Each has the one network `small`.

`install(folder)` makes a package of them, so that another process finds them by their entry points.
"""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from limbeck.codecs import Identity
from limbeck.core import tree
from limbeck.core.contracts import SPLITS, AbstractCodec, AbstractNetwork, AbstractTask, Batch, Metric, Readout
from limbeck.core.errors import unknown
from limbeck.core.key import Key
from limbeck.core.tree import EXAMPLES, Tree

COUNTS = dict(zip(SPLITS, (90, 45, 60), strict=True))
ACCURACY = Metric("accuracy", "fraction", True)
HIDDEN = 16


@dataclass(frozen=True)
class Small(AbstractNetwork):
    """One hidden layer, which `hidden(params, inputs)` makes of the inputs, and a linear one."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: int
    hidden: Callable[[dict[str, Tensor], Tree], Tensor]
    name: str = "small"

    def init(self, key: Key) -> dict[str, Tensor]:
        named = {**dict(self.shapes), "last": (HIDDEN, self.outputs)}
        return {name: key.fold(name).normal(*shape) / math.sqrt(shape[0]) for name, shape in named.items()}

    def statistics(self) -> Tree:
        return {}

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        features = self.hidden(params, inputs)
        return Readout(features, features @ params["last"])

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        return (self.hidden(params, inputs),)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        return self.apply(params, inputs), {}


class Strange(AbstractTask):
    """What the five have in common: data drawn split by split, classes, cross-entropy and accuracy."""

    metrics = (ACCURACY,)
    codec: AbstractCodec = Identity()

    @abstractmethod
    def draw(self, split: str, count: int, key: Key) -> tuple[Tree, Tensor]:
        """The native inputs of a split, and the class of each."""

    @property
    @abstractmethod
    def small(self) -> Small:
        """The network."""

    @property
    def fingerprint(self) -> str:
        hasher = hashlib.sha256(self.name.encode())
        for split in SPLITS:
            for leaf in tree.leaves(self.load(split)):
                hasher.update(leaf.contiguous().numpy().tobytes())
        return hasher.hexdigest()

    def whole(self, split: str) -> tuple[Tree, Tensor]:
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        return self.draw(split, COUNTS[split], Key((self.name, split)))

    def groups(self, split: str, by: str = "class") -> tuple[Tensor, ...]:
        if by != "class":
            raise unknown("grouping", by, ("class",))
        labels = self.whole(split)[1]
        return tuple((labels == label).nonzero()[:, 0] for label in range(len(self.classes)))

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        native, labels = self.whole(split)
        batch = Batch(self.codec.encode(native), self.targets(native, labels), labels)
        return batch if rows is None else self.take(batch, rows)

    def targets(self, native: Tree, labels: Tensor) -> Tensor:
        return one_hot(labels, len(self.classes)).float()

    def network(self, name: str) -> AbstractNetwork:
        if name != "small":
            raise unknown("network", name, ("small",))
        return self.small

    def loss(self, outputs: Tensor, targets: Tree) -> Tensor:
        return cross_entropy(outputs, targets, reduction="none")

    def measure(self, outputs: Tensor, examples: Batch) -> dict[str, float] | None:
        return {"accuracy": float((outputs.argmax(-1) == examples.classes).double().mean())}

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        examples = self.load(split)
        values = self.measure(predict(examples.inputs).cpu(), examples)
        assert values is not None
        return values


@dataclass(frozen=True)
class Pairs(Strange):
    """Inputs that are a dict: two views of one thing, each of which tells two of three classes apart."""

    name: str = "pairs"
    classes: tuple[str, ...] = ("ant", "bat", "cow")

    @property
    def shape(self) -> Tree:
        return {"left": (4,), "right": (5,)}

    @property
    def small(self) -> Small:
        return Small((("left", (4, HIDDEN)), ("right", (5, HIDDEN))), 3, _of_pairs)

    def draw(self, split: str, count: int, key: Key) -> tuple[Tree, Tensor]:
        labels = key.fold("labels").integers(3, count)
        # Left is the same for the first two classes, right for the last two.
        left = key.fold("left").normal(count, 4) + 2 * Key(("left",)).normal(2, 4)[(labels == 2).long()]
        right = key.fold("right").normal(count, 5) + 2 * Key(("right",)).normal(2, 5)[(labels == 0).long()]
        return {"left": left, "right": right}, labels


def _of_pairs(params: dict[str, Tensor], inputs: Tree) -> Tensor:
    return torch.tanh(inputs["left"] @ params["left"] + inputs["right"] @ params["right"])


@dataclass(frozen=True)
class Graph(Strange):
    """The class of each node of a graph, from its features, which are faint, and those of its neighbours."""

    name: str = "graph"
    classes: tuple[str, ...] = ("core", "rim")

    @property
    def shape(self) -> Tree:
        return {"features": (6,), "edges": (EXAMPLES,)}

    @property
    def small(self) -> Small:
        return Small((("own", (6, HIDDEN)), ("neighbours", (6, HIDDEN))), 2, _of_nodes)

    def draw(self, split: str, count: int, key: Key) -> tuple[Tree, Tensor]:
        labels = key.fold("labels").integers(2, count)
        features = key.fold("features").normal(count, 6) + Key(("communities",)).normal(2, 6)[labels] / 2
        chance = torch.where(labels[:, None] == labels[None], 0.5, 0.05)
        upper = (key.fold("edges").uniform(count, count) < chance).float().triu(1)
        return {"features": features, "edges": upper + upper.T}, labels

    def take(self, batch: Batch, rows: Tensor) -> Batch:
        nodes, targets, classes = batch
        inputs = {"features": nodes["features"][rows], "edges": nodes["edges"][rows][:, rows]}
        return Batch(inputs, targets[rows], classes[rows])

    def join(self, batches: Any) -> Batch:
        inputs = {
            "features": torch.cat([batch.inputs["features"] for batch in batches]),
            "edges": torch.block_diag(*(batch.inputs["edges"] for batch in batches)),
        }
        return Batch(inputs, *(torch.cat([batch[leaf] for batch in batches]) for leaf in (1, 2)))


def _of_nodes(params: dict[str, Tensor], inputs: Tree) -> Tensor:
    # The mean over neighbours, the node among them; of weights that are learned, whatever their sign.
    weight = 1 + inputs["edges"].abs().sum(1, keepdim=True)
    around = (inputs["features"] + inputs["edges"] @ inputs["features"]) / weight
    return torch.tanh(inputs["features"] @ params["own"] + 3 * around @ params["neighbours"])


@dataclass(frozen=True, eq=False)
class Embedding(AbstractCodec):
    """Tokens <-> the vectors of a table; a vector is read as the token whose own is nearest."""

    table: Tensor

    def encode(self, native: Tensor) -> Tensor:
        return self.table.to(native.device)[native]

    def decode(self, inputs: Tensor) -> Tensor:
        table = self.table.to(inputs)
        return (inputs[..., None, :] - table).square().sum(-1).argmin(-1)

    def to_tensors(self) -> dict[str, Tensor]:
        return {"table": self.table}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Embedding:
        return cls(tensors["table"])

    def header(self) -> dict[str, Any]:
        return {"tokens": len(self.table)}


@dataclass(frozen=True)
class Sentences(Strange):
    """Seven tokens of twelve; each class prefers another half of them. A network sees their embeddings."""

    name: str = "sentences"
    classes: tuple[str, ...] = ("prose", "verse")
    codec: AbstractCodec = Embedding(Key(("embedding",)).normal(12, 4))

    @property
    def shape(self) -> Tree:
        return (7, 4)

    @property
    def small(self) -> Small:
        return Small((("token", (4, HIDDEN)),), 2, _of_words)

    def draw(self, split: str, count: int, key: Key) -> tuple[Tree, Tensor]:
        labels = key.fold("labels").integers(2, count)
        preferred = key.fold("preferred").uniform(count, 7) < 0.75
        half = torch.where(preferred, labels[:, None], 1 - labels[:, None])
        return key.fold("tokens").integers(6, count, 7) + 6 * half, labels


def _of_words(params: dict[str, Tensor], inputs: Tree) -> Tensor:
    return 2 * torch.tanh(inputs @ params["token"]).mean(1)


@dataclass(frozen=True)
class Scaled(AbstractCodec):
    """Degrees <-> degrees over a scale; no real data are below 0."""

    scale: float

    def encode(self, native: Tensor) -> Tensor:
        return native / self.scale

    def decode(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale

    def clip(self, native: Tensor) -> Tensor:
        return native.clamp_min(0)

    def to_tensors(self) -> dict[str, Tensor]:
        return {"scale": torch.tensor(self.scale, dtype=torch.float64)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Scaled:
        return cls(float(tensors["scale"]))

    def header(self) -> dict[str, Any]:
        return {"scale": self.scale}


@dataclass(frozen=True)
class Forecast(Strange):
    """The next two of ten temperatures from the eight before them: a wave of unknown phase. There are no classes."""

    name: str = "forecast"
    classes: tuple[str, ...] = ("all",)
    metrics: tuple[Metric, ...] = (Metric("squared error", "degrees^2", False),)
    codec: AbstractCodec = Scaled(10.0)

    @property
    def shape(self) -> Tree:
        return (8,)

    @property
    def small(self) -> Small:
        return Small((("past", (8, HIDDEN)),), 2, _of_past)

    def wave(self, split: str) -> Tensor:
        key, count = Key((self.name, split)), COUNTS[split]
        phase = 6.3 * key.fold("phase").uniform(count, 1) + 0.7 * torch.arange(10)
        return 15 + 10 * phase.sin() + key.fold("noise").uniform(count, 10)

    def draw(self, split: str, count: int, key: Key) -> tuple[Tree, Tensor]:
        return self.wave(split)[:, :8], torch.zeros(count, dtype=torch.int64)

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        past, labels = self.whole(split)
        batch = Batch(self.codec.encode(past), self.codec.encode(self.wave(split)[:, 8:]), labels)
        return batch if rows is None else self.take(batch, rows)

    def loss(self, outputs: Tensor, targets: Tree) -> Tensor:
        return (outputs - targets).square().mean(-1)

    def measure(self, outputs: Tensor, examples: Batch) -> dict[str, float] | None:
        error = self.codec.decode(outputs) - self.codec.decode(examples.targets)
        return {"squared error": float(error.double().square().mean())}


def _of_past(params: dict[str, Tensor], inputs: Tree) -> Tensor:
    return torch.tanh(inputs @ params["past"])


@dataclass(frozen=True)
class Control(Strange):
    """A cart to be brought to rest at 0 by pushes left or right: what an expert does, scored by running the cart."""

    name: str = "control"
    classes: tuple[str, ...] = ("left", "none", "right")
    metrics: tuple[Metric, ...] = (Metric("distance", "m", False), Metric("at rest", "fraction", True))

    @property
    def shape(self) -> Tree:
        return (2,)

    @property
    def small(self) -> Small:
        return Small((("state", (2, HIDDEN)),), 3, _of_state)

    def draw(self, split: str, count: int, key: Key) -> tuple[Tree, Tensor]:
        states = 2 * key.fold("states").uniform(count, 2) - 1
        urge = states @ torch.tensor([1.0, 1.5])
        return states, 1 + (urge < -0.2).long() - (urge > 0.2).long()

    def measure(self, outputs: Tensor, examples: Batch) -> dict[str, float] | None:
        return None

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        states, _ = self.whole(split)
        total = torch.zeros(len(states), dtype=torch.float64)
        for _ in range(40):
            push = predict(states).argmax(-1).cpu() - 1
            speed = states[:, 1] + 0.1 * push
            states = torch.stack([states[:, 0] + 0.1 * speed, speed], 1)
            total += states[:, 0].abs().double()
        rest = (states.abs() < 0.3).all(1).double()
        return {"distance": float(total.mean() / 40), "at rest": float(rest.mean())}


def _of_state(params: dict[str, Tensor], inputs: Tree) -> Tensor:
    return torch.tanh(2 * inputs @ params["state"])


def pairs(root: Path | None) -> AbstractTask:
    """Two views of one thing."""
    return Pairs()


def graph(root: Path | None) -> AbstractTask:
    """Nodes of a graph."""
    return Graph()


def sentences(root: Path | None) -> AbstractTask:
    """Sequences of tokens."""
    return Sentences()


def forecast(root: Path | None) -> AbstractTask:
    """The next temperatures."""
    return Forecast()


def control(root: Path | None) -> AbstractTask:
    """A cart to be brought to rest."""
    return Control()


LOADERS = {loader.__name__: loader for loader in (pairs, graph, sentences, forecast, control)}
CODECS = (Embedding, Scaled)


def install(folder: Path) -> list[str]:
    """Make a package of the tasks and their codecs in `folder`; the folders that then belong on Python's path."""
    info = folder / "strange_tasks-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-tasks\nVersion: 1\n")
    lines = ["[limbeck.task]", *(f"{name} = strange_tasks:{name}" for name in LOADERS)]
    lines += ["[limbeck.codec]", *(f"{codec.__name__.lower()} = strange_tasks:{codec.__name__}" for codec in CODECS)]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return [str(folder), str(Path(__file__).parent)]
