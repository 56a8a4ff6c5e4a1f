"""Ridge regression by its dual: as many equations as items, however many features."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.tree import Tree


def with_ones(features: Float[Tensor, "example feature"]) -> Float[Tensor, "example feature_and_one"]:
    """Features and a last column of ones."""
    return torch.cat([features, features.new_ones(len(features), 1)], 1)


def ridge_solution(
    features: Float[Tensor, "item feature"], targets: Float[Tensor, "item output"], ridge: float
) -> Float[Tensor, "feature output"]:
    """The w that is least in ||features w - targets||^2 + ridge ||w||^2."""
    gram = features @ features.T
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    return features.T @ torch.linalg.solve(gram + ridge * eye, targets)


def raised(gram: Float[Tensor, "item item"], share: float) -> Float[Tensor, "item item"]:
    """K + share tr(K) / n I: the diagonal raised by a share of its mean."""
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    return gram + share * gram.diagonal().mean() * eye


def ridge_weights(
    gram: Float[Tensor, "item item"], targets: Float[Tensor, "item output"], ridge: float
) -> Float[Tensor, "item output"]:
    """The weights of items in kernel ridge regression: (K + ridge tr(K) / n I)^-1 y.

    What it says of x is the sum of k(x, item) weight over items (as Nguyen, Chen & Lee, ICLR 2021, have it).
    """
    return torch.linalg.solve(raised(gram, ridge), targets)


def ridge_outputs(
    theirs: Float[Tensor, "example feature"],
    ours: Float[Tensor, "item feature"],
    targets: Float[Tensor, "item output"],
    ridge: float,
) -> Float[Tensor, "example output"]:
    """What a regression on the features of some items and their targets says of other examples, in double precision.

    K_eo (K_oo + ridge tr(K_oo) / items I)^-1 targets, where K holds inner products of features: the ridge is a share
    of their mean square, so that the scale of features is of no account. Differentiable in all. Where all features of
    the items are 0 nothing is finite.
    """
    # Whether it could be solved is not asked: the answer would be waited for.
    weights = torch.linalg.solve_ex(raised(ours.double() @ ours.double().T, ridge), targets.double())[0]
    return (theirs @ ours.T).double() @ weights


def number_each(targets: Tree, examples: int, outputs: int, part: str, instead: str) -> Float[Tensor, "example output"]:
    """The targets, which are one number for each output; InputError, about `part`, where they are not."""
    if isinstance(targets, Tensor) and targets.shape == (examples, outputs):
        return targets
    found = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
    raise InputError(
        f"{part}: found targets {found}, expected one number for each output, {(examples, outputs)}; {instead}"
    )
