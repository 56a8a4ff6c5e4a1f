"""What sees every operation of torch that is done within a block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self


class AbstractObserver(ABC):
    """Used with `with`: does every operation within the block, and may count, look or end it by an error."""

    def __init__(self) -> None:
        self._within = ExitStack()

    @abstractmethod
    def see(self, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do an operation, and give what it makes."""

    def __enter__(self) -> Self:
        from limbeck.learn.seeing import Seeing

        self._within.enter_context(Seeing(self.see))
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._within.close()
