"""What a notebook shows of results: plain HTML, in the colours of the page that it comes to stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from limbeck.core.text import quoted

LEFT = ' style="text-align: left; vertical-align: top"'


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table of plain text.

    >>> table(("set",), [("a<b",)]).count("a&lt;b")
    1
    """
    head = "".join(f"<th{LEFT}>{cell(each)}</th>" for each in columns)
    body = "".join("<tr>" + "".join(f"<td{LEFT}>{cell(each)}</td>" for each in row) + "</tr>" for row in rows)
    above = f"<caption{LEFT}>{cell(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell(value: object) -> str:
    """A value as text that steers nothing."""
    text = str(value)
    return escape(text if text.isprintable() else quoted(text))
