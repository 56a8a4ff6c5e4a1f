"""Recorded transitions as a task: a policy learns from what was done, and is judged by episodes where a world is named.

Where none is, it is judged by the held-out transitions themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs import Identity
from limbeck.core.contracts import SPLITS, AbstractCodec, AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.environments import AbstractEnvironment
from limbeck.learn.networks import vectors
from limbeck.learn.transitions import Transitions
from limbeck.tasks import places
from limbeck.tasks.control import RETURNS, environment_named, gathered, how_scored
from limbeck.tasks.readers.transitions import read

SHARES = {"validation": 0.1, "test": 0.2}
"""Of the episodes, or of the rows where there are fewer than `FEWEST` episodes."""
FEWEST = 10


@dataclass(frozen=True, eq=False)
class OfflineTask(AbstractTask):
    """A policy learns from recorded observations and what was done there.

    An input is an observation, its target the action: of choices a class and cross-entropy, else numbers and the mean
    squared error. It is scored by returns in `environment` as a control task is; where there is none, by the share of
    held-out choices that it takes, or by the squared error on held-out actions.
    """

    name: str
    recorded: Mapping[str, Transitions] = field(repr=False)
    """By split."""
    environment: AbstractEnvironment | None
    asked: str
    """The name of the environment, as it was given; "": none."""
    by_episode: bool
    """Whether splits are of whole episodes."""
    codec: AbstractCodec = Identity()

    @property
    def transitions(self) -> Transitions:
        """Those of the training split, in the order of its rows."""
        return self.recorded["train"]

    @property
    def metrics(self) -> tuple[Metric, ...]:  # type: ignore[override]
        """Returns, else what is measured on held-out transitions."""
        if self.environment is not None:
            return RETURNS
        if self.transitions.discrete:
            return (Metric("accuracy", "fraction", True),)
        return (Metric("squared error", "", False),)

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The choices; a single group where actions are numbers."""
        if not self.transitions.discrete:
            return ("all",)
        return tuple(f"action {number}" for number in range(self.transitions.actions.shape[1]))

    @property
    def shape(self) -> Tree:
        """What a policy sees."""
        return (self.transitions.observations.shape[1],)

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """How a score comes about, and what was held out."""
        part = "whole episodes" if self.by_episode else f"stretches of rows, there being fewer than {FEWEST} episodes"
        held = f"validation and test are {part}: a tenth and a fifth"
        if self.environment is not None:
            return (f"{how_scored(self.environment)}; it acts in {self.environment.name}", held)
        what = "the share of held-out choices that it takes" if self.transitions.discrete else "its squared error"
        return (f"a score is {what} on held-out transitions and says nothing of returns: no environment is named", held)

    @property
    def reference(self) -> dict[str, Any]:
        """Its name without its place, its environment and fingerprint."""
        asked = {"environment": self.asked} if self.asked else {}
        return {"name": places.without_place(self.name), **asked, "fingerprint": self.fingerprint}

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A digest of all that was recorded, of how it is split and where policies act."""
        hasher = hashlib.sha256(f"{self.asked}\n{self.transitions.discrete}".encode())
        for split in SPLITS:
            for name, leaf in vars(self.recorded[split]).items():
                if isinstance(leaf, Tensor):
                    hasher.update(f"{split} {name} {tuple(leaf.shape)}".encode())
                    hasher.update(leaf.contiguous().numpy().tobytes())
        return hasher.hexdigest()

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """The rows of each choice; all rows where actions are numbers."""
        if by != "class":
            raise unknown("grouping", by, ("class",))
        classes = self._split(split).classes
        return tuple((classes == label).nonzero()[:, 0] for label in range(len(self.classes)))

    def _split(self, split: str) -> Batch:
        if split not in self.recorded:
            raise unknown("split", split, SPLITS)
        return self._batches[split]

    @cached_property
    def _batches(self) -> dict[str, Batch]:
        return {split: _batch(each) for split, each in self.recorded.items()}

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """Recorded observations, and what was done there."""
        batch = self._split(split)
        return batch if rows is None else self.take(batch, rows.cpu())

    def network(self, name: str) -> AbstractNetwork:
        """A network for vectors: mlp, by default of the size and activation of published policies."""
        return vectors(name, self.transitions.observations.shape[1], self.transitions.actions.shape[1])

    def loss(self, outputs: Float[Tensor, "example output"], targets: Tree) -> Float[Tensor, " example"]:
        """Cross-entropy of choices, else the mean squared error."""
        if self.transitions.discrete:
            return -(targets * outputs.log_softmax(-1)).sum(-1)
        return (outputs - targets).square().mean(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """The mean return of the split's episodes, else what `measure` gives on its transitions."""
        if self.environment is not None:
            return gathered(self.environment, [predict], split)[0]
        batch = self._split(split)
        with torch.no_grad():
            found = self.measure(predict(batch.inputs).cpu(), batch)
        assert found is not None
        return found

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float] | None:
        """The accuracy or the squared error; None where returns are what counts."""
        if self.environment is not None:
            return None
        if self.transitions.discrete:
            return {"accuracy": float((outputs.argmax(-1).cpu() == examples.classes).double().mean())}
        return {"squared error": float((outputs - examples.targets).double().square().mean())}


def _batch(recorded: Transitions) -> Batch:
    count = len(recorded.observations)
    classes = recorded.actions.argmax(1) if recorded.discrete else torch.zeros(count, dtype=torch.int64)
    return Batch(recorded.observations, recorded.actions, classes)


def offline(path: str, root: Path | None, environment: str = "") -> AbstractTask:
    """The transitions in the NumPy archive at `path`, judged in `environment` where one is named.

    InputError for what cannot be read, for an environment that does not fit, and for a choice that nobody took.
    """
    name, recorded = f"npz:{path}", read(Path(path).expanduser())
    world = None if not environment else _fitting(name, environment, recorded)
    parts, by_episode = _parted(name, recorded)
    taken = parts["train"].actions.sum(0)
    if recorded.discrete and bool((taken == 0).any()):
        raise InputError(
            f"{name}: action {int(taken.argmin())} of {len(taken)} is taken nowhere in the training episodes, expected "
            "every action; record more of it, or number the actions without gaps"
        )
    task = OfflineTask(name, parts, world, environment, by_episode)
    places.remember(name, task.fingerprint)
    return task


def _fitting(name: str, environment: str, recorded: Transitions) -> AbstractEnvironment:
    """The environment of that name; InputError where it is not the one that was recorded in."""
    if not recorded.discrete:
        raise InputError(
            f"{name}: found continuous actions, and actions in {environment} are discrete, expected integers; "
            "leave out the environment to judge by held-out transitions"
        )
    world, number, choices = environment_named(environment), recorded.observations.shape[1], recorded.actions.shape[1]
    if (world.observation, world.actions) != (number, choices):
        raise InputError(
            f"{name}: found observations of {number} numbers and {choices} actions, expected {world.observation} and "
            f"{world.actions} of {environment}; name the environment that was recorded in"
        )
    return world


def _parted(name: str, recorded: Transitions) -> tuple[dict[str, Transitions], bool]:
    """The transitions of each split, and whether these are whole episodes, which a fixed key shuffles."""
    rows = len(recorded.rewards)
    if rows < FEWEST:
        raise InputError(f"{name}: found {rows} transitions, expected at least {FEWEST}; record more")
    starts = torch.cat([torch.tensor([True]), recorded.last[:-1]])
    by_episode = int(starts.sum()) >= FEWEST
    # Of a few long episodes stretches of rows are held out.
    unit = starts.long().cumsum(0) - 1 if by_episode else torch.arange(rows) * FEWEST // rows
    units = int(unit[-1]) + 1
    recorded = replace(recorded, last=recorded.last | (unit != torch.cat([unit[1:], torch.tensor([units])])))
    order = Key(("transitions",)).permutation(units)
    ends = [round(units * share) for share in (SHARES["test"], SHARES["test"] + SHARES["validation"])]
    of = dict(zip(("test", "validation", "train"), order.tensor_split(ends), strict=True))
    return {split: recorded.rows(torch.isin(unit, of[split]).nonzero()[:, 0]) for split in SPLITS}, by_episode
