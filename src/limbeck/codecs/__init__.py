"""L1, codecs: between the units of the data and what a network sees."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from limbeck.codecs.columns import Columns as Columns
from limbeck.codecs.identity import Identity as Identity
from limbeck.codecs.images import ImageCodec as ImageCodec
from limbeck.codecs.nodes import Nodes as Nodes
from limbeck.codecs.pairs import PairCodec as PairCodec
from limbeck.codecs.series import SeriesCodec as SeriesCodec
from limbeck.codecs.spectrograms import SpectrogramCodec as SpectrogramCodec
from limbeck.codecs.standardised import Standardised as Standardised
from limbeck.codecs.word_vectors import WordVectors as WordVectors
from limbeck.core.contracts import AbstractCodec
from limbeck.core.family import Family, part_name

CODECS = Family(
    "codec",
    AbstractCodec,
    Columns,
    ImageCodec,
    Nodes,
    PairCodec,
    SeriesCodec,
    SpectrogramCodec,
    Standardised,
    WordVectors,
    Identity,
)


def header_of(codec: AbstractCodec) -> dict[str, Any]:
    """A codec in the JSON header of a file: its name in the family, and what it says of itself."""
    return {"name": part_name(type(codec)), **codec.header()}


def codec_of(header: dict[str, Any], tensors: dict[str, Tensor]) -> AbstractCodec:
    """The codec that `header_of` and `to_tensors` wrote; InputError for one of no installed package."""
    return CODECS[header["name"]].from_tensors(tensors)
