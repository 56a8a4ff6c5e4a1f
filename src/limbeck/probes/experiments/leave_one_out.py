"""What each example does to each judged one: learners trained without it beside learners trained with it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.probing import Case
from limbeck.probes.experiments.training import Mixture, Training


def spread(count: int, most: int) -> tuple[int, ...]:
    """`most` of the numbers 0 .. count - 1 at even distances; all of them where `most` is 0 or as many.

    The items of a set lie class by class, so that these are of every class alike.

    >>> spread(10, 4), spread(3, 0)
    ((0, 2, 5, 7), (0, 1, 2))
    """
    if not most or most >= count:
        return tuple(range(count))
    return tuple(index * count // most for index in range(most))


def whole(member: int) -> Training:
    """Training on the whole set: that which other probes ask for too."""
    return Training(Mixture(), member)


def without(case: Case, item: int, member: int) -> Training:
    """The same initial parameters trained on all items but one."""
    return Training(Mixture(tuple(each for each in range(len(case.subject)) if each != item)), member)


def real_alone(case: Case, member: int) -> Training:
    """Training on as many random real examples as the set has: the r a class that the largest class has."""
    return Training(Mixture((), case.subject.per_class, shuffle=member), member)


def real_count(case: Case) -> int:
    """How many those are: fewer where a class has too few real examples."""
    return sum(min(len(rows), case.subject.per_class) for rows in case.problem.task.members("train"))


def real_and(case: Case, item: int, member: int) -> Training:
    """The same real examples and one item of the set."""
    return Training(Mixture((item,), case.subject.per_class, shuffle=member), member)


def real_without(case: Case, place: int, member: int) -> Training:
    """The same real examples but the one at that place."""
    return Training(Mixture((), case.subject.per_class, shuffle=member, without_real=(place,)), member)


def losses(case: Case, training: Training) -> Float[Tensor, " example"]:
    """The loss of each judged example under the trained learner, in nats for cross-entropy."""
    return case.outcome(training, "losses")[-1].double()


def matrix(case: Case, member: int, items: tuple[int, ...] | None = None) -> Float[Tensor, "item example"]:
    """The influence of items (all where None) on judged examples, by exact leave-one-out under one learner's start.

    influence[i, j] = loss of j under the learner trained without item i - loss of j under the one trained with all

    Positive where the item helps. Both begin from the same initial parameters, that of `member`, and differ by the item
    alone; the mean loss of fewer items weighs each of the others a little more. No approximation by curvature, as in
    Koh and Liang (ICML 2017). Yang et al. (ICML 2024), section 5.1.
    """
    asked = range(len(case.subject)) if items is None else items
    with_all = losses(case, whole(member))
    return torch.stack([losses(case, without(case, item, member)) - with_all for item in asked])


def additive(case: Case, member: int, items: tuple[int, ...]) -> Float[Tensor, "item example"]:
    """The influence of items where they are added to real examples, free of the other items of the set.

    additive[i, j] = loss of j under the learner of the real examples - loss of j under that of them and item i

    Yang et al. (ICML 2024), figure 8 right: as many real examples as the set has items (there 100), here the same
    for all items.
    """
    alone = losses(case, real_alone(case, member))
    return torch.stack([alone - losses(case, real_and(case, item, member)) for item in items])


def of_real(case: Case, member: int, places: tuple[int, ...]) -> Float[Tensor, "place example"]:
    """The influence of real examples among as many as the set has, by leave-one-out: what a set is held against."""
    alone = losses(case, real_alone(case, member))
    return torch.stack([losses(case, real_without(case, place, member)) - alone for place in places])
