"""The one exception that means "the input is at fault", and the near-miss suggestion it carries."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """The user's input cannot be used.

    The message is one line: what was found, what was expected, what to do next. The command line
    prints it without a traceback and exits with 2; anything else that is raised is a fault of ours.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not in `known`, with the nearest known names suggested."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"choose from {', '.join(choices) or 'none'}"
    return InputError(f"unknown {kind} {name!r}: {hint}")


class DamagedError(InputError):
    """A file that limbeck did not write, or that is no longer as it was written."""
