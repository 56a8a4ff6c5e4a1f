"""Pictures with words, and what a network sees of both."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limbeck.codecs.hashed_text import NUMBERS, hashed
from limbeck.codecs.images import ImageCodec
from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError

Pairs = dict[str, Tensor]


@dataclass(frozen=True)
class PairCodec(AbstractCodec):
    """A picture in [0, 1] and a text as a vector of length 1 <-> channels normalised, numbers of variance 1.

    A text is read as the caption whose vector is nearest; the captions are those of the training split.
    """

    pixels: ImageCodec
    """Of the pictures."""
    captions: tuple[str, ...]
    """What a text is read as."""
    numbers: int = NUMBERS
    """Of the vector of a text."""

    def encode(self, native: Pairs) -> Pairs:
        """Pictures (example, channel, height, width) in [0, 1] and texts (example, number), as a network sees them."""
        return {"image": self.pixels.encode(native["image"]), "text": native["text"] * self.numbers**0.5}

    def decode(self, inputs: Pairs) -> Pairs:
        """What a network sees, in pixels and in vectors of about length 1."""
        return {"image": self.pixels.decode(inputs["image"]), "text": inputs["text"] / self.numbers**0.5}

    def clip(self, native: Pairs) -> Pairs:
        """Pixels cut off below 0 and above 1; texts as they are."""
        return {**native, "image": self.pixels.clip(native["image"])}

    def picture(self, item: Pairs) -> UInt8[Tensor, "height width 3"] | None:
        """The picture of a pair, clipped."""
        return self.pixels.picture(item["image"])

    def words(self, item: Pairs) -> str:
        """The caption whose vector is nearest to the text of a pair, by the angle between them; the first of equals."""
        text = item["text"].detach().cpu().double().nan_to_num()
        return self.captions[int((self._vectors @ text).argmax())]

    @functools.cached_property
    def _vectors(self) -> Float[Tensor, "caption number"]:
        return hashed(self.captions, self.numbers).double()

    def header(self) -> dict[str, Any]:
        """Means and standard deviations by channel, how many captions there are, and how long a text's vector is."""
        return {**self.pixels.header(), "captions": len(self.captions), "numbers": self.numbers}

    def to_tensors(self) -> dict[str, Tensor]:
        """Those of the pictures, the captions as UTF-8, one a line, and the length of a text's vector."""
        written = bytearray("\n".join(self.captions).encode())
        return {
            **self.pixels.to_tensors(),
            "captions": torch.frombuffer(written, dtype=torch.uint8),
            "numbers": torch.tensor(self.numbers),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> PairCodec:
        """The codec that `to_tensors` wrote; InputError where a tensor is missing or of another shape."""
        rest = {name: each for name, each in tensors.items() if name not in ("captions", "numbers")}
        pixels = ImageCodec.from_tensors(rest)
        written, numbers = tensors.get("captions"), tensors.get("numbers")
        try:
            assert written is not None and numbers is not None
            assert written.dtype == torch.uint8 and written.dim() == 1 and len(written)
            assert numbers.shape == () and not numbers.is_floating_point() and 0 < int(numbers) < 2**20
            captions = bytes(written.tolist()).decode()
        except (AssertionError, UnicodeDecodeError) as error:
            raise InputError(
                "a codec of pairs with captions or numbers that cannot be read, expected UTF-8 as bytes and a whole "
                "number; make the file again"
            ) from error
        return cls(pixels, tuple(captions.split("\n")), int(numbers))
