"""A line of an examination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Line:
    """What is found of one thing, whether that is fine, and what to do where it is not."""

    about: str
    found: str
    advice: str = ""
    """What to do; "" where all is fine."""
    stops: bool = False
    """Whether limbeck cannot work like this."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The same as numbers, for programs."""

    @property
    def mark(self) -> str:
        """ "ok", "!" where something may be done, "NO" where limbeck cannot work."""
        return "NO" if self.stops else "!" if self.advice else "ok"

    def document(self) -> dict[str, Any]:
        """The line as JSON."""
        return {
            "about": self.about,
            "fine": not self.advice,
            "stops": self.stops,
            "found": self.found,
            "advice": self.advice,
            **({"facts": dict(self.facts)} if self.facts else {}),
        }
