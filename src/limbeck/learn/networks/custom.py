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
    factory = _factory(path)
    try:
        module = factory(shape, classes)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"network {PREFIX}{path}: its factory raised {type(error).__name__}: {error}; "
            f"call it yourself with shape={shape}, classes={classes} to see where"
        ) from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"network {PREFIX}{path}: its factory returned {type(module).__name__}, expected an nn.Module; "
            "return the module"
        )
    return module


def source_of_path(path: str) -> dict[str, str]:
    """The source of the factory at `path`; InputError where it cannot be imported."""
    return source_of(_factory(path), named_in=path.rpartition(".")[0])


@functools.cache
def _factory(path: str) -> Callable[[Shape, int], nn.Module]:
    """The factory at `path`, known to take (shape, classes)."""
    package, _, name = path.rpartition(".")
    if not (package and name):
        raise InputError(
            f"network {PREFIX}{path}: expected {PREFIX}PACKAGE.FACTORY, such as {PREFIX}mine.networks.small"
        )
    try:
        factory = getattr(importlib.import_module(package), name, None)
    except (ImportError, SyntaxError) as error:
        raise InputError(
            f"network {PREFIX}{path}: cannot import {package} ({error}); install it, or put its folder on PYTHONPATH"
        ) from error
    if not callable(factory):
        raise InputError(f"network {PREFIX}{path}: {package} has no function or class {name!r}; check the name")
    try:
        inspect.signature(factory).bind((1, 1, 1), 1)
    except TypeError as error:
        raise InputError(
            f"network {PREFIX}{path}: found {name}{inspect.signature(factory)}, expected {name}(shape, classes) "
            "with shape = (channel, height, width); wrap it in a function that takes these two"
        ) from error
    return factory
