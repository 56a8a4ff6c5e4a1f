"""Image files and encoded bytes, decoded by Pillow one at a time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.source import AS_IT_LOOKS, AbstractImages, Array, Header, Reading

if TYPE_CHECKING:
    from PIL.Image import Image

# Only formats that Pillow decodes itself: others start outside programs on untrusted bytes.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "PPM", "TIFF")
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".apng", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".pbm"}
    | {".pnm", ".tif", ".tiff"}
)
_GREY = frozenset({"1", "L", "LA", "La"})
_DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
NAMED = 5
"""How many images that cannot be used are named; of more, how many there are."""
_ORIENTATION = 0x0112
_WHITE = (255, 255, 255)


def colour_of(name: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour by its name or as #rrggbb, white by default; InputError for no colour."""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(name)[:3] if name else _WHITE
    except ValueError as error:
        raise InputError(f"background {name!r}: no colour, expected a name such as black, or #rrggbb") from error
    return red, green, blue


@dataclass(frozen=True)
class Encoded(AbstractImages):
    """Encoded images: files, or the bytes of files."""

    contents: Sequence[Path | bytes | None]
    place: Callable[[int], str]
    reading: Reading = AS_IT_LOOKS

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
            alpha = image.has_transparency_data
            grey = image.mode in _GREY and not (alpha and self._is_colour)
            frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
            return Header(height, width, 1 if grey else 3, str(image.format), frames, alpha)

        return self._with_image(index, measure)

    def decode(self, index: int) -> Array:
        """Image `index`, uint8 (height, width, channel), turned upright as its EXIF tag says."""

        def pixels(image: Image) -> Array:
            from PIL import ImageOps

            image.load()
            if "exif" in image.info:
                image = ImageOps.exif_transpose(image)
            if image.has_transparency_data:
                image = self._laid_on_background(image)
            if image.mode in _GREY:
                return np.asarray(image.convert("L"))[:, :, None]
            return np.asarray(image.convert("RGB"))

        return self._with_image(index, pixels)

    @property
    def _is_colour(self) -> bool:
        """Whether the background is more than a shade of grey."""
        return len(set(colour_of(self.reading.background))) > 1

    def _laid_on_background(self, image: Image) -> Image:
        from PIL import Image

        grey = image.mode in _GREY and not self._is_colour
        whole = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        laid = Image.alpha_composite(Image.new("RGBA", image.size, (*colour_of(self.reading.background), 255)), whole)
        return laid.convert("L") if grey else laid.convert("RGB")

    def _with_image(self, index: int, use: Callable[[Image], Any]) -> Any:
        from PIL import Image, UnidentifiedImageError

        content = self.contents[index]
        if content is None:
            raise InputError(f"{self.place(index)}: no image bytes, expected an encoded image; fill or remove the row")
        try:
            with warnings.catch_warnings(), self._limit_of_pixels():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                opened = io.BytesIO(content) if isinstance(content, bytes) else content
                with Image.open(opened, formats=_FORMATS) as image:
                    return use(image)
        except InputError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
            self._refuse_bomb(index, str(bomb))
        except Exception as error:  # a decoder given hostile bytes may fail in any way
            reason = (str(error) or type(error).__name__).splitlines()[0]
            if isinstance(error, UnidentifiedImageError):
                reason = f"not one of {', '.join(_FORMATS)}"
            raise InputError(
                f"{self.place(index)}: unreadable or truncated image ({reason}), expected a whole image; "
                "replace or remove it"
            ) from error

    @contextmanager
    def _limit_of_pixels(self) -> Iterator[None]:
        """Pillow's limit is a global of its module: ours stands there for as long as an image is open."""
        from PIL import Image

        usual = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = self.reading.max_pixels or usual
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual

    def _refuse_bomb(self, index: int, said: str) -> NoReturn:
        count, limit = re.findall(r"\d+", said)[:2]
        raise InputError(
            f"{self.place(index)}: an image of {count} pixels, more than {limit}; it may be hostile: remove it, shrink "
            f"it first, or, where you trust it, pass --max-pixels {count} (max_pixels={count} in Python)"
        )


def together(faults: Sequence[InputError], what: str = "images") -> InputError:
    """The error for all images that cannot be used, in one: the first few, how many there are, and what to do.

    `what` is what they are called where they are no images.
    """
    if len(faults) == 1:
        return faults[0]
    said = "; ".join(str(fault).partition(", expected")[0] for fault in faults[:NAMED])
    more = f"; and {len(faults) - NAMED:,} more" if len(faults) > NAMED else ""
    advice = dict.fromkeys(str(fault).rpartition("; ")[2] for fault in faults)
    return InputError(f"{len(faults):,} {what} cannot be used: {said}{more}; of each: {', or '.join(advice)}")


def all_decoded(images: Encoded) -> list[Array]:
    """Every image; InputError for all together that cannot be read."""
    decoded, faults = list[Array](), list[InputError]()
    for index in range(len(images)):
        try:
            decoded.append(images.decode(index))
        except InputError as error:
            faults.append(error)
    if faults:
        raise together(faults)
    return decoded


def _quarter_turned(image: Image) -> bool:
    return "exif" in image.info and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)


def paths_of(paths: Sequence[Path]) -> Callable[[int], str]:
    """The place of an image that is a file of its own."""
    return lambda index: str(paths[index])
