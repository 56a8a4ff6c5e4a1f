"""From what a reader found to pixels of one size: the checks, the resizing and the digest of the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.memory import memory
from limbeck.core.units import size as readable_size
from limbeck.tasks import decoding
from limbeck.tasks.frame import Frame
from limbeck.tasks.readers.encoded import NAMED, together
from limbeck.tasks.readers.labels import readable
from limbeck.tasks.readers.source import Array, Header, Part, Stacked

_CHUNK, _CHUNK_BYTES = 256, 2**28
"""How many images, and how many bytes of them, are decoded at once at most."""


class Facts(NamedTuple):
    """All there is to know of the examples but their pixels; one split after the other."""

    lengths: dict[str, int]
    """Examples in each split, in the order of the rows."""
    classes: tuple[str, ...]
    labels: Array
    """(example,) int64."""
    notes: tuple[str, ...]
    examples: tuple[str, ...] = ()
    """For each class, where its first training example is."""


class Prepared(NamedTuple):
    """Decoded examples of every split, one split after the other."""

    images: Array
    """(example, channel, height, width), uint8 in 0..255 or float32 in [0, 1]."""
    facts: Facts
    frame: Frame
    fingerprint: str


def _check_labels(parts: Sequence[Part]) -> None:
    """Raise InputError where there is nothing to learn: no images, a single class, or a class without images."""
    train = parts[0]
    for part in parts:
        if not len(part.labels):
            raise InputError(f"the {part.split} split holds no images, expected some; add them or remove the split")
    if len(train.classes) < 2:
        raise InputError(
            f"{train.place(0)}: found the single class {', '.join(train.classes)!r}, expected at least two; "
            "add images of another class"
        )
    counts = np.bincount(train.labels, minlength=len(train.classes))
    if not counts.all():
        empty = int(np.flatnonzero(counts == 0)[0])
        raise InputError(
            f"{train.place(0)}: class {train.classes[empty]!r} (label {empty}) has no training examples, expected "
            f"labels 0 to {len(counts) - 1} all in use; add images or renumber the labels, as "
            "y = numpy.unique(y, return_inverse=True)[1] does"
        )


def survey(parts: Sequence[Part], size: int | None, background: str = "") -> tuple[Frame, tuple[str, ...]]:
    """The size, channels and type that all images have once resized to `size`, and notes on what is left of them.

    Raises InputError for images that cannot be read, and for images of several sizes where no `size` is given: once for
    all of them, of which the first few are named.
    """
    if size is not None and size < 1:
        raise InputError(f"size {size}, expected a side of at least 1 pixel; give another size")
    first, channel, forms = None, 0, set()
    several, clear = [], []
    unlike: list[tuple[str, Header]] = []
    for part, index in _each(parts):
        try:
            header = part.images.header(index)
        except InputError as error:
            raise _all_faults(parts, error) from error
        first = first or header
        if header[:2] != first[:2] and size is None:
            unlike.append((part.place(index), header))
        channel = max(channel, header.channel)
        forms.add(header.form)
        several += [part.place(index)] * (header.frames > 1)
        clear += [part.place(index)] * header.alpha * (len(part.images) if isinstance(part.images, Stacked) else 1)
    assert first is not None
    if unlike:
        raise _of_several_sizes(unlike, parts[0].place(0), first)
    if background and not clear:
        raise InputError(f"background {background!r}: no image has transparent pixels, expected some; leave it out")
    height, width = (size, size) if size is not None else first[:2]
    kinds = {part.images.dtype for part in parts}
    dtype = "float32" if np.dtype(np.float32) in kinds else "uint8"
    found = Frame(channel, height, width, dtype, size, tuple(sorted(forms)))
    return found, _curiosities(several, clear, background)


def _each(parts: Sequence[Part]) -> Iterator[tuple[Part, int]]:
    """Every image that says something of its own: all images of an array are alike."""
    for part in parts:
        for index in range(1 if isinstance(part.images, Stacked) else len(part.images)):
            yield part, index


def _all_faults(parts: Sequence[Part], first: InputError) -> InputError:
    """What is wrong with every image that cannot be read, so that one look mends them all."""
    faults = []
    for part, index in _each(parts):
        try:
            part.images.header(index)
            part.images.decode(index)
        except InputError as error:
            faults.append(error)
    return together(faults) if faults else first


def _of_several_sizes(unlike: Sequence[tuple[str, Header]], place: str, first: Header) -> InputError:
    """That images are not as large as the first is, and what to do."""
    told = [f"{each}: an image of {header.height} x {header.width}" for each, header in unlike[:NAMED]]
    more = f"; and {len(unlike) - NAMED:,} more" if len(unlike) > NAMED else ""
    return InputError(
        f"{'; '.join(told)}{more}, but {place} is {first.height} x {first.width}; expected one size; pass --size N "
        "(size=N in Python) to resize them all"
    )


def _curiosities(several: list[str], clear: list[str], background: str) -> tuple[str, ...]:
    """Notes on images that hold further pictures, and on those that may be seen through."""
    notes = []
    if several:
        notes.append(
            f"{len(several)} files hold several pictures, of which the first is read, such as {readable(several[0])}"
        )
    if clear:
        notes.append(
            f"{len(clear)} images may have transparent pixels, such as {readable(clear[0])}: they are laid on "
            f"{background or 'white'}; --background COLOUR (background= in Python) for another"
        )
    return tuple(notes)


def pixels(parts: Sequence[Part], frame: Frame) -> Iterator[Array]:
    """Chunks (example, channel, height, width) of all parts in order, in the form of `frame`."""
    count = max(1, min(_CHUNK, _CHUNK_BYTES // frame.bytes))
    for part in parts:
        spans = [range(start, min(start + count, len(part.images))) for start in range(0, len(part.images), count)]
        try:
            yield from decoding.chunks(part.images, frame, spans)
        except InputError as error:
            raise _all_faults(parts, error) from error


class Digest:
    """The SHA-256 of the splits, the class names, the labels, the form of the pixels and the pixels, chunk by chunk."""

    def __init__(self, facts: Facts, form: Frame) -> None:
        shape = [form.channel, form.height, form.width, form.dtype]
        self._digest = hashlib.sha256(json.dumps([facts.lengths, facts.classes, shape]).encode())
        self._digest.update(np.ascontiguousarray(facts.labels, "<i8").data)

    def update(self, chunk: Array) -> None:
        """Take in the next pixels."""
        self._digest.update(np.ascontiguousarray(chunk).data)

    def text(self) -> str:
        """The digest so far, in hexadecimal."""
        return self._digest.hexdigest()


def facts_of(parts: Sequence[Part]) -> Facts:
    """What all parts together hold, after checking that there is something to learn."""
    _check_labels(parts)
    train = parts[0]
    firsts = np.unique(train.labels, return_index=True)[1]
    return Facts(
        {part.split: len(part.labels) for part in parts},
        train.classes,
        np.concatenate([part.labels for part in parts]),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        tuple(readable(train.place(int(index))) for index in firsts),
    )


Check = Callable[[Facts], object]
"""Raises InputError where the examples cannot be used as is wished."""


def check_room(facts: Facts, form: Frame, room: int, where: str) -> None:
    """InputError where the pixels of all examples do not fit into so many bytes."""
    images = len(facts.labels)
    if images * form.bytes > room:
        raise InputError(
            f"{images:,} images of {form.channel} x {form.height} x {form.width} take "
            f"{readable_size(images * form.bytes)}, expected at most {readable_size(room)}, {where}; load them smaller "
            "with --size N (size=N in Python)"
        )


def in_memory(parts: Sequence[Part], size: int | None, check: Check, background: str = "") -> Prepared:
    """All examples, checked and decoded, held in memory."""
    facts = facts_of(parts)
    check(facts)
    form, notes = survey(parts, size, background)
    check_room(facts, form, memory() // 2, "half of the memory here")
    images = np.empty((len(facts.labels), *form[:3]), form.dtype)
    begun = 0
    for chunk in pixels(parts, form):
        images[begun : begun + len(chunk)] = chunk
        begun += len(chunk)
    digest = Digest(facts, form)
    digest.update(images)
    facts = facts._replace(notes=(*facts.notes, *notes))
    return Prepared(images, facts, form, digest.text())
