"""What is said on standard error, and what is asked there."""

from __future__ import annotations

import sys
import textwrap

from rich.console import Console

from limbeck.terminal.safe import plain

ERRORS = Console(stderr=True, highlight=False, force_terminal=None if sys.stderr.isatty() else False)
"""Where news go. Control codes are for terminals alone, whatever FORCE_COLOR says."""


def say(line: str) -> None:
    """Tell something on standard error that stays to be read: a note within the width of a terminal, word by word.

    Other lines may hold a command, which is copied whole.
    """
    text = plain(line)
    if line.startswith("note: ") and ERRORS.is_terminal:
        text = folded(text, ERRORS.width)
    ERRORS.print(text, markup=False, soft_wrap=True)


def folded(text: str, width: int) -> str:
    """A text in lines of at most so many columns, broken between words alone: a path stays whole.

    >>> print(folded("one two /a/long/path three", 8))
    one two
    /a/long/path
    three
    """
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def prompted() -> bool:
    """Whether somebody types Python as it runs: at its prompt, IPython's, or in a notebook."""
    return hasattr(sys, "ps1") or getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)() is not None


def at_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and ERRORS.is_terminal


def ask(text: str, question: str) -> bool:
    """Tell something, and whether somebody says yes to a question about it."""
    say(text)
    ERRORS.print(f"{question} [y/n] ", markup=False, end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
