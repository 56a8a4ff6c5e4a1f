"""What a set stores: in bytes, by what they are, and as pictures."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractCodec, Budget, Pictured
from limbeck.core.units import size
from limbeck.distilled_set import DistilledSet

LABELS = "labels"
"""What labels are called among the parts of a set."""
STORED = "its numbers as they lie in its file, whose header is not counted"
"""What the size of a set counts."""
FLOAT32 = "as many numbers of 32 bits, as papers count"
"""What its other size counts, of the same numbers."""
Picture = UInt8[Tensor, "height width 3"]

SIDE, LARGEST, LONG = 72, 160, 168
"""How large a picture is drawn, in pixels: its longer side at least and at most, and that of a strip."""
STRIP, THINNEST = 2, 14
"""From how many times as long as thick a picture is a strip, and the pixels of its shorter side at least."""


class Drawn(NamedTuple):
    """Pictures of one kind of what is stored."""

    name: str
    line: str
    pictures: tuple[Picture, ...]
    words: tuple[str, ...]

    @property
    def displayed(self) -> tuple[int, int]:
        """The height and the width at which one of them is drawn, in pixels."""
        height, width = self.pictures[0].shape[:2]
        longer, shorter = max(height, width), min(height, width)
        side = LONG if longer >= STRIP * shorter else min(LARGEST, max(SIDE, longer))
        least = max(THINNEST, round(side * shorter / longer))
        return (least, side) if width >= height else (side, least)


def pictures_of(distilled: DistilledSet) -> list[Drawn]:
    """What is stored of a set, as pictures; none where that is the items themselves, or has none."""
    found = []
    for each in distilled.parameterization.pictured(distilled.stored, distilled.classes):
        pictures, whitened = _drawn(distilled.codec, each), each.as_items and distilled.codec.of_any_size() is None
        line = f"{each.line}; as whitened, 0 is grey" if whitened else each.line
        found.append(Drawn(each.name, line, tuple(pictures), each.words))
    return [each for each in found if each.pictures]


def _drawn(codec: AbstractCodec, each: Pictured) -> list[Picture]:
    """As the codec draws items, or as grey or coloured numbers."""
    pictures, anywhere = each.pictures.detach().cpu().float(), codec.of_any_size() if each.as_items else None
    if anywhere is not None:
        drawn = [anywhere.picture(native) for native in anywhere.decode(pictures)]
        return [picture for picture in drawn if picture is not None]
    return [_eight(one) for one in _spread(pictures)]


def _spread(
    numbers: Float[Tensor, "picture channel height width"],
) -> Float[Tensor, "picture channel height width"]:
    """Numbers from 0 to 1: the largest is 1, and 0 is a half where some are negative, else 0."""
    numbers = numbers if numbers.shape[1] in (1, 3) else numbers.mean(1, keepdim=True)
    largest = numbers.abs().amax().clamp(min=1e-12)
    return 0.5 + numbers / (2 * largest) if bool((numbers < 0).any()) else numbers / largest


def _eight(image: Float[Tensor, "channel height width"]) -> Picture:
    eight = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    return eight.expand(3, -1, -1).permute(1, 2, 0).contiguous()


class Part(NamedTuple):
    """The bytes of a set that are of one kind."""

    what: str
    numbers: int
    bytes: int
    """As they are stored."""

    @property
    def floats(self) -> int:
        """The bytes of as many numbers in 32 bits."""
        return FLOAT * self.numbers


class Account(NamedTuple):
    """What a set takes to store, and what its items would take plainly."""

    parts: tuple[Part, ...]
    items: int
    plain: int
    """The bytes of one item, each number in 32 bits, without its label."""

    @property
    def bytes(self) -> int:
        """All that is stored, labels and whatever decodes it included."""
        return sum(part.bytes for part in self.parts)

    @property
    def floats(self) -> int:
        """The bytes of all that is stored, each number in 32 bits."""
        return sum(part.floats for part in self.parts)

    @property
    def words(self) -> str:
        """What the size counts and is made of, and what the items would take plainly where they are not stored so."""
        parts = " + ".join(f"{part.what} {size(part.bytes)}" for part in self.parts)
        told = f"{STORED}: {parts}"
        plainly = self.items * self.plain
        if plainly == sum(part.bytes for part in self.parts if part.what != LABELS):
            return told
        return f"{told}. Its {self.items:,} items as plain 32-bit numbers would take {size(plainly)}"

    @classmethod
    def of(cls, document: dict[str, Any]) -> Account:
        """What `document` was made of."""
        parts = tuple(Part(each["what"], each["numbers"], each["bytes"]) for each in document["parts"])
        return cls(parts, document["items"], document["plain_item"])

    def document(self) -> dict[str, Any]:
        """As JSON."""
        parts = [{**part._asdict(), "float32": part.floats} for part in self.parts]
        totals = {"bytes": self.bytes, "float32": self.floats}
        return {"parts": parts, **totals, "items": self.items, "plain_item": self.plain}


def account(distilled: DistilledSet) -> Account:
    """The bytes of a set by what they are; together those of its budget."""
    counted = distilled.parameterization.counted(distilled.stored)
    network = Budget.of(distilled.initialisation or {})
    named = {
        "inputs": counted.inputs,
        LABELS: counted.labels,
        "shared by all": counted.shared,
        "network to begin with": network,
        "labels of attention": Budget.of(distilled.schedule.labels),
    }
    parts = tuple(Part(what, *cost) for what, cost in named.items() if cost.scalars)
    leaves = tree.leaves(distilled.batch.inputs)
    return Account(parts, len(distilled), FLOAT * sum(leaf[0].numel() for leaf in leaves))
