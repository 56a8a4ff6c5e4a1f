"""What a classifier of rows is."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from limbeck.core.expect import AbstractPart
from limbeck.core.family import part_name
from limbeck.core.key import Key
from limbeck.core.values import fields_of

LEAST = 1e-12
"""The least chance that a class is said to have: the logarithm of none is no number."""


class Examples(NamedTuple):
    """Rows under one class each, every one of some weight: a soft label is one row for each class that it has."""

    rows: NDArray[np.float64]
    """(example, number)."""
    labels: NDArray[np.int64]
    """(example,): numbers of classes, of which there are at least two."""
    weights: NDArray[np.float64]
    """(example,): above 0; of the rows of one item together 1."""
    classes: int
    """How many there are, of which some may have no example."""


class AbstractClassifier(AbstractPart):
    """What is fitted to weighted rows at once, and says how likely each class is of others."""

    draws: ClassVar[bool] = False
    """Whether anything of the fit is drawn."""

    @property
    def name(self) -> str:
        """What a row of scores says: that of the part, and the fields that are not the default.

        >>> from limbeck.learn.classifiers import Neighbours
        >>> Neighbours().name, Neighbours(nearest=1).name
        ('neighbours', 'neighbours-nearest1')
        """
        own = fields_of(type(self))
        changed = [each for each in own if getattr(self, each) != getattr(type(self)(), each)]
        return "-".join([part_name(type(self)), *(f"{each}{getattr(self, each):g}" for each in changed)])

    @abstractmethod
    def fit(self, examples: Examples, key: Key) -> dict[str, Tensor]:
        """What is kept of a fit, on the CPU."""

    @abstractmethod
    def outputs(self, params: dict[str, Tensor], rows: Float[Tensor, "row number"]) -> Float[Tensor, "row class"]:
        """The logarithm of how likely each class is, but for a number of each row; in float64, where `rows` lie."""

    @abstractmethod
    def flops(self, examples: int, read: int, numbers: int, classes: int) -> float:
        """About how many operations it takes to fit it to so many examples and to read so many rows."""
