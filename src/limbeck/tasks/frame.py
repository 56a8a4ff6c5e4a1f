"""The form that all images of a task have, and images brought into it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from limbeck.tasks.readers.source import AbstractImages, Array


class Frame(NamedTuple):
    """What all images of a task share, and what is known of them before they are decoded."""

    channel: int
    height: int
    width: int
    dtype: str
    """uint8 in 0..255, or float32 in [0, 1]."""
    size: int | None
    """The side that images are resized to."""
    forms: tuple[str, ...]
    """The formats that the images are stored in."""

    @property
    def bytes(self) -> int:
        """What one image takes."""
        return self.channel * self.height * self.width * np.dtype(self.dtype).itemsize


def chunk_of(images: AbstractImages, indices: range, frame: Frame) -> Array:
    """Those images, (example, channel, height, width), in the form of `frame`; InputError for one that is damaged."""
    chunk = np.stack([_conform(images.decode(index), frame) for index in indices])
    return np.ascontiguousarray(np.moveaxis(chunk, -1, 1))


def _conform(image: Array, frame: Frame) -> Array:
    if frame.size is not None:
        image = fit(image, frame.size)
    if image.shape[-1] < frame.channel:
        image = np.repeat(image, frame.channel, axis=-1)
    if frame.dtype == "float32" and image.dtype == np.uint8:
        image = image.astype(np.float32) / 255
    return image


def fit(image: Array, size: int) -> Array:
    """`image` (height, width, channel) with its short side resized to `size` and the centre square kept.

    Bilinear with antialiasing. The square is cut as it is resized, so that a very long image costs no more.
    """
    from PIL import Image

    height, width, channel = image.shape
    if (height, width) == (size, size):
        return image
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    box = (left, top, left + short, top + short)

    def resized(plane: Array) -> Array:
        return np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR, box=box))

    if image.dtype == np.uint8 and channel == 3:
        return resized(image)
    return np.stack([resized(np.ascontiguousarray(image[:, :, index])) for index in range(channel)], axis=-1)
