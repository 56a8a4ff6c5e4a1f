"""What examples look like: real examples, the means of their classes, or neither."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

USUAL = 0.95
"""The share of unseen real examples that lie within what is usual of them, on either side by itself."""
REAL, MEANS, NEITHER, COPIES = "like real examples", "like class means", "like neither", "nearly copies"
KINDS = (REAL, MEANS, NEITHER, COPIES)
"""The first three exclude one another; copies are some of those like real examples."""
_RANK = 1e-6
"""The share of the largest singular value below which a direction is one of rounding."""


class Look(NamedTuple):
    """How examples lie among real ones."""

    relative: Float[Tensor, " example"]
    """The distance to the nearest real training example, over how far both lie from the mean of all (`relative`)."""
    explained: Float[Tensor, " example"]
    """The share of their variance that class means explain (`explained`)."""


def relative(
    distances: Float[Tensor, " example"], contrasts: Float[Tensor, " example"], others: Float[Tensor, " example"]
) -> Float[Tensor, " example"]:
    """Distances between pairs over the geometric mean of how far the two lie from the mean of all.

    |x - t| / sqrt(|x - g| |t - g|): the same for both at twice the size, and least, of examples of one direction, where
    they are of one size. So what is pale or blank is not near to everything. 0 for equal examples, infinite where only
    one of two is the mean.

    >>> found = relative(torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0.0, 4.0, 0.0]), torch.tensor([1.0, 4.0, 0.0]))
    >>> found.tolist()
    [inf, 0.25, 0.0]
    """
    return torch.where(distances == 0, torch.zeros_like(distances), distances / (contrasts * others).sqrt())


def explained(
    points: Float[Tensor, "example number"], means: Float[Tensor, "class number"], centre: Float[Tensor, " number"]
) -> Float[Tensor, " example"]:
    """The share of each example's variance that class means explain: of |x - g|^2 by least squares on all m_k - g.

    1 for every mixture of class means, at any contrast, whatever its weights. NaN where it says nothing: where the
    means do not differ, or span all that there is. Of an example that is the mean of all nothing is left: 1.

    >>> means, g = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]), torch.zeros(3)
    >>> [round(each, 4) for each in explained(torch.tensor([[3.0, 4.0, 0.0], [2.0, 0.0, 0.0]]), means, g).tolist()]
    [0.36, 1.0]
    """
    basis = _span((means - centre).double())
    apart = (points - centre).double()
    if basis is None:
        return apart.new_full((len(apart),), math.nan)
    whole, held = apart.square().sum(1), (apart @ basis.T).square().sum(1)
    return torch.where(whole > 0, held / whole, torch.ones_like(whole))


def _span(directions: Float[Tensor, "class number"]) -> Float[Tensor, "direction number"] | None:
    """An orthonormal basis of some directions; None for none, for all there are, and for what is not finite."""
    if not bool(directions.isfinite().all()):
        return None
    _, sizes, basis = torch.linalg.svd(directions, full_matrices=False)
    rank = int((sizes > _RANK * sizes.max()).sum()) if len(sizes) and float(sizes.max()) > 0 else 0
    return basis[:rank] if 0 < rank < directions.shape[1] else None


def kinds(ours: Look, real: Look) -> Bool[Tensor, "kind example"]:
    """What examples look like, in the order of `KINDS`, by what is usual of unseen real ones.

    Like class means: these explain more of it than of 95 % of unseen real examples. Else like a real example, unless it
    is farther, relatively, from its nearest real one than 95 % of those; and then like neither. Nearly a copy: like a
    real example, and nearer than 95 % are. So of unseen real examples 5 % look like class means, at most 5 % like
    neither and at most 5 % are nearly copies, by construction. Where class means say nothing, nothing looks like them.
    """
    means = ours.explained > _quantile(real.explained, USUAL, math.inf)
    # What is no number is near to nothing.
    far = ~(ours.relative <= _quantile(real.relative, USUAL, math.inf))
    near = ours.relative < _quantile(real.relative, 1 - USUAL, 0.0)
    return torch.stack([~means & ~far, means, ~means & far, ~means & near])


def ranks(values: Float[Tensor, " example"], real: Float[Tensor, " other"]) -> Float[Tensor, " example"]:
    """The share of real examples that each value is above, where equal by half; NaN where either says nothing.

    Of one more real example every rank is as likely as any other.

    >>> ranks(torch.tensor([0.5, 2.0, 9.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist()
    [0.0, 0.375, 1.0]
    """
    known = real[~real.isnan()]
    sides = (values[:, None] > known).double() + (values[:, None] == known).double() / 2
    found = sides.mean(1) if len(known) else torch.full((len(values),), math.nan, dtype=torch.float64)
    return found.where(~values.isnan(), torch.nan)


def _quantile(values: Float[Tensor, " example"], at: float, none: float) -> float:
    known = values[values.isfinite()]
    return float(known.quantile(at)) if len(known) else none
