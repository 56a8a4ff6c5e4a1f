"""A small real problem and its float64 twin, and every registered part."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import FIRST_SEED, Experts
from limbeck.computations.features import SEED as FEATURES_SEED
from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, NoCache, Problem, Readout
from limbeck.core.family import spec_id
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.tasks import load

CPU = torch.device("cpu")
SMOOTH = "convnet-w4-d1-instance-avg-tanh"


def doubled(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


@dataclass(frozen=True)
class DoubledNetwork(AbstractNetwork):
    """A network whose parameters are float64."""

    inner: AbstractNetwork

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.inner.name

    def init(self, key: Key) -> Any:
        return doubled(self.inner.init(key))

    def statistics(self) -> Any:
        return doubled(self.inner.statistics())

    def apply(self, params: Any, inputs: Any, statistics: Any = None) -> Readout:
        return self.inner.apply(params, inputs, statistics)

    def layers(self, params: Any, inputs: Any, statistics: Any = None) -> tuple[torch.Tensor, ...]:
        return self.inner.layers(params, inputs, statistics)

    def entering(self, params: Any, inputs: Any, statistics: Any = None) -> tuple[Readout, tuple[torch.Tensor, ...]]:
        return self.inner.entering(params, inputs, statistics)

    def track(self, params: Any, inputs: Any, statistics: Any) -> tuple[Readout, Any]:
        return self.inner.track(params, inputs, statistics)


@dataclass(frozen=True)
class DoubledTask(AbstractTask):
    """A task whose data are float64."""

    inner: AbstractTask

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def groups(self, split: str, by: str = "class") -> Any:
        return self.inner.groups(split, by)

    def load(self, split: str, rows: Any = None) -> Batch:
        return Batch(*doubled(tuple(self.inner.load(split, rows))))

    def augment(self, batch: Batch, key: Key, groups: Any, policy: Any) -> Batch:
        return self.inner.augment(batch, key, groups, policy)

    def network(self, name: str) -> AbstractNetwork:
        return DoubledNetwork(self.inner.network(name))

    def loss(self, outputs: Any, targets: Any) -> Any:
        return self.inner.loss(outputs, targets)

    def measure(self, outputs: Any, examples: Batch) -> Any:
        return self.inner.measure(outputs, examples)

    def evaluate(self, predict: Callable, split: str, key: Key) -> dict[str, float]:
        return self.inner.evaluate(lambda inputs: predict(inputs.double()), split, key)


@dataclass(frozen=True)
class Apprentices:
    """A cache of two short experts that stand for as many as are asked for, and of the networks that selections see by.

    It keeps nothing else.
    """

    task: AbstractTask
    network: AbstractNetwork
    kept: dict[str, Tree] = field(default_factory=dict, compare=False)

    @functools.cache  # noqa: B019 (one a session)
    def expert(self, number: int) -> Tree:
        problem = Problem(self.task, self.network, CPU, NoCache())
        return Experts(epochs=17).training(problem, number).run(ProbeContext(problem))

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        seed = address["computation"].get("seed", 0) if "computation" in address else 0
        if seed < FIRST_SEED:
            return tree.branch(make(), branch)
        return tree.branch(
            self.expert(seed % 2) if seed < FEATURES_SEED else self.seeing(spec_id(address), make), branch
        )

    def seeing(self, name: str, make: Callable[[], Tree]) -> Tree:
        """A network that selections see by, trained once for all of them."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]


def problem_of(task: AbstractTask, network: str) -> Problem:
    return Problem(task, task.network(network), CPU, Apprentices(task, task.network(network)))


@pytest.fixture(scope="session")
def problem() -> Problem:
    """Real scans of digits and a small network."""
    return problem_of(load("digits"), "convnet-w8-d2")


@pytest.fixture(scope="session")
def double_problem() -> Problem:
    """The same in float64, under a smooth network."""
    return problem_of(DoubledTask(load("digits")), SMOOTH)


@dataclass(frozen=True)
class Remembering:
    """A cache that keeps all in memory."""

    kept: dict[str, Tree] = field(default_factory=dict, compare=False)

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        if (name := spec_id(address)) not in self.kept:
            self.kept[name] = make()
        return tree.branch(self.kept[name], branch)

    def holds(self, address: dict[str, Any]) -> bool:
        return spec_id(address) in self.kept


@pytest.fixture(scope="session")
def toy_task(tmp_path_factory: pytest.TempPathFactory) -> AbstractTask:
    """Twelve images in colour of each of two classes, 8 high and 6 wide: waves along one side or the other."""
    path = tmp_path_factory.mktemp("toy") / "toy.npz"
    draw = np.random.default_rng(0)
    labels = np.arange(36) % 2
    across = np.where(labels[:, None, None], np.arange(6) / 6, np.arange(8)[:, None] / 8)
    waves = np.sin(2 * np.pi * across[..., None] + draw.uniform(0, 6, (36, 1, 1, 3)))
    x = (127 + 80 * waves + draw.normal(0, 10, (36, 8, 6, 3))).clip(0, 255).astype(np.uint8)
    parts = {"": slice(0, 24), "_val": slice(24, 30), "_test": slice(30, 36)}
    arrays = {
        f"{name}{split}": array[rows] for split, rows in parts.items() for name, array in (("x", x), ("y", labels))
    }
    np.savez(path, **arrays)
    return load(f"npz:{path}")


@pytest.fixture(scope="session")
def toy(toy_task: AbstractTask) -> Problem:
    """A problem so small that every pair of parts can be tried on it."""
    return Problem(toy_task, toy_task.network("convnet-w2-d1"), CPU, Remembering())


@pytest.fixture(scope="session")
def double_toy(toy_task: AbstractTask) -> Problem:
    """The same in float64, under a smooth network."""
    task = DoubledTask(toy_task)
    return Problem(task, task.network("convnet-w2-d1-instance-avg-tanh"), CPU, Remembering())
