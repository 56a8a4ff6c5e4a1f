"""Products of two factors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LEAST = 0.01
"""The least share of the largest singular value that factors are balanced by."""


def factored(
    matrix: Float[Tensor, "*batch row column"], rank: int
) -> tuple[Float[Tensor, "*batch row rank"], Float[Tensor, "*batch rank column"]]:
    """Two factors whose product is the nearest matrix of at most that rank (Eckart and Young 1936).

    Each singular value is shared evenly between them. Where one is next to 0 the left factor alone is: were both, no
    gradient would ever reach either.
    """
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    values = values[..., :rank]
    largest = values[..., :1]
    shares = torch.maximum(values, torch.where(largest > 0, LEAST * largest, 1.0)).sqrt()
    return left[..., :rank] * (values / shares)[..., None, :], shares[..., None] * right[..., :rank, :]
