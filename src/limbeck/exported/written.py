"""What a format makes of a set, and what is known of the set beside its contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from limbeck.core.errors import InputError
from limbeck.core.findings import Finding
from limbeck.exported.contents import Contents
from limbeck.exported.eight_bits import Cost

README, INDEX = "README.md", "limbeck.json"
"""What lies in every folder that was exported: what it holds, for people and for programs."""


@dataclass(frozen=True)
class Publication:
    """What only those know who publish a set; "" where it is not said."""

    license: str = ""
    """A name such as cc-by-4.0, or an address."""
    url: str = ""
    """Where the data set is."""
    creator: str = ""
    published: str = ""
    """The date, YYYY-MM-DD."""

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.published or "2000-01-01")
        except ValueError as error:
            raise InputError(f"published {self.published!r}: expected a date as YYYY-MM-DD; write it so") from error
        if self.url and not self.url.startswith(("http://", "https://")):
            raise InputError(f"url {self.url!r}: expected an address that begins with https://; write it in full")

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of what is not said."""
        return tuple(each.name for each in fields(self) if not getattr(self, each.name))


@dataclass(frozen=True)
class Known:
    """What is known of a set beside its contents."""

    rows: Sequence[Mapping[str, Any]] = ()
    """Rows of scores, as `limbeck evaluate` gives them."""
    findings: Sequence[Finding] = ()
    in_eight_bits: Sequence[Mapping[str, Any]] = ()
    """The rows of the set and of its pictures, where that was asked for."""
    publication: Publication = field(default_factory=Publication)
    shortened: str = ""
    """How much of a published recipe it was distilled by; "" for all of it."""


@dataclass(frozen=True)
class Written:
    """What a format makes of a set."""

    files: dict[str, bytes]
    """By their names below the folder."""
    holds: Sequence[tuple[str, str]]
    """What there is, and what it means: of files, or of arrays."""
    use: str
    """Python that uses it without limbeck, run where the README lies."""
    sections: Sequence[tuple[str, str]] = ()
    """(heading, text) of what else there is to say."""
    front: str = ""
    """What the README begins with, before its title."""
    index: dict[str, Any] = field(default_factory=dict)
    """What `limbeck.json` says of this format."""
    cost: Cost | None = None
    """What 8 bits cost, where it has pictures."""


Write = Callable[[Contents, str, Known], Written]
"""write(contents, name of the file or folder, what else is known)."""
