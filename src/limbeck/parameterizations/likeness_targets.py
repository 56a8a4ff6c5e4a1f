"""How alike all pairs of a set are, learned with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.parameterizations.around import AbstractAround
from limbeck.parameterizations.pixels import Pixels, unlabelled


@dataclass(frozen=True)
class LikenessTargets(AbstractAround):
    """The items of another parameterization under a learned similarity of low rank (LoRS, Xu et al., ICML 2024).

    similarity = diag(a) + scale / rank L R^T

    with a (item,), L and R (item, number), in the group "targets", which may have an optimizer of its own. At first a
    is 1, L is drawn from the standard normal and R is 0, so that each pair is like itself alone. The target of item i
    is (a_i, scale / rank L_i, R_i), of which the training loss `likeness` makes the similarity of any items together;
    the loss of a task of pairs does not read it. What it takes to store counts as part of the size of a set: 99 pairs
    and their similarity take what 100 pairs take. It asks for a task of pairs.
    """

    relates: ClassVar[bool] = True
    inner: AbstractParameterization = field(default_factory=Pixels)
    """The parameterization of the inputs."""
    rank: int = 10
    """The rank of what is learned beside the diagonal, at most."""
    scale: float = 3.0
    """What the product of the factors is multiplied by, over the rank."""

    def __post_init__(self) -> None:
        at_least(self, 1, "rank")
        positive(self, "scale")

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The parameters of the items, and a similarity of each to itself; InputError where these are no pairs."""
        if not problem.task.tied:
            raise InputError(
                f"likeness-targets: found {problem.task.name}, expected a task of pairs, such as emoji or "
                "pairs:FILE.parquet; choose --parameterization pixels"
            )
        items = self.inner.init(problem, unlabelled(start), key)
        like, count = start.targets, len(start.classes)
        left = onto(key.fold("left").normal(count, self.rank).to(like.dtype), like.device)
        made = {"own": like.new_ones(count), "left": left, "right": torch.zeros_like(left)}
        return items._replace(learned={**items.learned, "targets": made})

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """As `inner`, and the similarity in 32 bits."""
        return self.inner.cost(task, per_class) + FLOAT * per_class * len(task.classes) * (1 + 2 * self.rank)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the rows of their similarity."""
        own, left, right = (params.learned["targets"][name] for name in ("own", "left", "right"))
        targets = torch.cat([own[:, None], self.scale / self.rank * left, right], 1)
        return self.inner.render(params, key)._replace(targets=targets)

    def stored(self, params: Parameters) -> Parameters:
        """What `inner` stores of the items, and the similarity as floats."""
        items = self.inner.stored(params)
        return items._replace(learned={**items.learned, "targets": tree.compact(params.learned["targets"])})
