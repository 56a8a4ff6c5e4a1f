"""Texts as vectors that are the same everywhere: hashed words and triples of letters, without anything to fit."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

NUMBERS = 256
"""Numbers of a text."""
PLACES = 4
"""At how many numbers a token adds its share."""
OF_LETTERS = 0.5
"""What all triples of letters of a word weigh together, where the word weighs 1."""


def tokens(text: str) -> dict[str, float]:
    """What a text holds, with its weight: words, and the triples of letters in each word, its ends among them.

    >>> {token: round(weight, 2) for token, weight in tokens("A cat").items()}
    {'a': 1.0, '<a>': 0.5, 'cat': 1.17, '<ca': 0.17, 'at>': 0.17}
    """
    found: dict[str, float] = {}
    words = re.findall(r"\w+", text.lower())
    for word in words or [text.strip()]:
        whole = f"<{word}>"
        triples = [whole[at : at + 3] for at in range(len(whole) - 2)] or [whole]
        for token, weight in ((word, 1.0), *((triple, OF_LETTERS / len(triples)) for triple in triples)):
            found[token] = found.get(token, 0.0) + weight
    return found


def hashed(texts: Sequence[str], numbers: int = NUMBERS) -> Float[Tensor, "text number"]:
    """A vector of length 1 for each text: the sum of what its tokens stand for (Weinberger et al., ICML 2009).

    A token stands for +-1/2 at each of four places that its BLAKE2 digest names, so that texts which share words or
    parts of words lie near one another, on every machine alike.
    """
    rows = torch.zeros(len(texts), numbers, dtype=torch.float64)
    for row, text in zip(rows, texts, strict=True):
        for token, weight in sorted(tokens(text).items()):
            places, signs = _stands_for(token, numbers)
            row.index_add_(0, places, weight * signs)
    return torch.nn.functional.normalize(rows).float()


@functools.lru_cache(maxsize=65536)
def _stands_for(token: str, numbers: int) -> tuple[Tensor, Tensor]:
    digest = hashlib.blake2b(token.encode(), digest_size=4 * PLACES).digest()
    drawn = [int.from_bytes(digest[4 * at : 4 * at + 4], "little") for at in range(PLACES)]
    places = torch.tensor([(each >> 1) % numbers for each in drawn])
    signs = torch.tensor([1.0 if each & 1 else -1.0 for each in drawn], dtype=torch.float64)
    return places, signs / PLACES**0.5
