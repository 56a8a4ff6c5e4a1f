"""What a file of torch.save holds, told by its structure and the names in it: images, labels, learning rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.imported.tensors import NumbersOfNumpy, SetOfTensors, is_expanded, plain

IMAGES = (
    "images", "data", "x", "imgs", "image", "img", "inputs", "x_train", "train_images", "images_train", "train_x",
    "train_data", "x_syn", "images_syn", "image_syn", "syn_images",
)  # fmt: skip
LABELS = (
    "labels", "label", "y", "targets", "target", "y_train", "train_labels", "labels_train", "train_y", "train_targets",
    "y_syn", "labels_syn", "label_syn", "syn_labels",
)  # fmt: skip
RATES = ("lr", "syn_lr", "lr_syn", "learning_rate")
PICTURE = 3
"""Axes of images, at least: labels have fewer."""


class Names(NamedTuple):
    """What images, labels and perhaps a learning rate are called, and what else is there."""

    images: str
    labels: str
    rate: str | None
    others: tuple[str, ...]


class Contents(NamedTuple):
    """One set as a file holds it."""

    images: Tensor
    labels: Tensor
    rates: tuple[float, ...] = ()
    names: tuple[str, str] = ("images", "labels")
    others: tuple[str, ...] = ()
    """The names of what was left out."""


def names_among(path: Path, names: Sequence[str], keys: Sequence[str]) -> Names:
    """Which of the names are those of images, labels and a learning rate; `keys` names the first two.

    Raises InputError where there are none, or several that could be meant.
    """
    images, labels = keys or (_one(path, "images", names, IMAGES), _one(path, "labels", names, LABELS))
    for key in (images, labels):
        if key not in names:
            raise InputError(f"{path}: --entries says {short(key)}, found {_listed(names)}; name two of these")
    rate = next((name for name in names if name.lower() in RATES), None)
    return Names(images, labels, rate, tuple(name for name in names if name not in (images, labels, rate)))


def _one(path: Path, what: str, names: Sequence[str], known: Sequence[str]) -> str:
    found = [name for name in names if name.lower() in known]
    if len(found) == 1:
        return found[0]
    if found:
        many = " and ".join(map(short, found[:3]))
        raise InputError(f"{path}: {many} may all be its {what}; say which is meant with --entries IMAGES,LABELS")
    raise InputError(
        f"{path}: found {_listed(names)}, expected {what} among them under a name such as {', '.join(known[:4])}; "
        "say which are meant with --entries IMAGES,LABELS"
    )


def sets_in(path: Path, value: Any, keys: Sequence[str]) -> list[Any]:
    """The sets that a file holds, each for `contents`; InputError where it holds none.

    A set is a dict of images and labels, a pair of them with or without a learning rate, or a TensorDataset. A file
    holds one, or a list of them, by itself or as "data" of a dict.
    """
    if holds_list(value) and not keys:
        return sets_in(path, value["data"], ())
    if is_listed(value) and value and all(map(_is_set, value)):
        return [value[0]] if len(value) == 1 else list(value)
    if _is_set(value) or isinstance(value, Mapping):
        return [value]
    alone = ", alone" if _is_numbers(value) else ""
    raise InputError(
        f"{path}: found {said(value)}{alone}, expected images with their labels: a dict, a pair or a TensorDataset of "
        "both, or a list of pairs; save both together"
    )


def holds_list(value: Any) -> bool:
    """Whether it is a dict whose "data" is a list of sets."""
    return isinstance(value, Mapping) and is_listed(value.get("data")) and all(map(_is_set, value["data"]))


def is_listed(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, list | tuple)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, Tensor | NumbersOfNumpy)


def _is_set(value: Any) -> bool:
    if is_listed(value) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        return any(isinstance(name, str) and name.lower() in IMAGES for name in value)
    return isinstance(value, SetOfTensors) or (
        is_listed(value) and len(value) >= 2 and all(map(_is_numbers, value[:2]))
    )


def contents(path: Path, value: Any, keys: Sequence[str]) -> Contents:
    """The images, the labels and the learning rates of one of `sets_in`."""
    if is_listed(value) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        names = names_among(path, [name for name in value if isinstance(name, str)], keys)
        images, labels = (numbers(path, short(name), value[name]) for name in (names.images, names.labels))
        learned = () if names.rate is None else rates(path, value[names.rate])
        return Contents(images, labels, learned, (names.images, names.labels), names.others)
    if isinstance(value, SetOfTensors):
        state = getattr(value, "state", None)
        value = state.get("tensors") if isinstance(state, Mapping) else None
        if not is_listed(value) or len(value) != 2:
            raise InputError(f"{path}: a TensorDataset of {said(value)}, expected images and labels; save these two")
    pair = [numbers(path, what, each) for what, each in zip(("images", "labels"), value[:2], strict=True)]
    # Which of the two are images is plain where only one has as many axes.
    images, labels = pair if not pair[0].dim() < PICTURE <= pair[1].dim() else pair[::-1]
    return Contents(images, labels, rates(path, value[2]) if len(value) > 2 else ())


def rates(path: Path, value: Any) -> tuple[float, ...]:
    """One learning rate, or one for each step; InputError for anything else."""
    found = plain(value)
    if found is None or not found.numel() or sum(side > 1 for side in found.shape) > 1:
        raise InputError(f"{path}: its learning rate is {said(value)}, expected a number; save it so, or leave it out")
    return tuple(found.double().reshape(-1).tolist())


def numbers(path: Path, what: str, value: Any) -> Tensor:
    """A tensor of its own; InputError for what is none."""
    found = plain(value)
    if found is not None:
        return found
    if isinstance(value, Tensor) and is_expanded(value):
        raise InputError(
            f"{path}: {what} shows {value.untyped_storage().nbytes():,} stored bytes as {value.numel():,} numbers, "
            "expected every number to be stored; save it again with .contiguous()"
        )
    raise InputError(f"{path}: {what} is {said(value)}, expected a plain tensor of numbers; save it so")


def said(value: Any) -> str:
    """A value in a few words, however large and nested it is."""
    if isinstance(value, Mapping):
        return f"a dict of {_listed([name if isinstance(name, str) else type(name).__name__ for name in value])}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, NumbersOfNumpy):
        return "an array of NumPy's" + (" that is not of numbers" if value.tensor() is None else "")
    return f"a {type(value).__name__} of {len(value)}" if is_listed(value) else f"a {type(value).__name__}"


def _listed(names: Sequence[str]) -> str:
    return listed(list(map(short, names)), 6) or "nothing"


def short(name: str) -> str:
    """A name as it is quoted, cut off where it is long."""
    return repr(name if len(name) <= 40 else f"{name[:37]}...")
