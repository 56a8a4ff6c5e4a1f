"""The options in a network's name: `convnet-w32-d3-batch` is a family followed by tokens in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from limbeck.core.errors import InputError, unknown

LONGEST = 9
"""Digits of the largest number that is read."""


@final
@dataclass(frozen=True)
class Number:
    """An option written as a letter and a whole number of at least one, such as w128."""

    name: str
    default: int

    @property
    def letter(self) -> str:
        """The first letter of the option's name."""
        return self.name[0]

    @property
    def tokens(self) -> tuple[str, ...]:
        """Examples of what may be written."""
        return (f"{self.letter}{self.default}",)

    def read(self, token: str) -> int | None:
        """The number that `token` gives, or None where it is no token of this option."""
        digits = token[1:]
        if token[:1] != self.letter or not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST):
            return None
        return int(digits) or None

    def write(self, value: int | str) -> str:
        """The token of `value`."""
        return f"{self.letter}{value}"


@final
@dataclass(frozen=True)
class Choice:
    """An option written as one of a few words."""

    name: str
    default: str
    tokens: tuple[str, ...]

    def read(self, token: str) -> str | None:
        """`token`, or None where it is no token of this option."""
        return token if token in self.tokens else None

    def write(self, value: int | str) -> str:
        """The token of `value`."""
        return str(value)


Option = Number | Choice
Values = dict[str, int | str]


def read(name: str, tokens: list[str], options: tuple[Option, ...]) -> Values:
    """The value of every option, by name: as its token says, else its default.

    Raises InputError for a token of no option, or a second token of one.
    """
    values: Values = {}
    for token in tokens:
        matches = [(option, value) for option in options if (value := option.read(token)) is not None]
        if not matches:
            raise unknown(f"option of network {name!r}", token, [word for option in options for word in option.tokens])
        option, value = matches[0]
        if option.name in values:
            raise InputError(f"network {name!r}: its {option.name} is given twice; give it once")
        values[option.name] = value
    return {option.name: values.get(option.name, option.default) for option in options}


def write(family: str, values: Values, options: tuple[Option, ...]) -> str:
    """The shortest name: the family and the token of every option that is not at its default, in their order."""
    changed = [option for option in options if values[option.name] != option.default]
    return "-".join([family, *(option.write(values[option.name]) for option in changed)])
