"""Whether a class of somebody else's implements a contract, as far as that shows before it is used."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any


def why_not(part: Any, contract: type, called: str) -> str:
    """Why something that is `called` so is no part of a contract, in words; "" where it is one.

    It is the class of a frozen dataclass, it has all that the contract leaves open, and what it has takes as many
    arguments as the contract's.
    """
    made = vars(part).get("__dataclass_params__") if isinstance(part, type) else None
    if made is None or not made.frozen or not issubclass(part, contract):
        return f"{called} is not a frozen dataclass that implements {contract.__name__}"
    missing = sorted(getattr(part, "__abstractmethods__", ()))
    if missing:
        return f"{called} does not have {', '.join(missing)} of {contract.__name__}"
    for name, ours in inspect.getmembers(contract, inspect.isfunction):
        theirs = inspect.getattr_static(part, name)
        if name.startswith("__") or theirs is ours or not isinstance(theirs, FunctionType):
            continue
        try:
            inspect.signature(theirs).bind(*_given(ours))
        except TypeError:
            return f"{called}.{name} takes {_taken(theirs)}, expected {_taken(ours)}"
    return ""


def _given(function: FunctionType) -> list[str]:
    """The arguments that a function is given by their places."""
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [name for name, each in inspect.signature(function).parameters.items() if each.kind not in named]


def _taken(function: FunctionType) -> str:
    """The arguments of a function by name."""
    return f"({', '.join(inspect.signature(function).parameters)})"
