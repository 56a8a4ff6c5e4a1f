"""torch, imported as soon as anything of it is used and not before: its import is most of what a short command costs.

The command line begins with `put_off()`. From then on `import torch` gives an empty module, which imports torch into
itself when it is first asked for what it lacks, and stays the same module. Two names can be had of it before, as
annotations and definitions of functions name them and nobody evaluates those: `from torch import Tensor, nn`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType, new_class
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # Nobody asks whether it is one, and its import takes longer than this whole file.

NAME = "torch"
_ITS_OWN = ("__all__", "__config__", "__future__", "__version__")
"""What torch has beside that other modules have not, of names like these."""
_LOCK = threading.RLock()
P = ParamSpec("P")
R = TypeVar("R")


def put_off() -> None:
    """Import torch when it is used, unless it is there already."""
    spec = None if NAME in sys.modules else importlib.util.find_spec(NAME)
    if spec is not None:
        sys.modules[NAME] = _Later(spec)
        sys.meta_path = [_Within(), *sys.meta_path]


def is_put_off() -> bool:
    """Whether torch is to be imported when it is used, and was not used so far."""
    return type(sys.modules.get(NAME)) is _Later


def without_gradients(function: Callable[P, R]) -> Callable[P, R]:
    """The function as `torch.no_grad()` has it, which is asked for at the first call."""

    @functools.cache
    def made() -> Callable[P, R]:
        import torch

        return torch.no_grad()(function)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        return made()(*args, **kwargs)

    return called


class _Later(ModuleType):
    """torch before it is imported."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__path__ = list(spec.submodule_search_locations or ())
        self.__file__ = spec.origin
        self._begun = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in _ITS_OWN:
            # Whoever looks at modules of any kind asks so.
            raise AttributeError(name)
        with _LOCK:
            if type(self) is _Later and not self._begun:
                if name in _STANDING:
                    return _STANDING[name]
                self._fill()
        if type(self) is _Later:  # It is under way, and asks itself.
            raise AttributeError(f"module {NAME!r} has no attribute {name!r}")
        return getattr(self, name)

    def _fill(self) -> None:
        """Import torch into this module, and put what is meant wherever something stands for it."""
        self._begun = True
        within = [each for each in sys.meta_path if isinstance(each, _Within)]
        sys.meta_path = [each for each in sys.meta_path if each not in within]
        try:
            importlib.reload(self)
        except BaseException:
            # Whoever asks again, hears again what is wrong.
            self._begun = False
            sys.meta_path = [*within, *sys.meta_path]
            raise
        self.__class__ = ModuleType  # type: ignore[assignment]
        meant = {id(standing): getattr(self, name) for name, standing in _STANDING.items()}
        for module in list(sys.modules.values()):
            space = getattr(module, "__dict__", {})
            for name in [name for name, value in list(space.items()) if id(value) in meant]:
                space[name] = meant[id(space[name])]


class _Within:
    """Finds the modules within torch before torch is imported: by importing it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where such a module is; None for any other, and for one that torch does not import by itself."""
        if not fullname.startswith(f"{NAME}."):
            return None
        torch()
        if fullname not in sys.modules:
            return None
        found = sys.modules[fullname]
        # Of a module that came to be there meanwhile, the machinery of imports loads by its own account.
        found.__spec__ = spec = ModuleSpec(fullname, _There(found.__spec__))
        return spec


class _There(Loader):
    """Loads a module that is loaded: puts back its own account of where it is from."""

    def __init__(self, own: ModuleSpec | None) -> None:
        self.own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """That module."""
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It is as it was."""
        module.__spec__ = self.own


class _Class(type):
    """What stands for the class of tensors: nothing is one before torch is there."""

    def __new__(cls, name: str, above: tuple[type, ...], space: dict[str, Any]) -> Any:
        if not above:
            return super().__new__(cls, name, above, space)
        real = [torch().Tensor if type(each) is _Class else each for each in above]
        return new_class(name, tuple(real), {}, lambda made: made.update(space))

    def __instancecheck__(cls, value: object) -> bool:
        return not is_put_off() and isinstance(value, torch().Tensor)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(torch().Tensor, name)


class _Module(ModuleType):
    """What stands for `torch.nn`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(torch().nn, name)


def torch() -> Any:
    """torch, imported."""
    found = importlib.import_module(NAME)
    with contextlib.suppress(AttributeError):
        found.__version__  # noqa: B018 (asking imports it)
    return found


_STANDING: dict[str, Any] = {"Tensor": _Class("Tensor", (), {}), "nn": _Module("nn")}
