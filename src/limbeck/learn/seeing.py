"""Every operation of torch, seen as it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

See = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""see(operation, arguments, named arguments) -> what it gives: it does the operation."""


class Seeing(TorchDispatchMode):
    """Has a function do every operation within a block."""

    def __init__(self, see: See) -> None:
        super().__init__()
        self.see = see

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here, and torch would load its compiler to see to that.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What the function makes of it."""
        return self.see(func, args, kwargs or {})
