"""Trajectory matching of networks that stand side by side, each by its own share."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractObjective, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.networks.towers import Towers
from limbeck.objectives.trajectory import Trajectory, squared_distance


@dataclass(frozen=True)
class BranchTrajectory(AbstractObjective):
    """Trajectory matching of the networks of pictures and of texts (Wu et al. 2023; LoRS, Xu et al., ICML 2024).

    loss = sum over both networks of || theta_N - e_{t+M} ||^2 / || e_t - e_{t+M} ||^2

    with the student, the expert and the drawing of `around`, whose norms here are over the parameters of one of the
    networks each: so neither outweighs the other. Raises InputError for a task whose network is not of two, and where
    an expert has not been trained.
    """

    around: Trajectory = field(default_factory=lambda: Trajectory(augment=None))
    """How a student is trained and which expert it follows."""

    def init(self, problem: Problem, key: Key) -> Tree:
        """The number of steps taken; InputError where there are no two networks, or an expert has not been trained."""
        self._parts(problem)
        return self.around.init(problem, key)

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The sum over both networks of the squared distance at the end, as a share of that at the start."""
        start, end, goal = self.around.followed(state, problem, synthetic, key)
        shares = []
        for part in self._parts(problem):
            begins, ends, aims = (_of(params, part) for params in (start, end, goal))
            shares.append(squared_distance(ends, aims) / squared_distance(begins, aims))
        return shares[0] + shares[1]

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """One more step is taken."""
        return self.around.advance(state, problem, synthetic, key)

    def _parts(self, problem: Problem) -> tuple[str, ...]:
        """What each network sees."""
        if not isinstance(problem.network, Towers):
            raise InputError(
                f"objective branch-trajectory: found {problem.task.name}, of which one network sees all, expected a "
                "task of pairs, such as emoji or pairs:FILE.parquet; choose --objective trajectory"
            )
        return tuple(part for part, _ in problem.network.parts)


def _of(params: Tree, part: str) -> Tree:
    """The parameters of the network that sees one part."""
    return {name: leaf for name, leaf in params.items() if name.startswith(f"{part}.")}
