"""Signals that end a process, at a moment that it can bear."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]
IMPORTING = ("_find_and_load", "_exec")
"""The functions of Python that a module is imported by, and filled by where it was put off."""
AGAIN = 0.05
"""Seconds after which a signal that came at a bad moment is tried again."""


def interrupt_between_imports() -> None:
    """Raise KeyboardInterrupt for SIGINT and SIGTERM as `between_imports` does.

    SIGINT stays ignored where it is, as in the background of a shell.
    """
    handler = between_imports(signal.default_int_handler)
    signal.signal(signal.SIGTERM, handler)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, handler)


def between_imports(handler: Handler) -> Handler:
    """A handler that raises what another one does, but never while a module is imported: as soon as it is.

    Modules that try an import and do without where that fails take what is raised for a failure. The process would go
    on, with half of a module. The alarm clock of the process is this handler's from now on. So is what Python does
    about an exception that it must swallow, in a callback of its own: what is raised there is raised again.
    """
    came = 0
    raised: type[BaseException] | tuple[()] = ()

    def handle(number: int, frame: FrameType | None) -> object:
        nonlocal came, raised
        came = came if number == signal.SIGALRM else number
        if _imports(frame):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            return None
        # Whoever asks twice is not interrupted once more while what is under way is put in order.
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            return handler(came, frame)
        except BaseException as error:
            raised = type(error)
            raise

    others = sys.unraisablehook

    def again(swallowed: sys.UnraisableHookArgs) -> None:
        # Whoever drops a weak reference or an object while a signal comes would lose it, with a traceback.
        if isinstance(swallowed.exc_value, raised):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            others(swallowed)

    signal.signal(signal.SIGALRM, handle)
    sys.unraisablehook = again
    return handle


@contextmanager
def in_peace() -> Iterator[None]:
    """Let a process that ends already put in order within the block what is under way, whoever asks it to end again.

    Whoever started several processes asks all to end where one did, and that another ended may be why this one does.
    """
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if main}
    before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _imports(frame: FrameType | None) -> bool:
    """Whether the code of a frame runs for the sake of an import."""
    while frame is not None:
        code = frame.f_code
        if code.co_name in IMPORTING and code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
