"""Where what computes a number comes from: part of every address, so that nothing old is taken for new.

limbeck's own code is told by the one number `ALGORITHM`. The code of anybody else is told by the package that brought
it, and by a digest of its source. How a device calculates is told by its kind and its precision.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from limbeck.core.errors import InputError

if TYPE_CHECKING:
    import torch

OWN = "limbeck"
"""The package whose code needs no digest."""

_BROUGHT: dict[type, tuple[str, str]] = {}


def bring(part: type, distribution: metadata.Distribution | None) -> None:
    """Say which distribution brought a part, where its entry point says so."""
    if distribution is not None:
        _BROUGHT[part] = (distribution.name, distribution.version)


def source_of(thing: Any, named_in: str = "") -> dict[str, str]:
    """The source of a class or function: {package, version, module, digest}; {} for limbeck's own.

    The digest is of the module that defines it, of the module `named_in` where that is another, and of the modules of
    the same package whose functions, classes and modules these use by their names. A class without a file, such as
    one of a notebook, is told by its instructions.
    """
    while isinstance(thing, functools.partial):
        thing = thing.func
    module = getattr(thing, "__module__", None) or type(thing).__module__
    if module.partition(".")[0] == OWN:
        return {}
    brought = _BROUGHT.get(thing) if isinstance(thing, type) else None
    package, version = brought or _package(module)
    return {"package": package, "version": version, "module": module, "digest": _digest(thing, module, named_in)}


def brought_by(error: BaseException) -> str:
    """The package that raised an error, or that limbeck called in vain, in words; "" where it is limbeck's own.

    It is the last package with entry points of limbeck's whose code the error came through.
    """
    brought = {
        point.value.partition(":")[0].partition(".")[0]: point.dist.name
        for group in metadata.entry_points().groups
        if group.startswith(f"{OWN}.")
        for point in metadata.entry_points(group=group)
        if point.dist is not None
    }
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = brought.get(str(frame.f_globals.get("__name__")).partition(".")[0])
        if package is not None:
            return f"limbeck: the error comes from package {package}, {frame.f_code.co_filename}, line {line}"
    return ""


def arithmetic(device: torch.device) -> dict[str, str]:
    """How a device calculates: its kind, and the precision of its numbers and of its products where that is coarser."""
    import torch

    backends = torch.backends
    cuda = device.type == "cuda"
    kinds = {
        "products": (backends.cuda if cuda else backends.mkldnn).matmul.fp32_precision,
        "convolutions": (backends.cudnn if cuda else backends.mkldnn).conv.fp32_precision,
    }
    coarse = [f"{name} {kind}" for name, kind in kinds.items() if kind not in ("none", "ieee")]
    return {
        "device": device.type,
        "precision": ", ".join([str(torch.get_default_dtype()).removeprefix("torch."), *coarse]),
    }


class ChangedWarning(UserWarning):
    """The code of something is not what it was."""


def warn_of_change(what: str, then: Any, now: Any) -> None:
    """Say in one line that the code of `what` is not what it was; nothing where it is the same."""
    if then != now:
        warnings.warn(
            f"{what}: made with {_said(then)}, here is {_said(now)}; what it says may come out otherwise",
            ChangedWarning,
            stacklevel=3,
        )


@contextmanager
def unchanged(advice: str) -> Iterator[None]:
    """Raise InputError, which ends with an advice, where code that the block asks for is not what it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ChangedWarning)
        try:
            yield
        except ChangedWarning as change:
            found = str(change).partition("; what it says")[0]
            raise InputError(f"{found}; expected the same code; {advice}") from change


def _said(source: Any) -> str:
    """A source, or a version of limbeck's algorithms, in words."""
    if not isinstance(source, Mapping):
        return f"version {source} of limbeck's algorithms"
    if not source:
        return "limbeck's own"
    package, version, module, digest = (source.get(name) for name in ("package", "version", "module", "digest"))
    return f"{f'{package} {version}' if package else 'a file'} (module {module}, digest {digest})"


@functools.cache
def _package(module: str) -> tuple[str, str]:
    """The name and version of the distribution of a module; empty where none is installed."""
    names = metadata.packages_distributions().get(module.partition(".")[0], [])
    return (names[0], metadata.version(names[0])) if names else ("", "")


def _digest(thing: Any, *modules: str) -> str:
    hasher = hashlib.sha256()
    for module in sorted({name for each in modules if each for name in _used(each)}):
        text = _source(module)
        hasher.update(module.encode())
        hasher.update(repr(_instructions(thing)).encode() if text is None else text)
    return hasher.hexdigest()[:16]


@functools.cache
def _source(module: str) -> bytes | None:
    """The file of a module, as it was when first asked for: soon after its import, and so what runs here."""
    try:
        return Path(sys.modules[module].__file__ or "").read_bytes()
    except (KeyError, AttributeError, OSError):
        return None


@functools.cache
def _used(module: str) -> tuple[str, ...]:
    """The module and those of its package whose functions, classes and modules it uses by name, and so on."""
    root, used, waiting = module.partition(".")[0], set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in used and name.partition(".")[0] == root and (name == module or name in sys.modules):
            used.add(name)
            waiting += _names(sys.modules.get(name))
    return tuple(sorted(used))


def _names(module: ModuleType | None) -> Iterator[str]:
    """The modules that the names of a module are of.

    A package has its submodules for names as soon as anybody imports them; they are no use of its own.
    """
    for value in list(vars(module).values()) if module else ():
        if isinstance(value, ModuleType):
            if module is None or not value.__name__.startswith(f"{module.__name__}."):
                yield value.__name__
        elif isinstance(value, type | FunctionType) and isinstance(value.__module__, str):
            yield value.__module__


def _instructions(thing: Any) -> Any:
    """What a class, function or code does, as plain values; the same in every process of one version of Python."""
    if isinstance(thing, type):
        skipped = ("__firstlineno__", "__doc__")
        return [(name, _instructions(value)) for name, value in sorted(vars(thing).items()) if name not in skipped]
    if isinstance(thing, CodeType):
        return [thing.co_code, thing.co_names, [_instructions(constant) for constant in thing.co_consts]]
    for inner in ("__func__", "fget", "__code__"):
        if hasattr(thing, inner):
            return _instructions(getattr(thing, inner))
    if isinstance(thing, tuple | list | frozenset):
        return sorted((_instructions(each) for each in thing), key=repr)
    return thing if isinstance(thing, bool | int | float | str | bytes | None) else type(thing).__name__
