"""Between the units of the data and what a network sees, and items for whoever looks, reads or listens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Float, Int, UInt8
from torch import Tensor

from limbeck.core.expect import AbstractPart
from limbeck.core.tree import Tree


class Sound(NamedTuple):
    """What can be played."""

    samples: Float[Tensor, " sample"]
    """From -1 to 1; what lies beyond is cut off."""
    rate: int
    """Samples in a second."""


class AbstractCodec(AbstractPart):
    """Native units <-> what a network sees: a frozen dataclass. It is kept in every distilled set."""

    @abstractmethod
    def encode(self, native: Tree) -> Tree:
        """Items in the units of the data, as a network sees them; differentiable where both are numbers."""

    @abstractmethod
    def decode(self, inputs: Tree) -> Tree:
        """What a network sees, in the units of the data; it may lie where no real data could."""

    def shown(self, rendered: Tree) -> Tree:
        """What a network sees of items as a set renders them: those themselves, but where they are kept as native."""
        return rendered

    def clip(self, native: Tree) -> Tree:
        """The nearest that real data could be: [0, 1] for images, as it is where the data know no bounds."""
        return native

    def picture(self, item: Tree) -> UInt8[Tensor, "height width 3"] | None:
        """One native item for whoever looks, clipped; None where there is nothing to see."""
        return None

    def words(self, item: Tree) -> str | None:
        """One native item for whoever reads: a sentence, or a row with the names of its columns; None: numbers alone.

        It may hold whatever real text holds; who prints it makes it safe.
        """
        return None

    def sound(self, item: Tree) -> Sound | None:
        """One native item for whoever listens; None where there is nothing to hear."""
        return None

    def scene(
        self, native: Tree, classes: Int[Tensor, " item"], names: Sequence[str]
    ) -> UInt8[Tensor, "height width 3"] | None:
        """All items of a set in one picture, as the nodes of a graph are drawn; None where each stands for itself.

        `names` are those of all classes.
        """
        return None

    def of_any_size(self) -> AbstractCodec | None:
        """The same for images of any size; None where what a pixel shows depends on all, or where none are coded."""
        return None

    @abstractmethod
    def to_tensors(self) -> dict[str, Tensor]:
        """Every number by name, for a file to carry."""

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> AbstractCodec:
        """The codec that `to_tensors` wrote; InputError where a tensor is missing or of another shape."""

    @abstractmethod
    def header(self) -> dict[str, Any]:
        """What is said of it in a few plain values: JSON."""
