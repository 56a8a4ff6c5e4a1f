"""Values of the fields of parts, from text or from Python, by the type that the field has."""

from __future__ import annotations

import numbers
import operator
import types
from typing import Any, Literal, Union, get_args, get_origin

from limbeck.core.errors import InputError

NOTHING = ("none", "null")
"""Text that says None."""
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a type allows: those of a union, None as `NoneType`; else the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def wanted(hint: Any) -> str:
    """What a type asks for, in words.

    >>> wanted(tuple[int, ...] | None)
    'a list such as [1, 2], or none'
    """
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "none"}
    kinds = []
    for kind in alternatives(hint):
        if get_origin(kind) is tuple:
            kinds.append("a list such as [a, b]" if get_args(kind)[0] is str else "a list such as [1, 2]")
        elif get_origin(kind) is Literal:
            kinds.append(f"one of {', '.join(map(str, get_args(kind)))}")
        else:
            kinds.append(words.get(kind, getattr(kind, "__name__", str(kind))))
    return ", or ".join(kinds)


def convert(value: Any, hint: Any, spelled: str) -> Any:
    """`value` as a value of the type `hint`; text is read, numbers are never rounded.

    Raises InputError that begins with `spelled`, the name of what has the value.

    >>> convert("[flip,crop]", tuple[str, ...], "--operations"), convert("1e-3", float, "--rate")
    (('flip', 'crop'), 0.001)
    """
    kinds = sorted(alternatives(hint), key=lambda kind: kind is not type(None))
    for kind in kinds:
        try:
            return _read(value, kind)
        except (TypeError, ValueError):
            continue
    raise InputError(f"{spelled}: found {value if isinstance(value, str) else repr(value)}, expected {wanted(hint)}")


def _read(value: Any, kind: Any) -> Any:
    """The value as one of `kind`, which is no union; TypeError or ValueError where it is none."""
    text = value.strip().lower() if isinstance(value, str) else None
    if kind is type(None):
        if value is None or text in NOTHING:
            return None
        raise ValueError
    if kind is bool:
        return _TRUTH[text] if text in _TRUTH else _only(value, bool)
    if kind in (int, float) and isinstance(value, bool):
        raise TypeError
    if kind is int:
        return int(value) if isinstance(value, str) else operator.index(value)
    if kind is float:
        return float(value) if isinstance(value, str) else float(_only(value, numbers.Real))
    if kind is str:
        return _only(value, str)
    if get_origin(kind) is tuple:
        return _listed(value, get_args(kind))
    if get_origin(kind) is Literal:
        return get_args(kind)[[str(each) for each in get_args(kind)].index(str(value))]
    return value


def _only(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value


def _listed(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    """A tuple, from a list or from text such as [1, 2] or 1,2."""
    if isinstance(value, str):
        inside = value.strip().removeprefix("[").removesuffix("]")
        value = [each.strip().strip("'\"") for each in inside.split(",")] if inside.strip() else []
    if not isinstance(value, list | tuple):
        raise TypeError
    every = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
    return tuple(convert(item, kind, "") for item, kind in zip(value, every, strict=True))
