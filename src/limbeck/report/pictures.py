"""Images as data URIs."""

from __future__ import annotations

import base64
import io

import torch
from jaxtyping import Float
from torch import Tensor

LARGEST = 128
"""Images of a longer side are shown smaller."""


def exact(image: Float[Tensor, "channel height width"], largest: int = LARGEST) -> str:
    """Values in [0, 1], clipped, without loss in a data URI, no side longer than `largest` (0: as long as it is)."""
    return _shorter(_png(image, largest), _bytes(image, "WEBP", largest, lossless=True, method=4))


def small(image: Float[Tensor, "channel height width"]) -> str:
    """As a PNG or as a WebP that loses a little, whichever is shorter: for images that are only looked at."""
    return _shorter(_png(image, LARGEST), _bytes(image, "WEBP", LARGEST, quality=85, method=4))


def _png(image: Tensor, largest: int) -> bytes:
    return _bytes(image, "PNG", largest, optimize=True)


def _shorter(png: bytes, webp: bytes) -> str:
    return _uri(png, "png") if len(png) <= len(webp) else _uri(webp, "webp")


def stretched(image: Float[Tensor, "channel height width"], low: float | int, high: float | int) -> Tensor:
    """Values mapped linearly so that `low` becomes 0 and `high` becomes 1."""
    return (image - low) / max(high - low, 1e-12)


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether items of that shape (item, ...) are images that a screen can show."""
    return len(shape) == 4 and shape[1] in (1, 3)


def _bytes(image: Tensor, kind: str, largest: int, **options: bool | int) -> bytes:
    from PIL import Image

    side = max(image.shape[-2:])
    if largest and side > largest:
        to = [max(1, round(length * largest / side)) for length in image.shape[-2:]]
        image = torch.nn.functional.interpolate(image[None].float(), to, mode="area")[0]
    eight = (image.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    array = eight[0].numpy() if len(eight) == 1 else eight.permute(1, 2, 0).contiguous().numpy()
    held = io.BytesIO()
    Image.fromarray(array).save(held, kind, **options)
    return held.getvalue()


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
