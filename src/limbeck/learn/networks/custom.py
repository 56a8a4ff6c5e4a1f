"""A user's own network: `module:PACKAGE.FACTORY`."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable

from torch import nn

from limbeck.core.errors import InputError
from limbeck.core.provenance import source_of
from limbeck.learn.networks.layers import Shape

PREFIX = "module:"


def custom(shape: Shape, classes: int, *, path: str) -> nn.Module:
    """Your own: FACTORY(shape, classes) in PACKAGE returns an nn.Module that ends in an nn.Linear.

    `path` is PACKAGE.FACTORY; `shape` is (channel, height, width). A module class whose constructor takes
    (shape, classes) is such a factory. Raises InputError where it cannot be imported or called so, or returns
    something else.
    """
    return made_at(path, shape, classes)


def made_at(path: str, shape: Shape, number: int, kind: str = "network", takes: str = "classes") -> nn.Module:
    """What the factory at `path` makes of a shape and a number; InputError as `custom`, about that kind of thing."""
    factory = _factory(path, kind, takes)
    try:
        module = factory(shape, number)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{kind} {PREFIX}{path}: its factory raised {type(error).__name__}: {error}; "
            f"call it yourself with shape={shape}, {takes}={number} to see where"
        ) from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{kind} {PREFIX}{path}: its factory returned {type(module).__name__}, expected an nn.Module; "
            "return the module"
        )
    return module


def source_of_path(path: str, kind: str = "network", takes: str = "classes") -> dict[str, str]:
    """The source of the factory at `path`; InputError where it cannot be imported."""
    return source_of(_factory(path, kind, takes), named_in=path.rpartition(".")[0])


@functools.cache
def _factory(path: str, kind: str, takes: str) -> Callable[[Shape, int], nn.Module]:
    """The factory at `path`, known to take a shape and a number."""
    package, _, name = path.rpartition(".")
    if not (package and name):
        raise InputError(f"{kind} {PREFIX}{path}: expected {PREFIX}PACKAGE.FACTORY, such as {PREFIX}mine.{kind}s.small")
    try:
        factory = getattr(importlib.import_module(package), name, None)
    except (ImportError, SyntaxError) as error:
        raise InputError(
            f"{kind} {PREFIX}{path}: cannot import {package} ({error}); install it, or put its folder on PYTHONPATH"
        ) from error
    if not callable(factory):
        raise InputError(f"{kind} {PREFIX}{path}: {package} has no function or class {name!r}; check the name")
    try:
        inspect.signature(factory).bind((1, 1, 1), 1)
    except TypeError as error:
        raise InputError(
            f"{kind} {PREFIX}{path}: found {name}{inspect.signature(factory)}, expected {name}(shape, {takes}) "
            "with shape = (channel, height, width); wrap it in a function that takes these two"
        ) from error
    return factory
