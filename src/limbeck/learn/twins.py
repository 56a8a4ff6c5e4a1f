"""Learning without labels from two views of each example: what is asked of their embeddings, and what embeds them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.key import Key

EPSILON = 1e-5
"""What is added to a variance, as batch normalisation does."""

Embeddings = Float[Tensor, "example number"]


def standardised(embeddings: Embeddings) -> Embeddings:
    """Each number less its mean over the examples, divided by its standard deviation over them."""
    centred = embeddings - embeddings.mean(0)
    return centred / (centred.square().mean(0) + EPSILON).sqrt()


def correlation(left: Embeddings, right: Embeddings) -> Float[Tensor, "number number"]:
    """The cross-correlation of two views of the same examples."""
    return standardised(left).T @ standardised(right) / len(left)


def redundancy(left: Embeddings, right: Embeddings, off_diagonal: float) -> Float[Tensor, ""]:
    """How far the cross-correlation C of two views is from the identity (Barlow Twins, Zbontar et al., ICML 2021).

    sum_i (1 - C_ii)^2 + off_diagonal sum_{i != j} C_ij^2
    """
    found = correlation(left, right)
    kept = found.diagonal()
    return (1 - kept).square().sum() + off_diagonal * (found.square().sum() - kept.square().sum())


def projector(features: int, width: int, key: Key) -> dict[str, Tensor]:
    """Two matrices (input, output) that embed features in `width` numbers, as they begin."""
    return {
        "first": key.fold("first").normal(features, width) * math.sqrt(2 / features),
        "second": key.fold("second").normal(width, width) * math.sqrt(2 / width),
    }


def projected(params: dict[str, Tensor], features: Float[Tensor, "example feature"]) -> Embeddings:
    """The embeddings of features: a linear layer, standardised over the examples, ReLU, a linear layer."""
    return torch.relu(standardised(features @ params["first"])) @ params["second"]
