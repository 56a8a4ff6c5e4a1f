"""A network of one's own whose body is frozen, as a pretrained encoder is: learners train its last layer alone."""

from __future__ import annotations

import math

from torch import nn


class Frozen(nn.Sequential):
    """Random features of the pixels, the same in every learner, and a linear layer."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(math.prod(shape), 64), nn.ReLU(), nn.Linear(64, classes))
        self[1].requires_grad_(False)
