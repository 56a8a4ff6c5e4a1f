"""Implicit Q-learning: the best policy that recorded transitions tell of, and what it gathers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.expect import AbstractPart, at_least, fraction, positive
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.networks import vectors
from limbeck.learn.rules import Adam
from limbeck.learn.transitions import Transitions

HEAVIEST = 100.0
"""No recorded action counts for more than so many where the policy is cloned."""
_AT_ONCE = 10_000


class Expert(NamedTuple):
    """What an expert does where transitions were recorded."""

    policy: Float[Tensor, "row output"]
    """Its probabilities of choices, or its action."""
    values: Float[Tensor, " row"]
    """What it gathers from there on, discounted, its action taken first."""


@VALUES.register
@dataclass(frozen=True)
class ImplicitQ(AbstractPart):
    """A policy and its action values, learned from transitions alone (Kostrikov, Nair & Levine, ICLR 2022).

    V(s) is the `expectile` of Q(s, a) over recorded actions, Q(s, a) the squared-error fit of r + discount V(s'), and
    the policy clones recorded actions by weights exp(sharpness (Q - V)), at most 100. Q in V and in the weights is a
    running mean of its parameters. One critic is learned, and no action is asked about that was not recorded. Rewards
    count in standard deviations of the returns, so `sharpness` means the same on every scale. An expectile of 0.5 with
    a sharpness of 0 is who was recorded; nearer to 1 the best of what was.
    """

    steps: int = 10_000
    """Steps of training."""
    batch: int = 256
    """Transitions that a step sees, drawn with replacement; 0: all."""
    learning_rate: float = 3e-4
    """Of Adam, for all three networks."""
    discount: float = 0.99
    """What a reward one step later is worth, in [0, 1]."""
    expectile: float = 0.7
    """Which expectile of the values of recorded actions a state is worth, in (0, 1)."""
    sharpness: float = 3.0
    """How much more the better of the recorded actions are cloned; 0: all alike."""
    memory: float = 0.995
    """How much of the running mean of Q's parameters a step keeps."""
    width: int = 64
    """Of the two hidden layers of Q and V."""

    def __post_init__(self) -> None:
        at_least(self, 1, "steps", "width")
        at_least(self, 0, "batch", "sharpness")
        positive(self, "learning_rate", "expectile")
        fraction(self, "discount", "expectile", "memory")

    def learn(
        self, recorded: Transitions, task: AbstractTask, policy: AbstractNetwork, key: Key, device: torch.device
    ) -> Expert:
        """What the learned policy, a network of the task's, does and gathers at every row; on the device."""
        recorded = recorded.to(device)
        deviation = recorded.returns(self.discount).double().std(correction=0)
        scale = torch.where(deviation > 0, deviation, torch.ones_like(deviation)).to(recorded.rewards)
        critic = Critic.of(recorded, self.width)
        networks = {"policy": policy, "q": critic.q, "v": critic.v}
        params: Tree = {name: tree.move(each.init(key.fold(name)), device) for name, each in networks.items()}
        mean, rule = params["q"], Adam().rule()
        state = rule.init(params)
        for step in range(self.steps):
            rows = torch.arange(len(recorded.rewards))
            if self.batch:
                rows = key.fold("rows", step).integers(len(recorded.rewards), self.batch)
            seen = recorded.rows(rows.to(device))
            loss = self._loss(seen, scale, critic, task, policy, mean, params["v"])
            params, state = rule.update(params, torch.func.grad(loss)(params), state, self.learning_rate)
            mean = tree.map(lambda old, new: self.memory * old + (1 - self.memory) * new, mean, params["q"])
            went(step + 1, self.steps)
        return _read(recorded, scale, critic, policy, params["policy"], mean)

    def _loss(
        self,
        seen: Transitions,
        scale: Float[Tensor, ""],
        critic: Critic,
        task: AbstractTask,
        policy: AbstractNetwork,
        mean: Tree,
        worth: Tree,
    ) -> Callable[[Tree], Tensor]:
        """What the networks go down together, each by its own term, at the mean of Q and at V before the step."""
        with torch.no_grad():
            value = critic.action_value(mean, seen.observations, seen.actions)
            aim = seen.rewards / scale + self.discount * critic.value(worth, seen.after) * ~seen.over
            ahead = value - critic.value(worth, seen.observations)
            weights = (self.sharpness * ahead).exp().clamp(max=HEAVIEST)

        def loss(params: Tree) -> Tensor:
            cloned = weights * task.loss(policy.apply(params["policy"], seen.observations).outputs, seen.actions)
            wrong = (aim - critic.action_value(params["q"], seen.observations, seen.actions)).square()
            missing = value - critic.value(params["v"], seen.observations)
            sides = torch.where(missing > 0, self.expectile, 1 - self.expectile)
            return (cloned + wrong * seen.followed + sides * missing.square()).mean()

        return loss


class Critic(NamedTuple):
    """The networks of action values Q and values V."""

    q: AbstractNetwork
    """Of choices, from an observation to the value of each; of other actions, from both to one value."""
    v: AbstractNetwork
    discrete: bool

    @classmethod
    def of(cls, recorded: Transitions, width: int) -> Critic:
        """Those for the shapes of some transitions."""
        number, output = recorded.observations.shape[1], recorded.actions.shape[1]
        sizes = (number, output) if recorded.discrete else (number + output, 1)
        name = f"mlp-w{width}"
        return cls(vectors(name, *sizes), vectors(name, number, 1), recorded.discrete)

    def action_value(
        self, params: Tree, observations: Float[Tensor, "row number"], actions: Float[Tensor, "row output"]
    ) -> Float[Tensor, " row"]:
        """Q(s, a); of choices the mean under weights."""
        if self.discrete:
            return (self.q.apply(params, observations).outputs * actions).sum(-1)
        return self.q.apply(params, torch.cat([observations, actions], -1)).outputs[:, 0]

    def value(self, params: Tree, observations: Float[Tensor, "row number"]) -> Float[Tensor, " row"]:
        """V(s)."""
        return self.v.apply(params, observations).outputs[:, 0]


@without_gradients
def _read(
    recorded: Transitions,
    scale: Float[Tensor, ""],
    critic: Critic,
    policy: AbstractNetwork,
    params: Tree,
    q: Tree,
) -> Expert:
    """What a policy does at every row, and its values in units of the rewards."""
    chosen, values = [], []
    for seen in recorded.observations.split(_AT_ONCE):
        outputs = policy.apply(params, seen).outputs
        chosen.append(outputs.softmax(-1) if recorded.discrete else outputs)
        values.append(scale * critic.action_value(q, seen, chosen[-1]))
    return Expert(torch.cat(chosen), torch.cat(values))
