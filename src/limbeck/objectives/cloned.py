"""What policies that are trained on a set do where transitions were recorded: offline behaviour distillation."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.sources import training_count
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.family import spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.implicit import Expert, ImplicitQ
from limbeck.learn.microbatches import microbatch_limit, microbatches
from limbeck.learn.transitions import Transitions
from limbeck.objectives.unrolled import initial, loss_at, trained_through

EXPERT = Key(("expert",))
"""Draws whatever learning an expert draws: one expert serves every distillation of the data."""


@dataclass(frozen=True)
class Cloned(AbstractObjective):
    """The loss of a policy trained on the set on what was recorded (Lei et al., NeurIPS 2024: data-based cloning).

    loss = mean over `batch` recorded (s, a), as often as they were recorded, of l(pi(s), a), where pi is a fresh
    network after the set's schedule, and l the task's loss: of choices cross-entropy, else the squared error. Exact in
    inputs, targets and learning rates. It differs from `unrolled` in that no class is given more weight than it has.
    """

    batch: int = 256
    """Real examples that a loss is of, drawn with replacement."""

    def __post_init__(self) -> None:
        at_least(self, 1, "batch")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is remembered from step to step."""
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean loss on recorded actions."""
        real = problem.task.load_on(problem.device, "train", _rows(problem, self.batch, key))
        return _loss(problem, synthetic, real, torch.ones(self.batch, device=problem.device), key)

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state


@dataclass(frozen=True)
class PolicyCloned(AbstractObjective):
    """As `cloned`, on what an expert would do in place of what was done (Lei et al., NeurIPS 2024: policy-based).

    loss = mean over recorded s of l(pi(s), pi*(s)). The expert pi* is that of the data where they bring one; else it
    is learned from their transitions once, by `expert`.
    """

    batch: int = 256
    """Recorded observations that a loss is of, drawn with replacement."""
    expert: ImplicitQ = field(default_factory=ImplicitQ)
    """How the expert is learned where the data bring none."""

    def __post_init__(self) -> None:
        at_least(self, 1, "batch")

    def init(self, problem: Problem, key: Key) -> Tree:
        """What the expert does at every training row; InputError for a task without transitions."""
        given = _transitions(problem, "policy-cloned").policy
        return {"policy": _learned(problem, self.expert).policy if given is None else onto(given, problem.device)}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean loss on the expert's actions."""
        rows = _rows(problem, self.batch, key)
        return _loss(problem, synthetic, _told(problem, state, rows), torch.ones_like(rows, dtype=torch.float32), key)

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state


@dataclass(frozen=True)
class ValueCloned(AbstractObjective):
    """As `policy-cloned`, weighted by action values (Lei et al., NeurIPS 2024: action-value weighted, Av-PBC).

    loss = mean over recorded s of w(s) l(pi(s), pi*(s)), where w is q*(s, pi*(s)), less its least where that is
    negative, over its mean: where much can be gathered an error costs much. Expert and values are those of the data
    where they bring both; else they are learned from their transitions once, by `expert`.
    """

    batch: int = 256
    """Recorded observations that a loss is of, drawn with replacement."""
    expert: ImplicitQ = field(default_factory=ImplicitQ)
    """How the expert is learned where the data bring none."""

    def __post_init__(self) -> None:
        at_least(self, 1, "batch")

    def init(self, problem: Problem, key: Key) -> Tree:
        """What the expert does at every training row, and its weight; InputError for a task without transitions."""
        recorded = _transitions(problem, "value-cloned")
        if recorded.policy is not None and recorded.values is None:
            raise InputError(
                f"objective value-cloned: {problem.task.name} has an array policy and no values, expected both or "
                "neither; add the values of the expert's actions"
            )
        if recorded.policy is None or recorded.values is None:
            expert = _learned(problem, self.expert)
        else:
            expert = Expert(onto(recorded.policy, problem.device), onto(recorded.values, problem.device))
        return {"policy": expert.policy, "weights": weights_of(expert.values)}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The weighted mean loss on the expert's actions."""
        rows = _rows(problem, self.batch, key)
        weights = state["weights"][onto(rows, problem.device)]
        return _loss(problem, synthetic, _told(problem, state, rows), weights, key)

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state


def weights_of(values: Float[Tensor, " row"]) -> Float[Tensor, " row"]:
    """Action values as weights of mean 1 and at least 0; all alike where they are.

    >>> weights_of(torch.tensor([1.0, 3.0])), weights_of(torch.tensor([-4.0, -2.0])), weights_of(torch.zeros(2))
    (tensor([0.5000, 1.5000]), tensor([0., 2.]), tensor([1., 1.]))
    """
    above = values - values.min().clamp(max=0.0)
    mean = above.mean()
    return torch.where(mean > 0, above / mean.clamp(min=torch.finfo(mean.dtype).tiny), torch.ones_like(above))


def _transitions(problem: Problem, name: str) -> Transitions:
    """The transitions of a problem's task; InputError where it has none."""
    found = getattr(problem.task, "transitions", None)
    if not isinstance(found, Transitions):
        raise InputError(
            f"objective {name}: {problem.task.name} has no transitions; expected recorded ones, npz:PATH with arrays "
            "observations, actions, rewards and terminals"
        )
    return found


def _learned(problem: Problem, expert: ImplicitQ) -> Expert:
    """The expert that is learned from the transitions, once for the data and the network."""

    def make() -> Tree:
        found = expert.learn(problem.task.transitions, problem.task, problem.network, EXPERT, problem.device)  # type: ignore[attr-defined]
        return tree.move(found._asdict(), torch.device("cpu"))

    kept = problem.remember("expert", EXPERT.fold(spec_id(to_spec(expert))), make)
    return Expert(kept["policy"], kept["values"])


def _rows(problem: Problem, batch: int, key: Key) -> Int[Tensor, " example"]:
    return key.fold("rows").integers(training_count(problem.task), batch)


def _told(problem: Problem, state: Tree, rows: Int[Tensor, " example"]) -> Batch:
    """Real inputs, and what the expert would do there."""
    real = problem.task.load_on(problem.device, "train", rows)
    return real._replace(targets=state["policy"][onto(rows, problem.device)])


def _loss(
    problem: Problem, synthetic: Synthetic, real: Batch, weights: Float[Tensor, " example"], key: Key
) -> Float[Tensor, ""]:
    """The weighted mean of the task's loss on `real` of a fresh learner after the whole schedule."""

    def outer(params: Tree, batch: Batch) -> Tensor:
        outputs = problem.network.apply(params, batch.inputs).outputs
        return (batch.targets["weights"] * problem.task.loss(outputs, batch.targets["aims"])).mean()

    steps = range(len(synthetic.schedule.learning_rates))
    end = trained_through(problem, synthetic, steps, key, initial(problem, 0, key))
    weighted = real._replace(targets={"aims": real.targets, "weights": onto(weights, problem.device)})
    passes = microbatches(torch.arange(len(weights)), microbatch_limit(problem, len(weights)))
    return loss_at(outer, end.params, [problem.task.take(weighted, rows) for rows in passes])
