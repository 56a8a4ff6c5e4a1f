"""How often what belongs together is found."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def recalls(similarity: Float[Tensor, "query answer"], among: Sequence[int]) -> list[float]:
    """The share of queries whose own answer, that of their number, is among the k most similar, for each k.

    Equal answers are ranked at random, and the share is what is expected of that: where all are equal, k over their
    number.

    >>> recalls(torch.eye(4), (1, 2)), recalls(torch.zeros(4, 4), (1, 2)), recalls(1 - torch.eye(4), (1, 3))
    ([1.0, 1.0], [0.25, 0.5], [0.0, 0.0])
    """
    own = similarity.diagonal()[:, None]
    above = (similarity > own).sum(1).double()
    equal = (similarity == own).sum(1).double()
    # A similarity that is no number is as good as none.
    found = [((k - above) / equal.clamp(min=1)).clamp(0, 1).where(equal > 0, 0.0) for k in among]
    return [float(each.mean()) for each in torch.stack(found)]
