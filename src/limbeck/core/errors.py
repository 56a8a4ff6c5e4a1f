"""The one exception that means "the input is at fault", and the near-miss suggestion it carries."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

REFUSALS = {
    errno.ENAMETOOLONG: "give a shorter name",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "change its permissions, or give another place"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space, or give another place"),
    **dict.fromkeys((errno.EIO, errno.ESTALE), "check the disk, or give another place"),
}
"""What to do about a place that the system refuses, by the number of its error."""
LONGEST = 120
"""How many characters of a place are said at most."""


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


def refused(what: str, error: OSError) -> InputError:
    """The error for what the system refuses: what, why, and what to do, in the same words wherever that is found."""
    reason = error.strerror or type(error).__name__
    return InputError(f"{what}: {reason}; {REFUSALS.get(error.errno or 0, 'give another place')}")


@contextmanager
def refusals_told() -> Iterator[None]:
    """Raise InputError, in one line, for what the system refuses within the block for the sake of a place."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        place = str(error.filename or "")
        said = place if len(place) <= LONGEST else f"{place[:LONGEST]}..."
        raise refused(said or "what is done here", error) from error
