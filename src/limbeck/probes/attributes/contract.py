"""The contract of sources of attributes, and attributes made of words."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.core.expect import AbstractPart

RAREST, COMMONEST = 0.02, 0.5
"""The shares of the described examples of a class between which a term is an attribute of that class."""
TERMS = 40
"""How many terms a class has at most, the commonest first."""
LONGEST = 3
"""Words of a phrase at most."""
_SILENT = (
    "a an and are as at be but by for from has have in into is it its of on or over some that the their there this to "
    "very was were which with image photo picture object background describe shows showing appears seems"
)
STOP = frozenset(_SILENT.split())
"""Words that say nothing of an image."""


class Attributes(NamedTuple):
    """Which evaluation examples carry which attributes."""

    names: tuple[str, ...]
    carried: Bool[Tensor, "example attribute"]
    known: Bool[Tensor, "example attribute"]
    """Whether it is known of an example; what is not known is neither carried nor not."""


class AbstractAttributes(AbstractPart):
    """Where the attributes of evaluation examples come from: a frozen dataclass."""

    @abstractmethod
    def describe(self) -> str:
        """What attributes are by, in a few words."""

    @abstractmethod
    def check(self, context: ProbeContext) -> None:
        """Raise InputError where `of` would; quickly, so that it is asked before long work."""

    @abstractmethod
    def of(self, context: ProbeContext) -> Attributes:
        """The attributes of the evaluation examples of a case, in their order."""


def terms_of(text: str) -> frozenset[str]:
    """The words of a text, and its phrases of two or three words between marks; without words that say nothing.

    >>> sorted(terms_of("A yellow car, on the grassy field."))
    ['car', 'field', 'grassy', 'grassy field', 'yellow', 'yellow car']
    """
    found: set[str] = set()
    for phrase in re.split(r"[^\w\s'-]+|\band\b|\bwith\b|\bin\b|\bon\b|\bof\b", text.lower()):
        words = [word for word in re.findall(r"[\w'-]+", phrase) if len(word) > 2 and word not in STOP]
        found.update(words)
        if 2 <= len(words) <= LONGEST:
            found.add(" ".join(words))
    return frozenset(found)


def of_texts(
    texts: Sequence[str | None], classes: Int[Tensor, " example"], prefix: str
) -> tuple[list[str], Tensor, Tensor]:
    """Names, carried and known of the terms of texts, one of each example, or None where there is none.

    A term is an attribute of the classes of whose described examples between 2 and 50 % have it, and unknown in others.
    """
    described = torch.tensor([text is not None for text in texts])
    terms = [frozenset() if text is None else terms_of(text) for text in texts]
    chosen: dict[str, set[int]] = {}
    for label in classes.unique().tolist():
        rows = (described & (classes == label)).nonzero()[:, 0].tolist()
        counts = Counter(term for row in rows for term in terms[row])
        kept = [(term, n) for term, n in counts.items() if RAREST * len(rows) <= n <= COMMONEST * len(rows)]
        for term, _ in sorted(kept, key=lambda pair: (-pair[1], pair[0]))[:TERMS]:
            chosen.setdefault(term, set()).add(label)
    names = sorted(chosen)
    carried = torch.tensor([[name in found for name in names] for found in terms], dtype=torch.bool)
    of_class = torch.tensor([[label in chosen[name] for name in names] for label in classes.tolist()], dtype=torch.bool)
    shape = (len(texts), len(names))
    return [f"{prefix}: {name}" for name in names], carried.view(shape), of_class.view(shape) & described[:, None]


def joined(parts: Sequence[tuple[list[str], Tensor, Tensor]], count: int) -> Attributes:
    """The attributes of all parts (names, carried, known) of `count` examples."""
    nothing = torch.zeros(count, 0, dtype=torch.bool)
    return Attributes(
        tuple(name for names, _, _ in parts for name in names),
        torch.cat([nothing, *(carried for _, carried, _ in parts)], 1),
        torch.cat([nothing, *(known for _, _, known in parts)], 1),
    )
