"""Image files and encoded bytes, decoded by Pillow one at a time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.source import AbstractImages, Array, Header

if TYPE_CHECKING:
    from PIL.Image import Image

# Only formats that Pillow decodes itself: others start outside programs on untrusted bytes.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "PPM", "TIFF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff"})
_GREY = frozenset({"1", "L", "LA", "La"})
_DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Encoded(AbstractImages):
    """Encoded images: files, or the bytes of files."""

    contents: Sequence[Path | bytes | None]
    place: Callable[[int], str]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Always uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.contents)

    def header(self, index: int) -> Header:
        """Size, channels (1 for grey, 3 for colour) and format of image `index`."""

        def measure(image: Image) -> Header:
            width, height = image.size
            if _quarter_turned(image):
                width, height = height, width
            if image.mode in _DEEP:
                raise InputError(
                    f"{self.place(index)}: an image of more than 8 bits per channel (mode {image.mode}), "
                    "expected 8 bits; convert it first"
                )
            return Header(height, width, 1 if image.mode in _GREY else 3, str(image.format))

        return self._with_image(index, measure)

    def decode(self, index: int) -> Array:
        """Image `index`, uint8 (height, width, channel), turned upright as its EXIF tag says."""

        def pixels(image: Image) -> Array:
            from PIL import ImageOps

            image.load()
            if "exif" in image.info:
                image = ImageOps.exif_transpose(image)
            if image.mode in _GREY:
                return np.asarray(image.convert("L"))[:, :, None]
            return np.asarray(image.convert("RGB"))

        return self._with_image(index, pixels)

    def _with_image(self, index: int, use: Callable[[Image], Any]) -> Any:
        from PIL import Image, UnidentifiedImageError

        content = self.contents[index]
        if content is None:
            raise InputError(f"{self.place(index)}: no image bytes, expected an encoded image; fill or remove the row")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                opened = io.BytesIO(content) if isinstance(content, bytes) else content
                with Image.open(opened, formats=_FORMATS) as image:
                    return use(image)
        except InputError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            self._refuse_bomb(index, Image.MAX_IMAGE_PIXELS or 0)
        except Exception as error:  # a decoder given hostile bytes may fail in any way
            reason = (str(error) or type(error).__name__).splitlines()[0]
            if isinstance(error, UnidentifiedImageError):
                reason = f"not one of {', '.join(_FORMATS)}"
            raise InputError(
                f"{self.place(index)}: unreadable or truncated image ({reason}), expected a whole image; "
                "replace or remove it"
            ) from error

    def _refuse_bomb(self, index: int, limit: int) -> NoReturn:
        raise InputError(
            f"{self.place(index)}: an image of more than {limit} pixels, expected an ordinary one; "
            "it may be hostile: remove it, or shrink it first"
        )


def _quarter_turned(image: Image) -> bool:
    return "exif" in image.info and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)


def paths_of(paths: Sequence[Path]) -> Callable[[int], str]:
    """The place of an image that is a file of its own."""
    return lambda index: str(paths[index])
