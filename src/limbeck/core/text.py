"""Names that others chose, as they can be shown on one line: nothing in them is obeyed by a terminal or a page."""

from __future__ import annotations

import json
from collections.abc import Sequence


def quoted(name: str) -> str:
    r"""A name between quotation marks; what cannot be printed is escaped as in JSON.

    >>> print(quoted('cat'), quoted('a\n"b"'), quoted('\x1b[31m'))
    "cat" "a\n\"b\"" "\u001b[31m"
    """
    text = json.dumps(name, ensure_ascii=False)
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def listed(names: Sequence[str], most: int) -> str:
    """The first of some names, at most so many, by commas, and whether there are more.

    >>> listed(["a", "b", "c"], 2), listed(["a"], 2), listed([], 2)
    ('a, b, ...', 'a', '')
    """
    return ", ".join(names[:most]) + ", ..." * (len(names) > most)


def counted(number: int, word: str) -> str:
    """So many of what a word names, whose plural ends in s.

    >>> counted(1, "job"), counted(1200, "job")
    ('1 job', '1,200 jobs')
    """
    return f"{number:,} {word}{'s' * (number != 1)}"


def per_class(count: int, classes: int, of: str = "") -> str:
    """So many (of something) of every class; where there is one class it is not spoken of.

    >>> per_class(2, 10), per_class(3, 10, "real example"), per_class(50, 1), per_class(1, 1, "real example")
    ('2 per class', '3 real examples per class', '50 items', '1 real example')
    """
    if classes == 1:
        return counted(count, of or "item")
    return f"{counted(count, of) if of else count} per class"


def shown(name: str) -> str:
    r"""A name as it is where it can be printed and is not empty or padded, else `quoted`.

    >>> print(shown('T-shirt/top'), shown(''), shown('a\nb'))
    T-shirt/top "" "a\nb"
    """
    return name if name and name.isprintable() and name == name.strip() else quoted(name)
