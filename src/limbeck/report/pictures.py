"""Pictures as data URIs."""

from __future__ import annotations

import base64
import io

import torch
from jaxtyping import UInt8
from torch import Tensor

Picture = UInt8[Tensor, "height width 3"]

LARGEST = 128
"""Images of a longer side are shown smaller."""


def exact(image: Picture, largest: int = LARGEST) -> str:
    """A picture without loss in a data URI, no side longer than `largest` (0: as long as it is)."""
    return _shorter(_png(image, largest), _bytes(image, "WEBP", largest, lossless=True, method=4))


def small(image: Picture, largest: int = LARGEST) -> str:
    """As a PNG or as a WebP that loses a little, whichever is shorter: for images that are only looked at."""
    return _shorter(_png(image, largest), _bytes(image, "WEBP", largest, quality=85, method=4))


def _png(image: Tensor, largest: int) -> bytes:
    return _bytes(image, "PNG", largest, optimize=True)


def _shorter(png: bytes, webp: bytes) -> str:
    return _uri(png, "png") if len(png) <= len(webp) else _uri(webp, "webp")


def _bytes(image: Tensor, kind: str, largest: int, **options: bool | int) -> bytes:
    from PIL import Image

    side = max(image.shape[:2])
    if largest and side > largest:
        to = [max(1, round(length * largest / side)) for length in image.shape[:2]]
        small = torch.nn.functional.interpolate(image.permute(2, 0, 1)[None].float(), to, mode="area")[0]
        image = small.round().to(torch.uint8).permute(1, 2, 0)
    grey = bool((image == image[..., :1]).all())
    array = (image[..., 0] if grey else image).contiguous().numpy()
    held = io.BytesIO()
    Image.fromarray(array).save(held, kind, **options)
    return held.getvalue()


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
