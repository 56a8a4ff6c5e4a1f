"""Values by the type that they are to have: those of Python as they are, and text that is read."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import numbers
import operator
import re
import types
from abc import ABCMeta
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from limbeck.core.errors import InputError, refusals_told

NOTHING = ("none", "null")
"""Text that says None."""
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "none",
    Path: "a path",
}

P = ParamSpec("P")
R = TypeVar("R")


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a type allows: those of a union, None as `NoneType`; else the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def wanted(hint: Any) -> str:
    """What a type asks for, in words.

    >>> wanted(tuple[int, ...] | None)
    'a list such as [1, 2], or none'
    """
    kinds = []
    for kind in alternatives(hint):
        if get_origin(kind) in (tuple, Sequence):
            item = get_args(kind)[0]
            if isinstance(item, ABCMeta):
                kinds.append("a list of parts, which only Python can give")
            else:
                kinds.append("a list such as [1, 2]" if item in (int, float) else "a list such as [a, b]")
        elif get_origin(kind) is Literal:
            kinds.append(f"one of {', '.join(map(str, get_args(kind)))}")
        elif get_origin(kind) is Callable:
            kinds.append("a function")
        elif get_origin(kind) is Mapping:
            kinds.append("values by their names")
        else:
            kinds.append(_WORDS.get(kind) or _a(getattr(kind, "__name__", str(kind)).removeprefix("Abstract")))
    return ", or ".join(dict.fromkeys(kinds))


def _a(name: str) -> str:
    """The name of a class in words, with its article."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def convert(value: Any, hint: Any, spelled: str) -> Any:
    """`value` as a value of the type `hint`; text is read, numbers are never rounded.

    Raises InputError that begins with `spelled`, the name of what has the value.

    >>> convert("[flip,crop]", tuple[str, ...], "--operations"), convert("1e-3", float, "--rate")
    (('flip', 'crop'), 0.001)
    """
    return _first(value, hint, spelled, lambda kind: _said(value, kind) if isinstance(value, str) else _as(value, kind))


def fitted(value: Any, hint: Any, spelled: str) -> Any:
    """`value` as a value of the type `hint`: text is no number, numbers are never rounded, those of NumPy are numbers.

    Raises InputError as `convert`.

    >>> fitted(2, float, "rate"), fitted([1, 2], tuple[int, ...], "sizes")
    (2.0, (1, 2))
    """
    return _first(value, hint, spelled, lambda kind: _as(value, kind))


def fields_of(part: type) -> dict[str, Any]:
    """The types of the fields of a dataclass, by name; none where a type is named that cannot be looked up."""
    return {} if not dataclasses.is_dataclass(part) else dict(_hints(part))


@functools.cache
def _hints(part: type) -> tuple[tuple[str, Any], ...]:
    try:
        hints = get_type_hints(part)
    except NameError:
        return ()
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(part) if field.init)


def typed(verb: Callable[P, R]) -> Callable[P, R]:
    """A function whose arguments are of the types that it says, or refused; one text or path is a list of one.

    A place that the system refuses is an InputError too.
    """
    signature = inspect.signature(verb)
    hints_of = functools.cache(get_type_hints)

    @functools.wraps(verb)
    def checked(*args: P.args, **given: P.kwargs) -> R:
        bound, hints = signature.bind(*args, **given), hints_of(verb)
        for name, value in bound.arguments.items():
            if name in hints and signature.parameters[name].kind is not inspect.Parameter.VAR_KEYWORD:
                bound.arguments[name] = fitted(value, hints[name], name)
        with refusals_told():
            return verb(*bound.args, **bound.kwargs)

    return checked


def _first(value: Any, hint: Any, spelled: str, read: Callable[[Any], Any]) -> Any:
    """What `read` makes of the first of the alternatives that it can; InputError where there is none."""
    for kind in sorted(alternatives(hint), key=lambda kind: kind is not type(None)):
        try:
            return read(kind)
        except (TypeError, ValueError, OverflowError):
            continue
    raise InputError(f"{spelled}: found {value if isinstance(value, str) else repr(value)}, expected {wanted(hint)}")


def _said(text: str, kind: Any) -> Any:
    """What a text says, as one of `kind`, which is no union; TypeError or ValueError where it says none."""
    word = text.strip().lower()
    if kind is type(None) and word in NOTHING:
        return None
    if kind is bool and word in _TRUTH:
        return _TRUTH[word]
    if kind in (int, float):
        return kind(text)
    if get_origin(kind) is tuple:
        inside = text.strip().removeprefix("[").removesuffix("]")
        items = [each.strip().strip("'\"") for each in inside.split(",")] if inside.strip() else []
        return tuple(convert(item, one, "") for item, one in zip(items, _each(kind, items), strict=True))
    if get_origin(kind) is Literal:
        return get_args(kind)[[str(each) for each in get_args(kind)].index(text)]
    return _as(text, kind)


def _as(value: Any, kind: Any) -> Any:
    """The value as one of `kind`, which is no union; TypeError or ValueError where it is none."""
    if kind is int:
        return operator.index(_number(value))
    if kind is float:
        return float(_number(value))
    if kind is Path:
        return Path(_only(value, (str, Path)))
    if get_origin(kind) is tuple:
        items = list(_only(value, (list, tuple)))
        return tuple(fitted(item, one, "") for item, one in zip(items, _each(kind, items), strict=True))
    if get_origin(kind) is Sequence:
        items = [value] if isinstance(value, str | Path) else _only(value, Sequence)
        return tuple(fitted(item, get_args(kind)[0], "") for item in items)
    if get_origin(kind) is Literal:
        return get_args(kind)[get_args(kind).index(value)]
    if get_origin(kind) is Callable and not callable(value):
        raise TypeError
    plain = get_origin(kind) if get_origin(kind) is Mapping else kind
    return _only(value, plain) if isinstance(plain, type) and plain is not Any else value


def _number(value: Any) -> Any:
    """A number of Python or NumPy, which true and false are not."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError
    return value


def _only(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value


def _each(kind: Any, items: Sequence[Any]) -> tuple[Any, ...]:
    """The types of the items of a tuple of `kind`."""
    kinds = get_args(kind)
    return (kinds[0],) * len(items) if kinds[-1] is Ellipsis else kinds
