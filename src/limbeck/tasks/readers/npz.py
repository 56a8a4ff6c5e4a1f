"""Arrays in a NumPy archive: x, y and optionally x_test, y_test."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import integer_labels, numbered
from limbeck.tasks.readers.source import Array, Part, Source, Stacked, rows_of

_ASK = "expected a .npz archive with arrays x and y (optionally x_test, y_test)"


def find(path: Path) -> Source:
    """The archive at `path`; InputError where there is none."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: found {what}, {_ASK}; check the path")
    return Source((path,), lambda: _read(path))


def _read(path: Path) -> tuple[Part, ...]:
    arrays = _arrays(path)
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InputError(f"{path}: only one of x_test and y_test is there, expected both or neither; add the other")
    parts = [_part(path, "train", arrays["x"], arrays["y"], None)]
    if "x_test" in arrays:
        parts.append(_part(path, "test", arrays["x_test"], arrays["y_test"], parts[0].classes))
    return tuple(parts)


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays that matter, read without unpickling anything."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path}: a single array, {_ASK}; save it with numpy.savez(path, x=..., y=...)")
        with archive:
            missing = [name for name in ("x", "y") if name not in archive.files]
            if missing:
                found = ", ".join(archive.files) or "none"
                raise InputError(f"{path}: found arrays {found}, {_ASK}; rename them")
            return {name: archive[name] for name in ("x", "y", "x_test", "y_test") if name in archive.files}
    except InputError:
        raise
    except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        pickled = "allow_pickle" in str(error) or "pickled" in str(error)
        reason = "pickled objects, which are never loaded" if pickled else "damaged, or not a .npz archive"
        raise InputError(f"{path}: {reason}; {_ASK} of numbers; save it again with numpy.savez") from error


def _part(path: Path, split: str, x: Array, y: Array, classes: tuple[str, ...] | None) -> Part:
    suffix = "" if split == "train" else "_test"
    name = f"{path} x{suffix}"
    place = rows_of(name)
    if len(np.shape(x)) and len(np.shape(y)) and len(x) != len(y):
        raise InputError(
            f"{path}: x{suffix} has {len(x)} images and y{suffix} {len(y)} labels, expected as many; "
            "check how they were saved"
        )
    labels = integer_labels(y, rows_of(f"{path} y{suffix}"), None if classes is None else len(classes))
    images = _channels_last(_in_range(x, name), name)
    return Part(split, Stacked(images), labels, classes or numbered(labels), place)


def _channels_last(x: Array, name: str) -> Array:
    if x.ndim == 3:
        return x[..., None]
    if x.ndim == 4 and x.shape[-1] in (1, 3):
        return x
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return np.moveaxis(x, 1, -1)
    raise InputError(
        f"{name}: an array of shape {x.shape}, expected (image, height, width) or (image, height, width, channel) "
        "or (image, channel, height, width) with 1 or 3 channels; reshape it"
    )


def _in_range(x: Array, name: str) -> Array:
    """uint8 in 0..255 or float32 in [0, 1], unchanged in value."""
    if x.dtype.kind not in "iuf":
        raise InputError(
            f"{name}: values of type {x.dtype}, expected integers 0..255 or floats in [0, 1]; convert them"
        )
    if x.ndim < 2 or x.size == 0:
        return x
    if x.dtype.kind == "f":
        finite = np.isfinite(x).reshape(len(x), -1).all(axis=1)
        if not finite.all():
            row = int(np.flatnonzero(~finite)[0])
            raise InputError(
                f"{name} row {row}: NaN or infinite values, expected numbers in [0, 1]; repair or remove it"
            )
    limit = 255 if x.dtype.kind in "iu" else 1
    lowest, highest = x.min(), x.max()
    if lowest < 0 or highest > limit:
        raise InputError(
            f"{name}: values from {lowest:g} to {highest:g}, expected integers 0..255 or floats in [0, 1]; rescale them"
        )
    return x.astype(np.uint8 if limit == 255 else np.float32)
