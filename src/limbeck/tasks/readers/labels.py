"""Labels as people write them: numbers, names, one-hot rows, weights or logits; read in one place for every reader."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.tasks.readers.source import Array

INTEGERS, NAMES, BOOLEANS, ONE_HOT = "integers", "names", "booleans", "one-hot rows"
CENTRED, WEIGHTS, LOGITS = "one-hot rows less 1/C", "weights", "logits"
"""How labels may be written. Only weights and logits say more than a class."""
SAID = {
    ONE_HOT: "the labels are one-hot rows: the class of each is where its 1 is",
    CENTRED: "the labels are one-hot rows less 1/C: 1/C was added to every number",
    LOGITS: "the labels are rows that do not add up to 1: read as logits, and made weights by softmax",
}
"""What a reader of the labels must know."""
_NEAR = 1e-3

Place = Callable[[int], str]
"""How a person finds example `index`."""


class Labels(NamedTuple):
    """Labels as they were understood."""

    classes: Array
    """(example,) int64: the class of each, that of the largest weight where there are weights."""
    weights: Array | None
    """(example, class) float32, rows that add up to 1, where the labels say more than a class; otherwise None."""
    names: tuple[str, ...] | None
    """The names of the classes, where they were given or the labels say them; for rows of numbers "0", "1", ..."""
    written: str
    """How the labels were written: one of the constants above."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to read them, where that is not plain."""
        return (SAID[self.written],) if self.written in SAID else ()


def read_labels(
    values: Array, place: Place, classes: int | None = None, names: Sequence[str] | None = None, written: str = ""
) -> Labels:
    """The labels that `values` are, of (example,), (example, 1) or (example, class).

    `classes` is how many there are where that is known, `names` what they are called. `written` says how rows of
    numbers are to be read (one of the constants), which is found out where it is not said: rows of one 1 are one-hot,
    rows from 0 on that add up to 1 are weights, such rows less 1/C are centred, and all others logits.
    Text is a class by its name, in Unicode's composed form; without `names` the classes are the names in order.
    Raises InputError that names the first offending row.
    """
    values = np.asarray(values)
    count = len(names) if names is not None else classes
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise InputError(
            f"{place(0)}: labels of shape {values.shape}, expected (image,) or (image, class); reshape them so"
        )
    if not len(values):
        raise InputError(f"{place(0)}: missing, found no images at all, expected some; add them or remove the split")
    if values.ndim == 2:
        return _rows(values, place, count, names, written)
    if values.dtype.kind in "USO":
        return _named(values, place, names)
    if values.dtype.kind == "b":
        found = np.asarray(values, np.int64)
        called = tuple(names) if names is not None else ("False", "True") if count is None else None
        return Labels(found, None, called, BOOLEANS)
    whole = integer_labels(_whole(values, place), place, count)
    return Labels(whole, None, None if names is None else tuple(names), INTEGERS)


def hard_labels(values: Array, place: Place, classes: int | None = None, names: Sequence[str] | None = None) -> Labels:
    """As `read_labels`, for data whose every example is of one class; InputError where labels are weights or logits."""
    labels = read_labels(values, place, classes, names)
    if labels.weights is not None:
        raise InputError(
            f"{place(0)}: the labels are {labels.written} over {labels.weights.shape[1]} classes, expected one class "
            "per image; where the largest decides, save the labels as y.argmax(1)"
        )
    return labels


def unlabelled(values: Array) -> bool:
    """Whether labels say throughout that there are none: every one is -1, or not a number, or None."""
    values = np.asarray(values)
    if values.dtype.kind == "O":
        return all(value is None for value in values.ravel())
    if values.dtype.kind == "f" and np.isnan(values).all():
        return len(values) > 0
    return len(values) > 0 and values.dtype.kind in "if" and bool((values == -1).all())


def integer_labels(values: Array, place: Place, classes: int | None) -> Array:
    """`values` as int64 after checking that they are whole numbers from 0 to `classes` - 1.

    Where the number of classes is not known, labels must be below the number of examples.
    Raises InputError that names the first offending row.
    """
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InputError(
            f"{place(0)}: labels of shape {values.shape} and type {values.dtype}, expected integers from 0, one per "
            "image; number the classes"
        )
    if not len(values):
        raise InputError(f"{place(0)}: missing, found no images at all, expected some; add them or remove the split")
    limit = len(values) if classes is None else classes
    wrong = np.flatnonzero((values < 0) | (values >= limit))
    if len(wrong):
        raise InputError(
            f"{place(int(wrong[0]))}: label {values[wrong[0]]}, expected an integer from 0 to {limit - 1}; "
            "correct the label or remove the row"
        )
    return values.astype(np.int64)


def numbered(labels: Array) -> tuple[str, ...]:
    """Class names for labels that have none: "0", "1", up to the largest."""
    return tuple(str(index) for index in range(int(labels.max(initial=-1)) + 1))


def ordered(names: Sequence[str]) -> tuple[str, ...]:
    """The different names in order: by number where all are numbers, else as text.

    >>> ordered(["10", "9", "10"]), ordered(["b10", "b9"])
    (('9', '10'), ('b10', 'b9'))
    """
    different = set(names)
    if all(name.isascii() and name.isdigit() for name in different):
        return tuple(sorted(different, key=lambda name: (int(name), name)))
    return tuple(sorted(different))


def class_name(text: str) -> str:
    r"""A name as one class has it: in Unicode's composed form, and of text alone.

    Bytes that are not UTF-8, as old archives leave them in the names of files, are read as Latin-1; control characters
    become spaces, and those around it are left out.

    >>> class_name("cafe\u0301"), class_name("caf\udce9"), class_name("a\x1b[2Jb")
    ('café', 'café', 'a [2Jb')
    """
    return unicodedata.normalize("NFC", readable(text).strip() or text)


def readable(text: str) -> str:
    """A text, such as a path, that any file and terminal can hold: as `class_name`, but not composed."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace" if _torn(text) else "surrogateescape").decode("latin-1")
    return "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)


def _torn(text: str) -> bool:
    """Whether it holds half of a pair of Unicode's, which stands for no byte."""
    return any("\ud800" <= letter <= "\udc7f" or "\udd00" <= letter <= "\udfff" for letter in text)


def _whole(values: Array, place: Place) -> Array:
    """Numbers as integers; InputError for one that is not whole."""
    if values.dtype.kind in "iu":
        return values
    if values.dtype.kind != "f":
        raise InputError(
            f"{place(0)}: labels of type {values.dtype}, expected whole numbers from 0, or names; convert them"
        )
    wrong = np.flatnonzero(~np.isfinite(values) | (np.abs(values) > 2**53) | (values != np.round(values)))
    if len(wrong):
        raise InputError(
            f"{place(int(wrong[0]))}: label {values[wrong[0]]:g}, expected whole numbers from 0, one for each class; "
            "number the classes"
        )
    return values.astype(np.int64)


def _named(values: Array, place: Place, names: Sequence[str] | None) -> Labels:
    """Labels that are text, or bytes of text."""
    said: list[str] = []
    for index, value in enumerate(values.tolist()):
        text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        if not isinstance(text, str) or not text.strip():
            found = "no label" if text is None or isinstance(text, str) else f"a label that is a {type(text).__name__}"
            raise InputError(f"{place(index)}: {found}, expected the name of a class; label or remove the row")
        said.append(class_name(text.strip()))
    known = ordered(said) if names is None else tuple(names)
    position = {class_name(name): index for index, name in enumerate(known)}
    strange = next((index for index, name in enumerate(said) if name not in position), None)
    if strange is not None:
        raise InputError(
            f"{place(strange)}: label {said[strange]!r} is no class of the training examples, expected one of "
            f"{listed(known, 10)}; correct the label or remove the row"
        )
    return Labels(np.array([position[name] for name in said], np.int64), None, known, NAMES)


def _rows(values: Array, place: Place, count: int | None, names: Sequence[str] | None, written: str) -> Labels:
    """Labels that are a row of numbers over the classes."""
    if values.dtype.kind not in "biuf":
        raise InputError(f"{place(0)}: rows of labels of type {values.dtype}, expected numbers; convert them")
    if count is not None and values.shape[1] != count:
        raise InputError(
            f"{place(0)}: a row of {values.shape[1]} numbers as label, expected {count}, one for each class; "
            "give a column for every class"
        )
    finite = np.isfinite(values).all(axis=1) if values.dtype.kind == "f" else np.ones(len(values), bool)
    if not finite.all():
        raise InputError(f"{place(int(finite.argmin()))}: a label that is NaN or infinite, expected numbers; repair it")
    called = tuple(map(str, range(values.shape[1]))) if names is None else tuple(names)
    wide = values.astype(np.float64)
    form = written or _form(wide, values.dtype.kind in "biu", place)
    if form in (ONE_HOT, CENTRED):
        wide = wide + (1 / wide.shape[1] if form == CENTRED else 0)
        if (np.abs(np.sort(wide, axis=1) - ([0] * (wide.shape[1] - 1) + [1])) <= _NEAR).all():
            return Labels(wide.argmax(1), None, called, form)
    elif form == LOGITS:
        wide = np.exp(wide - wide.max(1, keepdims=True))
        wide /= wide.sum(1, keepdims=True)
    return Labels(wide.argmax(1), wide.astype(np.float32), called, form)


def _form(rows: Array, integers: bool, place: Place) -> str:
    """How rows of numbers were written, by what they add up to."""
    ones = (np.abs(rows - 1) <= _NEAR).sum(1)
    bare = (np.abs(rows) <= _NEAR) | (np.abs(rows - 1) <= _NEAR)
    if integers:
        wrong = np.flatnonzero(~bare.all(1) | (ones != 1))
        if len(wrong):
            raise InputError(
                f"{place(int(wrong[0]))}: a row of integers as label with {ones[wrong[0]]} ones, expected one 1 and "
                "otherwise 0: each image has one class; give one label per image"
            )
        return ONE_HOT
    if bare.all() and (ones == 1).all():
        return ONE_HOT
    share = 1 / rows.shape[1]
    if _are_weights(rows):
        return WEIGHTS
    return CENTRED if _are_weights(rows + share) else LOGITS


def _are_weights(rows: Array) -> bool:
    return bool(rows.min() >= -_NEAR and (np.abs(rows.sum(1) - 1) <= _NEAR).all())
