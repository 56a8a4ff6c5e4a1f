"""Sentences as words of a vocabulary, and as the vectors of a frozen table that a network sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.codec import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.placing import onto

Tokens = Int[Tensor, "*sentence place"]
Vectors = Float[Tensor, "*sentence place number"]

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""The numbers of no word and of a word that the vocabulary lacks, and that of its first word."""
MOST = 127
"""The largest level of a number of the table, which lies in 8 bits."""
HALF = 0.5
"""From where on a place is read as a word."""
LONGEST = 2**16
"""Characters of a text that are read."""
_AT_ONCE = 2**24
"""Products of vectors and words that are in memory together, at most."""
_IDEOGRAMS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAMS}]|[^\W_{_IDEOGRAMS}]+(?:['\u2019][^\W_{_IDEOGRAMS}]+)?")


def words_of(text: str) -> list[str]:
    r"""The words of a text in small letters: runs of letters and digits, and each ideogram; the rest is left out.

    Only the first 65,536 characters are read.

    >>> words_of("It's 5 o'clock,\x1b[31m Joe!"), words_of("\u732b\u3068"), words_of("...")
    (["it's", '5', "o'clock", '31m', 'joe'], ['猫', 'と'], [])
    """
    return _WORD.findall(unicodedata.normalize("NFC", text[:LONGEST]).lower())


@dataclass(frozen=True, eq=False)
class WordVectors(AbstractCodec):
    """Words by their numbers <-> the vectors of a table; a vector is read as the word whose own is nearest.

    A sentence is (place,) whole numbers: 0 where no word is, 1 for a word that the vocabulary lacks, then the words. A
    network sees (place, number): the vector of each word and, as last number, 1 where there is a word and 0 where there
    is none, whose vector is 0. A synthetic sentence may lie anywhere; it is read as a word where its last number is at
    least a half.
    """

    vocabulary: tuple[str, ...]
    """The words, the first of which has the number 2."""
    levels: Tensor
    """(token, number) int8: the table over `scale`; row 0 is 0."""
    scale: float
    """What one level is."""
    length: int
    """Places of a sentence; what is longer is cut."""

    def __post_init__(self) -> None:
        shape, count = tuple(self.levels.shape), FIRST + len(self.vocabulary)
        whole = self.levels.dtype == torch.int8 and len(shape) == 2 and shape[0] == count and shape[1] > 0
        if not whole or not 0 < self.scale < float("inf") or self.length < 1:
            raise InputError(
                f"a codec of words with {self.levels.dtype} {shape}, scale {self.scale} and length {self.length}, "
                f"expected int8 ({count}, number) and positive numbers; make the file again"
            )

    @classmethod
    def of(cls, vocabulary: Sequence[str], table: Float[Tensor, "token number"], length: int) -> WordVectors:
        """The codec of a table, each of whose numbers is rounded to one of 255 levels."""
        scale = float(table.abs().max().clamp(min=1e-12)) / MOST
        return cls(tuple(vocabulary), (table / scale).round().to(torch.int8), scale, length)

    @cached_property
    def table(self) -> Float[Tensor, "token number"]:
        """The vector of each token, and whether it is one: float32."""
        there = (torch.arange(len(self.levels)) != PADDING).float()
        return torch.cat([self.scale * self.levels.float(), there[:, None]], 1)

    @cached_property
    def _number_of(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, FIRST)}

    def numbers_of(self, sentences: Sequence[Sequence[str]]) -> Tokens:
        """The words of sentences by their numbers, cut or filled with 0 to `length`."""
        made = torch.zeros(len(sentences), self.length, dtype=torch.int64)
        for row, words in enumerate(sentences):
            numbers = [self._number_of.get(word, UNKNOWN) for word in words[: self.length]]
            made[row, : len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return made

    def encode(self, native: Tokens) -> Vectors:
        """The vector of each word, and 1; 0 where there is none."""
        return onto(self.table, native.device)[native]

    def shown(self, rendered: Tensor) -> Vectors:
        """Items that are kept as words are encoded; vectors are seen as they are."""
        return rendered if rendered.is_floating_point() else self.encode(rendered.long())

    def decode(self, inputs: Vectors) -> Tokens:
        """The word whose vector is nearest, the first of equals; 0 where the last number is below a half."""
        table = onto(self.table[UNKNOWN:, :-1], inputs.device).to(inputs.dtype)
        flat, there = inputs[..., :-1].flatten(0, -2), inputs[..., -1] >= HALF
        parts = flat.split(max(1, _AT_ONCE // len(table)))
        sizes = table.square().sum(1) / 2
        nearest = torch.cat([(part @ table.T - sizes).argmax(1) for part in parts])
        return torch.where(there, UNKNOWN + nearest.reshape(there.shape), PADDING)

    def words(self, item: Int[Tensor, " place"]) -> str:
        """A sentence: its words with a space between them, `[...]` for one that the vocabulary lacks."""
        said = {UNKNOWN: "[...]"}
        found = [number for number in item.tolist() if number != PADDING]
        return " ".join(said.get(number) or self.vocabulary[number - FIRST] for number in found)

    def header(self) -> dict[str, Any]:
        """How many words there are, how long their vectors and how long sentences are, and the bytes of the table."""
        return {
            "words": len(self.vocabulary),
            "numbers": self.levels.shape[1],
            "length": self.length,
            "bytes": self.levels.numel(),
        }

    def to_tensors(self) -> dict[str, Tensor]:
        """The table and its scale, the length, and the words as text, one on a line."""
        text = "\n".join(self.vocabulary).encode()
        return {
            "levels": self.levels,
            "scale": torch.tensor(self.scale, dtype=torch.float64),
            "length": torch.tensor(self.length),
            "vocabulary": torch.tensor(list(text), dtype=torch.uint8),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> WordVectors:
        """The codec that `to_tensors` wrote; InputError where a tensor is missing or of another shape."""
        missing = {"levels", "scale", "length", "vocabulary"} - tensors.keys()
        sizes = [tensors[name].numel() for name in ("scale", "length") if name in tensors]
        if missing or sizes != [1, 1] or tensors["vocabulary"].dtype != torch.uint8:
            found = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items()) or "nothing"
            raise InputError(
                f"a codec of words with {found}, expected levels, scale, length and vocabulary; make the file again"
            )
        text = bytes(tensors["vocabulary"].tolist()).decode(errors="replace")
        words = tuple(text.split("\n")) if text else ()
        return cls(words, tensors["levels"], float(tensors["scale"]), int(tensors["length"]))
