"""Words as pieces of a fixed vocabulary, as encoders of the BERT family read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

CONTINUED = "##"
"""What a piece that does not begin a word begins with."""
UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
"""The pieces of a word that no pieces make, of the beginning and of the end of a sentence."""
LONGEST = 100
"""Characters of a word that is taken to pieces; a longer one is unknown."""
_SIGNS = ((33, 47), (58, 64), (91, 96), (123, 126))
"""Characters of ASCII that are neither letters nor digits, and stand by themselves whatever Unicode calls them."""


class WordPieces(NamedTuple):
    """A vocabulary of pieces by their numbers."""

    number_of: dict[str, int]

    @classmethod
    def of(cls, text: str) -> WordPieces:
        """The vocabulary of a file with a piece a line, numbered from 0."""
        return cls({piece: number for number, piece in enumerate(text.splitlines())})

    def sentence(self, words: Sequence[str | None], longest: int) -> list[int]:
        """The pieces of words, with those of beginning and end, `longest` in all at most; None is an unknown word."""
        pieces = [number for word in words for number in self.word(word)]
        return [self.number_of[BEGIN], *pieces[: longest - 2], self.number_of[END]]

    def word(self, word: str | None) -> list[int]:
        """The pieces of a word without accents and in small letters, each sign of which is a word of its own."""
        if word is None:
            return [self.number_of[UNKNOWN]]
        letters = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        parted = "".join(f" {c} " if _stands_alone(c) else c for c in letters)
        return [number for part in parted.split() for number in self._pieces(part)]

    def _pieces(self, part: str) -> list[int]:
        """The longest piece that it begins with, then the longest that what is left begins with, and so on."""
        found: list[int] = []
        start = 0 if len(part) <= LONGEST else len(part)
        while start < len(part):
            lead = CONTINUED if start else ""
            stops = range(len(part), start, -1)
            stop = next((stop for stop in stops if lead + part[start:stop] in self.number_of), 0)
            if not stop:
                return [self.number_of[UNKNOWN]]
            found.append(self.number_of[lead + part[start:stop]])
            start = stop
        return found or [self.number_of[UNKNOWN]]


def _stands_alone(character: str) -> bool:
    code = ord(character)
    return any(low <= code <= high for low, high in _SIGNS) or unicodedata.category(character).startswith("P")
