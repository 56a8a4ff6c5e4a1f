"""What each example does to each evaluation example: learners trained without it beside learners trained with it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.sources import Mixture
from limbeck.computations.training import Training


def spread(count: int, most: int) -> tuple[int, ...]:
    """`most` of the numbers 0 .. count - 1 at even distances; all of them where `most` is 0 or as many.

    The items of a set lie class by class, so that these are of every class alike.

    >>> spread(10, 4), spread(3, 0)
    ((0, 2, 5, 7), (0, 1, 2))
    """
    if not most or most >= count:
        return tuple(range(count))
    return tuple(index * count // most for index in range(most))


def whole(seed: int) -> Training:
    """Training on the whole set: that which other probes ask for too."""
    return Training(Mixture(), seed)


def without(context: ProbeContext, item: int, seed: int) -> Training:
    """The same initial parameters trained on all items but one."""
    return Training(Mixture(tuple(each for each in range(len(context.distilled)) if each != item)), seed)


def real_alone(context: ProbeContext, seed: int) -> Training:
    """Training on as many random real examples as the set has: the r a class that the largest class has."""
    return Training(Mixture((), context.distilled.per_class, shuffle=seed), seed)


def real_count(context: ProbeContext) -> int:
    """How many those are: fewer where a class has too few real examples."""
    return sum(min(len(rows), context.distilled.per_class) for rows in context.problem.task.groups("train"))


def real_and(context: ProbeContext, item: int, seed: int) -> Training:
    """The same real examples and one item of the set."""
    return Training(Mixture((item,), context.distilled.per_class, shuffle=seed), seed)


def real_without(context: ProbeContext, place: int, seed: int) -> Training:
    """The same real examples but the one at that place."""
    return Training(Mixture((), context.distilled.per_class, shuffle=seed, without_real=(place,)), seed)


def losses(context: ProbeContext, training: Training) -> Float[Tensor, " example"]:
    """The loss of each evaluation example under the trained learner, in nats for cross-entropy."""
    return context.outcome(training, "losses")[-1].double()


def matrix(context: ProbeContext, seed: int, items: tuple[int, ...] | None = None) -> Float[Tensor, "item example"]:
    """The influence of items (all where None) on evaluation examples, by exact leave-one-out under one learner's start.

    influence[i, j] = loss of j under the learner trained without item i - loss of j under the one trained with all

    Positive where the item helps. Both begin from the same initial parameters, that of `member`, and differ by the item
    alone; the mean loss of fewer items weighs each of the others a little more. No approximation by curvature, as in
    Koh and Liang (ICML 2017). Yang et al. (ICML 2024), section 5.1.
    """
    asked = range(len(context.distilled)) if items is None else items
    with_all = losses(context, whole(seed))
    return torch.stack([losses(context, without(context, item, seed)) - with_all for item in asked])


def additive(context: ProbeContext, seed: int, items: tuple[int, ...]) -> Float[Tensor, "item example"]:
    """The influence of items where they are added to real examples, free of the other items of the set.

    additive[i, j] = loss of j under the learner of the real examples - loss of j under that of them and item i

    Yang et al. (ICML 2024), figure 8 right: as many real examples as the set has items (there 100), here the same
    for all items.
    """
    alone = losses(context, real_alone(context, seed))
    return torch.stack([alone - losses(context, real_and(context, item, seed)) for item in items])


def of_real(context: ProbeContext, seed: int, places: tuple[int, ...]) -> Float[Tensor, "place example"]:
    """The influence of real examples among as many as the set has, by leave-one-out: what a set is held against."""
    alone = losses(context, real_alone(context, seed))
    return torch.stack([losses(context, real_without(context, place, seed)) - alone for place in places])
