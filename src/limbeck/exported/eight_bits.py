"""Images in 8 bits: what pictures hold of a set, and what that costs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor

from limbeck.codecs import ImageCodec
from limbeck.core.contracts import Batch
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.units import measured, measured_range, percent
from limbeck.distilled_set import DistilledSet
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held

LEVELS = 255
"""The largest level; 0 is black."""
ROUNDING = 1e-6
"""How far beyond [0, 1] a real pixel may come to lie when it is normalised and back."""


class Cost(NamedTuple):
    """How far the numbers of a set are from what 8 bits hold of them; distances are in pixels, black 0 to white 1."""

    values: int
    """How many numbers there are."""
    clipped: int
    """How many lay outside [0, 1]."""
    clipped_by: float
    """How far those moved, on average."""
    clipped_most: float
    rounded_most: float
    """How far the others moved at most: half a level or less."""

    @property
    def words(self) -> str:
        """The cost in a sentence or two."""
        rest = f"rounded to {LEVELS + 1} levels, which moved them by {self.rounded_most:.2g} at most"
        if not self.clipped:
            return f"None of its {self.values:,} values lies outside [0, 1]; they are {rest}."
        return (
            f"{self.clipped:,} of its {self.values:,} values ({percent(self.clipped / self.values)}) lie outside "
            f"[0, 1] and are clipped, which moved them by {self.clipped_by:.2g} on average and "
            f"{self.clipped_most:.2g} at most (black to white is 1); the others are {rest}."
        )


class Pictures(NamedTuple):
    """What 8 bits hold of a set."""

    levels: UInt8[Tensor, "item channel height width"]
    cost: Cost

    def png(self, item: int) -> bytes:
        """The PNG file of an item: grey for one channel, colour for three."""
        from PIL import Image

        channels_last = self.levels[item].movedim(0, 2)
        pixels = channels_last[..., 0] if channels_last.shape[2] == 1 else channels_last
        memory = io.BytesIO()
        Image.fromarray(pixels.contiguous().numpy()).save(memory, format="PNG")
        return memory.getvalue()


def pictures_of(distilled: DistilledSet, format: str) -> Pictures:
    """The images of a set in 8 bits; InputError, which names `format`, for items that no picture holds."""
    codec, native = distilled.codec, distilled.native
    if not isinstance(codec, ImageCodec):
        raise InputError(
            f"--format {format}: the set has items of the codec {part_name(type(codec))}, expected images; "
            "choose --format npz or --format pt, which hold any numbers"
        )
    if native.shape[1] not in (1, 3):
        raise InputError(
            f"--format {format}: the set has images of {native.shape[1]} channels, expected 1 or 3; "
            "choose --format npz or --format pt, which hold any number of them"
        )
    levels = (codec.clip(native) * LEVELS).round()
    moved = (levels.double() / LEVELS - native.double()).abs()
    outside = ~torch.isclose(native, codec.clip(native), rtol=0, atol=ROUNDING)
    clipped, rounded = moved[outside], moved[~outside]
    cost = Cost(
        native.numel(),
        len(clipped),
        float(clipped.mean()) if len(clipped) else 0.0,
        float(clipped.max()) if len(clipped) else 0.0,
        float(rounded.max()) if len(rounded) else 0.0,
    )
    return Pictures(levels.byte(), cost)


def in_eight_bits(distilled: DistilledSet, format: str) -> DistilledSet:
    """The set that its pictures hold; errors as in `pictures_of`."""
    pixels = pictures_of(distilled, format).levels.to(distilled.native.dtype) / LEVELS
    batch = Batch(distilled.codec.encode(pixels), distilled.batch.targets, distilled.batch.classes)
    return replace(distilled, params=held(batch), parameterization=Pixels(), scores=())


def side_by_side(rows: Sequence[Mapping[str, Any]]) -> str:
    """The scores of a set and of its pictures, in a sentence."""
    before, after = (
        f"{measured(row['mean'], row['unit'])} ({measured_range(row['low'], row['high'], row['unit'])})" for row in rows
    )
    row = rows[0]
    return (
        f"Test {row['metric']} of {row['network']}, 95 % interval over n = {row['n']} learners, protocol "
        f"{row['protocol']}: {before} as it was distilled, {after} from these pictures."
    )


def cost_in_words(cost: Cost, rows: Sequence[Mapping[str, Any]]) -> str:
    """What 8 bits cost, with the scores of the set and of its pictures where that was asked for."""
    scored = (
        side_by_side(rows) if rows else "What that costs in accuracy was not measured: `limbeck export --scored` tells."
    )
    return f"{cost.words} {scored} `--format npz` keeps every number."


def eight_bits_section(cost: Cost, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The heading and the text of what a README says of 8 bits."""
    return (
        "What 8 bits cost",
        f"A picture has levels from 0 to {LEVELS}: `pixels = level / {LEVELS}`. {cost_in_words(cost, rows)}",
    )
