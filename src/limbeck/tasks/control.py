"""Control: what acts in a world, judged by the rewards that it gathers."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.codecs import Identity
from limbeck.core import tree
from limbeck.core.contracts import SPLITS, AbstractCodec, AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import unknown
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.environments import PREFIX, AbstractEnvironment, CartPole, Gymnasium, returns
from limbeck.learn.networks import vectors

COUNTS = dict(zip(SPLITS, (2000, 500, 1000), strict=True))
"""Recorded states of each split."""
EPISODES = dict(zip(SPLITS, (10, 10, 20), strict=True))
"""Episodes that a policy is judged by on each split."""
URGES = (0.05, 0.2, 1.0, 0.3)
"""How much position, velocity, angle and angular velocity urge the recorded controller to push after them."""
MOST_DIMENSIONS = 5
RETURNS = (Metric("return", "", True), Metric("greedy return", "", True))
"""What episodes are scored by: the mean return of actions drawn from a policy, and of the likeliest."""


@dataclass(frozen=True)
class ControlTask(AbstractTask):
    """A policy learns from states and what to do in them, and is scored by the mean reward of its episodes.

    The real examples are recordings: states that a controller comes to, and its action as the class. A score of a
    split is over episodes of its own, their starts the same for every policy: "return" with actions drawn from the
    policy's probabilities, "greedy return" with the likeliest.
    """

    environment: AbstractEnvironment
    controller: Callable[[Float[Tensor, "*run number"]], Int[Tensor, "*run"]] | None
    """controller(observations) -> actions: who acts where examples are recorded; None: chance, each action alike."""
    metrics: tuple[Metric, ...] = RETURNS
    codec: AbstractCodec = Identity()

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the environment."""
        return self.environment.name

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The actions."""
        return tuple(f"action {number}" for number in range(self.environment.actions))

    @property
    def shape(self) -> Tree:
        """What a policy sees."""
        return (self.environment.observation,)

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """How a score comes about, and what the recordings are where nobody is known to act well."""
        by_chance = "its real examples are states that random actions come to, each with a random action"
        return (how_scored(self.environment), *(() if self.controller else (by_chance,)))

    @functools.cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A digest of the recordings, which depend on the environment and the controller."""
        hasher = hashlib.sha256(self.name.encode())
        for split in SPLITS:
            for leaf in tree.leaves(self._recorded[split]):
                hasher.update(leaf.contiguous().numpy().tobytes())
        return hasher.hexdigest()

    @functools.cached_property
    def _recorded(self) -> dict[str, Batch]:
        return {split: self._record(split) for split in SPLITS}

    def _record(self, split: str) -> Batch:
        """States along episodes of the controller, which begin anew where they are over, and its actions."""
        key, count = Key(("control", self.name, split)), COUNTS[split]
        fresh = self.environment.start(EPISODES[split], key.fold("start"))
        state, seen = self.environment.begin(fresh), list[Tensor]()
        while sum(map(len, seen)) < 4 * count:
            observed = self.environment.observe(state)
            seen.append(observed)
            # Now and then it errs, so that what it does about it is recorded too.
            wild = key.fold("wild", len(seen))
            action = wild.integers(self.environment.actions, len(observed))
            if self.controller is not None:
                action = torch.where(wild.uniform(len(observed)) < 0.2, action, self.controller(observed))
            state, _, over = self.environment.step(state, action)
            state = self.environment.again(state, over, fresh)
        states = torch.cat(seen)[key.fold("rows").permutation(sum(map(len, seen)))[:count]].float()
        if self.controller is None:
            actions = key.fold("actions").integers(self.environment.actions, count)
        else:
            actions = self.controller(states)
        return Batch(states, nn.functional.one_hot(actions, self.environment.actions).float(), actions)

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """The rows of each action."""
        if by != "class":
            raise unknown("grouping", by, ("class",))
        classes = self._split(split).classes
        return tuple((classes == action).nonzero()[:, 0] for action in range(self.environment.actions))

    def _split(self, split: str) -> Batch:
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        return self._recorded[split]

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """Recorded states, and the actions of the controller."""
        batch = self._split(split)
        return batch if rows is None else self.take(batch, rows.cpu())

    def network(self, name: str) -> AbstractNetwork:
        """A network for vectors: mlp, by default of the size and activation of published policies."""
        return vectors(name, self.environment.observation, self.environment.actions)

    def loss(self, outputs: Float[Tensor, "example output"], targets: Tree) -> Float[Tensor, " example"]:
        """Cross-entropy: cloning what was recorded."""
        return -(targets * outputs.log_softmax(-1)).sum(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """The mean return of the split's episodes."""
        return gathered(self.environment, [predict], split)[0]

    def evaluate_together(
        self, predicts: Sequence[Callable[[Tree], Tensor]], split: str, key: Key
    ) -> list[dict[str, float]]:
        """The mean returns of several policies, whose episodes are played side by side."""
        return gathered(self.environment, predicts, split)


def gathered(
    environment: AbstractEnvironment, predicts: Sequence[Callable[[Tree], Tensor]], split: str
) -> list[dict[str, float]]:
    """The value of each of `RETURNS` for each policy over the episodes of a split.

    Starts and luck are the same for everyone. Many policies are played side by side.
    """
    luck = Key(("control", environment.name, split, "evaluate"))
    start = environment.start(EPISODES[split], luck)
    start = start.expand(len(predicts), *start.shape)

    def policy(seen: Tensor) -> Tensor:
        return torch.stack([predict(each.float()).cpu() for predict, each in zip(predicts, seen, strict=True)])

    found = [returns(environment, policy, start, luck, greedy).double().mean(1) for greedy in (False, True)]
    names = [metric.name for metric in RETURNS]
    return [dict(zip(names, each, strict=True)) for each in torch.stack(found, 1).tolist()]


def how_scored(environment: AbstractEnvironment) -> str:
    """What a score by episodes is, in words."""
    return (
        f"a score is the mean return of {EPISODES['test']} episodes of at most {environment.longest} steps "
        "for each learner, its actions drawn from its probabilities; 'greedy return' takes the likeliest"
    )


def cartpole(dimensions: int, root: Path | None) -> AbstractTask:
    """The cart-pole."""
    return ControlTask(CartPole(dimensions), functools.partial(_after_the_urge, dimensions))


def gymnasium(id: str, root: Path | None) -> AbstractTask:
    """An environment of gymnasium; InputError for one that is not there, or whose spaces are others."""
    return ControlTask(Gymnasium(id), None)


def environment_named(name: str) -> AbstractEnvironment:
    """The environment of that name, that of a control task; InputError for an unknown one."""
    if name.startswith(PREFIX):
        return Gymnasium(name.removeprefix(PREFIX))
    known = {each.name: each for each in map(CartPole, range(1, MOST_DIMENSIONS + 1))}
    if name not in known:
        raise unknown("environment", name, (*known, f"{PREFIX}NAME"))
    return known[name]


def _after_the_urge(dimensions: int, seen: Float[Tensor, "*run number"]) -> Int[Tensor, "*run"]:
    """A push along the direction that needs it most, after its pole and cart."""
    urge = (seen.unflatten(-1, (dimensions, 4)) * torch.tensor(URGES).to(seen)).sum(-1)
    worst = urge.abs().argmax(-1)
    return 2 * worst + (urge.gather(-1, worst[..., None])[..., 0] > 0).long()


def named() -> dict[str, tuple[str, Callable[..., Any]]]:
    """{name: (summary, loader)} of every control task."""
    found: dict[str, tuple[str, Callable[..., Any]]] = {}
    for dimensions in range(1, MOST_DIMENSIONS + 1):
        environment = CartPole(dimensions)
        along = "in one dimension: CartPole-v1" if dimensions == 1 else f"in {dimensions} dimensions"
        said = f"a pole on a cart {along}, {environment.actions} actions; scored by the return of episodes"
        found[environment.name] = said, functools.partial(cartpole, dimensions)
    return found
