"""What each example does to each evaluation example: learners trained without it beside learners trained with it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
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


def beside_others(classes: Int[Tensor, " item"], most: int = 0) -> tuple[int, ...]:
    """About `most` of the items that are not alone in their class, of each class two or more; all where `most` is 0.

    What is left of a class when its only item is left out is nothing, whatever the item shows; and whether what an item
    does is its own is told beside another of its class.

    >>> beside_others(torch.tensor([0, 0, 1, 2, 2, 2])), beside_others(torch.tensor([0, 0, 1, 2, 2, 2]), 2)
    ((0, 1, 3, 4, 5), (0, 1))
    """
    shared = [label for label, count in enumerate(classes.bincount().tolist()) if count > 1]
    chosen = [shared[place] for place in spread(len(shared), max(most // 2, 1) if most else 0)]
    each = max(most // max(len(chosen), 1), 2) if most else 0
    rows = [(classes == label).nonzero()[:, 0].tolist() for label in chosen]
    return tuple(sorted(of_class[place] for of_class in rows for place in spread(len(of_class), each)))


def whole(seed: int) -> Training:
    """Training on the whole set: that which other probes ask for too."""
    return Training(Mixture(), seed)


def without(context: ProbeContext, item: int, seed: int) -> Training:
    """The same initial parameters trained on all items but one."""
    return Training(Mixture(tuple(each for each in range(len(context.distilled)) if each != item)), seed)


def real_alone(context: ProbeContext, seed: int) -> Training:
    """Training on as many random real examples as the set has: the r a class that the largest class has."""
    return Training(Mixture((), context.distilled.per_class, shuffle=seed), seed)


def real_and(context: ProbeContext, item: int, seed: int) -> Training:
    """The same real examples and one item of the set."""
    return Training(Mixture((item,), context.distilled.per_class, shuffle=seed), seed)


def losses(context: ProbeContext, training: Training) -> Float[Tensor, " example"]:
    """The loss of each evaluation example under the trained learner, in nats for cross-entropy."""
    return context.outcome(training, "losses")[-1].double()


def matrix(context: ProbeContext, seed: int, items: tuple[int, ...] | None = None) -> Float[Tensor, "item example"]:
    """The influence of items (all where None) on evaluation examples, by exact leave-one-out under one seed.

    influence[i, j] = loss of j under the learner trained without item i - loss of j under the one trained with all

    Positive where the item helps. Both begin from the same initial parameters, those of the seed, and differ by the
    item alone; the mean loss of fewer items weighs each of the others a little more. No approximation by curvature, as
    in Koh and Liang (ICML 2017). Yang et al. (ICML 2024), section 5.1.
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
