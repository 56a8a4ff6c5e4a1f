"""Text that a terminal shows as it is: names of classes, sets and files never steer whoever reads them."""

from __future__ import annotations

import re
import sys
from typing import TextIO

from limbeck.core.errors import InputError, refused

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, ends of lines and paragraphs, changes of direction, and halves of characters."""


def plain(text: str) -> str:
    r"""The text in one line, in which whatever steers a terminal is spelled out.

    >>> plain("a\x1b[31mb\nc")
    'a\\x1b[31mb\\nc'
    """
    return STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def plain_json(text: str) -> str:
    r"""JSON of the same meaning that steers nothing; its own ends of lines stay.

    >>> plain_json('{"a": "\x9b31m"}')
    '{"a": "\\u009b31m"}'
    """
    return STEERING.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def write(text: str) -> None:
    """Put a line on standard output; InputError where that takes no more, as on a full disk."""
    put(sys.stdout, text)


def tell(text: str) -> None:
    """Put a line on standard error, where that takes any."""
    try:
        put(sys.stderr, plain(text))
    except InputError:
        return


def put(stream: TextIO, text: str) -> None:
    """Write a line and send it off."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if stream is sys.stdout:
            # Python would try to send what is left once more when it ends, and end by a fault of its own.
            sys.stdout = None
        raise refused("what is printed cannot be written", error) from error
