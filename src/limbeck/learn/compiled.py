"""Functions of tensors as compiled code, where that pays, and the eager twins that they must equal."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import ranks, tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Problem, TrainingLoss
from limbeck.core.threads import each_by_one, side_by_side
from limbeck.core.tree import Tree
from limbeck.learn.microbatches import microbatch_size
from limbeck.learn.networks.network import copies
from limbeck.learn.observer import AbstractObserver
from limbeck.learn.sensitivity import Differentiated, Loss, Sensitivity, mean_loss
from limbeck.learn.training import GradientFunction, gradient_function

Function = TypeVar("Function", bound=Callable[..., Any])

PAYS_FROM = 2e13
"""Floating point operations of a run from which compiling pays: what one core does eagerly in four to ten
minutes. Compiling an objective takes half a minute to three, and makes what is left 1 to 1.5 times as fast: it is
set by judgement, and matching gradients, which gains least, may lose a little near it."""
SHAPES = 16
"""How many shapes of its arguments one function is compiled for; arguments of any other it takes eagerly. An
examination asks for a dozen (the set, all items but one, one more, and mixtures), at some five seconds each."""

EVER = 1000
"""How often one process compiles the same lines of code."""


def pays(operations: float, device: torch.device) -> bool:
    """Whether a run of so many floating point operations is worth compiling.

    Counted, not timed, so that a run that was interrupted decides as it did before. Measured on processors
    alone: on other devices a run stays eager unless it is told otherwise.
    """
    return device.type == "cpu" and operations >= PAYS_FROM


class Operations(AbstractObserver):
    """Counts the floating point operations of all convolutions and matrix products within a block.

    Pooling is none, however it is computed. torch's own counter also keeps track of modules, by hooks that do not bear
    a derivative within a derivative.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.products = 0
        """How many convolutions and matrix products there were."""

    def see(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute as ever, and add up."""
        from torch.utils.flop_counter import flop_registry

        from limbeck.learn.networks.modules import pools

        made = operation(*args, **kwargs)
        formula = flop_registry.get(operation._overloadpacket)
        if formula is not None and not pools(args):
            self.count += formula(*args, **kwargs, out_val=made)
            self.products += 1
        return made


def compiled(function: Function) -> Function:
    """`function` as compiled code, made at the first call for each shape of its arguments.

    It is a function of trees of tensors that torch can trace whole, and its results carry no graph. Where it
    cannot be compiled (no C++ compiler, no place for its files), a warning says so once, and it runs as it is.
    """
    made: list[Callable[..., Any]] = []
    shapes: set[Any] = set()
    broken = False

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        nonlocal broken
        arguments = tree.detach(arguments)
        shape = tuple((leaf.shape, leaf.dtype) for leaf in tree.leaves(arguments))
        with torch.no_grad():
            if not broken and (shape in shapes or len(shapes) < SHAPES):
                try:
                    if shape in shapes:
                        return made[0](*arguments)
                    shapes.add(shape)
                    if not made:
                        made.append(torch.compile(function, fullgraph=True, dynamic=False))
                    # torch counts what is compiled of one code object, which many networks share here.
                    with torch._dynamo.config.patch(recompile_limit=EVER):
                        return made[0](*arguments)
                except Exception as error:
                    # Where the fault is the function's own, it is raised again below.
                    broken = True
                    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                    warnings.warn(f"not compiled, and so slower: {reason}", stacklevel=2)
            return function(*arguments)

    return call  # type: ignore[return-value]


class CompiledLoss(Differentiated):
    """A loss whose gradient and sensitivity are compiled."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self._gradient = compiled(lambda params, batch: torch.func.grad_and_value(loss)(params, batch))
        self._curved = compiled(functools.partial(_curved, loss))

    def __call__(self, params: Tree, batch: Batch) -> Tensor:
        """The loss itself, eager."""
        return self.loss(params, batch)

    def value_and_gradient(self, params: Tree, batch: Batch) -> tuple[Tensor, Tree]:
        """The loss and its gradient in the parameters."""
        gradient_of, value = self._gradient(params, batch)
        return value, gradient_of

    def sensitivity(self, params: Tree, batch: Batch, direction: Tree) -> Sensitivity:
        """The derivatives of the gradient's inner product with a direction."""
        learned, rest = parted(batch)
        by_params, by_learned = self._curved(params, learned, rest, direction)
        zeros = tree.map(torch.zeros_like, rest)
        return Sensitivity(by_params, tree.unflatten(batch, {**by_learned, **zeros}))


def _curved(
    loss: Loss, params: Tree, learned: dict[str, Tensor], rest: dict[str, Tensor], direction: Tree
) -> tuple[Tree, dict[str, Tensor]]:
    """d<g, direction>/d params and d<g, direction>/d each learned leaf of the batch that all leaves make."""
    along = lambda at, free: tree.dot(torch.func.grad(loss)(at, joined(free, rest)), direction)  # noqa: E731 (traced whole)
    return torch.func.grad(along, argnums=(0, 1))(params, learned)


def parted(batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The leaves that require a gradient, by path, and those that do not."""
    flat = tree.flatten(batch)
    learned = {path: leaf for path, leaf in flat.items() if leaf.requires_grad}
    return learned, {path: leaf for path, leaf in flat.items() if path not in learned}


def joined(learned: dict[str, Tensor], rest: dict[str, Tensor]) -> Batch:
    """The batch that `parted` took apart."""
    return Batch(**tree.nest({**learned, **rest}))


def compiles(problem: Problem) -> bool:
    """Whether a problem's functions are compiled; those of a network that keeps running statistics never are."""
    return problem.compiled and not problem.network.keeps_statistics


def training_loss(problem: Problem) -> Loss:
    """The mean of what training of a problem's network goes down, its derivatives compiled where the problem is."""
    if not compiles(problem):
        return mean_loss(problem.task, problem.network, problem.goal)
    return _compiled_loss(problem.task, problem.network, problem.goal)  # type: ignore[arg-type]


def gradient_function_of(problem: Problem) -> GradientFunction:
    """What a learner of a problem goes down, and the running statistics after it; compiled where the problem is."""
    return gradient_function(training_loss(problem), problem.task, problem.network, problem.goal)


@functools.lru_cache(maxsize=4, typed=True)  # Losses without fields are equal tuples.
def _compiled_loss(task: AbstractTask, network: AbstractNetwork, goal: TrainingLoss) -> Loss:
    return CompiledLoss(mean_loss(task, network, goal))


def features_of(
    problem: Problem, params: Tree, inputs: Tree, statistics: Tree | None = None
) -> Float[Tensor, "example feature"]:
    """The features of many inputs, without a graph, in passes of a size; compiled where the problem is.

    Normalised by running `statistics` where given; else in one pass where the network does so by those of the batch.
    Those of eager code on a processor go side by side where they may, and come to the same to the bit.
    """
    made, count = compiles(problem), tree.length(inputs)
    together = problem.network.keeps_statistics and not statistics
    most = count if together else microbatch_size(problem.task.shape, problem.device)
    parts, given = tree.split(inputs, most), (statistics,) if statistics else ()
    side = 1 if made or problem.device.type != "cpu" else min(side_by_side(), len(parts))

    def reading(network: AbstractNetwork) -> Callable[[Tree], Tensor]:
        read = (_compiled_features if made else _features)(network)
        return lambda part: read(params, part, *given)

    if side == 1:
        return torch.cat(list(map(reading(problem.network), parts)))
    return torch.cat(each_by_one([reading(each) for each in copies(problem.network, side)], parts))


def shared_features_of(
    problem: Problem, params: Tree, inputs: Tree, statistics: Tree | None = None
) -> Float[Tensor, "example feature"]:
    """`features_of`, of which each process computes its share; whole where examples are normalised by one another."""
    count = tree.length(inputs)
    if not shares(problem, count, statistics):
        return features_of(problem, params, inputs, statistics)
    own = tree.rows(inputs, ranks.share(torch.arange(count)))
    return ranks.gathered(features_of(problem, params, own, statistics), count)


def shares(problem: Problem, count: int, statistics: Tree | None = None) -> bool:
    """Whether processes share passes over so many examples: there is one for each, and each is seen by itself."""
    apart = bool(statistics) or not (problem.network.keeps_statistics or tree.joined(problem.task.shape))
    return ranks.shared() and apart and count >= ranks.processes()


def _features(network: AbstractNetwork) -> Callable[..., Tensor]:
    return torch.no_grad()(lambda params, inputs, statistics=None: network.apply(params, inputs, statistics).features)


@functools.lru_cache(maxsize=4)
def _compiled_features(network: AbstractNetwork) -> Callable[..., Tensor]:
    return compiled(_features(network))
