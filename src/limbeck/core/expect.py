"""What the fields of a part must be: a line for each kind, and an exception that names the field."""

from __future__ import annotations

import math
from abc import ABC
from typing import Any

from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.values import fields_of, fitted, wanted

MOST, TRAINED = 10**7, 10**4
"""How many of anything are counted, and how many learners are trained, at most: far more than anybody waits for."""
LEARNERS = frozenset({"repeats", "controls", "trajectories"})
"""The fields that count what is trained by itself."""


class FieldError(InputError):
    """A field of a part cannot have the value it was given; whoever asked for it says it in words of its own."""

    def __init__(self, part: object, field: str, wanted: str) -> None:
        self.field = field
        """The field's name; dotted for a field of a part within the part."""
        value: object = part
        for name in field.split("."):
            value = getattr(value, name)
        self.complaint = f"found {value if isinstance(value, str | int | float) else repr(value)}, expected {wanted}"
        super().__init__(f"{part_name(type(part))}.{field}: {self.complaint}")


class AbstractPart(ABC):  # noqa: B024, those of each family say what is abstract
    """A frozen dataclass whose fields are of the types that they say, whoever makes it; else a FieldError.

    It holds before anything else is checked of them: what a `__post_init__` of its own sees is of its type.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = getattr(cls, "__post_init__", None)  # What a class above checks of its fields, where it has no own.

        def checked(self: AbstractPart) -> None:
            of_their_types(self)
            if own is not None:
                own(self)

        cls.__post_init__ = checked  # type: ignore[attr-defined]


def of_their_types(part: object) -> None:
    """Make the fields of a frozen dataclass what their types say; FieldError for one that cannot be."""
    for field, hint in fields_of(type(part)).items():
        value = getattr(part, field)
        try:
            object.__setattr__(part, field, fitted(value, hint, field))
        except InputError as error:
            raise FieldError(part, field, wanted(hint)) from error


def expect(part: object, field: str, holds: bool, wanted: str) -> None:
    """Raise a FieldError about a field of `part` unless `holds`."""
    if not holds:
        raise FieldError(part, field, wanted)


def at_least(part: object, least: int, *fields: str) -> None:
    """Each field is a finite number of at least `least`, or a tuple of one or more of them.

    What is counted is at most `MOST`, and what is trained by itself `TRAINED`: a slip is told before all is listed.
    """
    for field in fields:
        value, most = getattr(part, field), TRAINED if field in LEARNERS else MOST
        numbers = value if isinstance(value, tuple) else (value,)
        holds = bool(numbers) and all(_finite(each) and each >= least for each in numbers)
        what = "one or more numbers" if isinstance(value, tuple) else "a number"
        expect(part, field, holds, f"{what} of at least {least}")
        few = all(isinstance(each, float) or each <= most for each in numbers)
        expect(part, field, few, f"{what} of at most {most:,}")


def few_enough(**counts: int) -> None:
    """InputError where so many of these, all with all, are more learners than `TRAINED`."""
    if math.prod(counts.values()) > TRAINED:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        together = " together" if len(counts) > 1 else ""
        raise InputError(f"{told}: expected at most {TRAINED:,} learners{together}; ask for fewer")


def positive(part: object, *fields: str) -> None:
    """Each field is a finite number above 0."""
    for field in fields:
        value = getattr(part, field)
        expect(part, field, _finite(value) and value > 0, "a number above 0")


def fraction(part: object, *fields: str) -> None:
    """Each field is at least 0 and less than 1, as a momentum is."""
    for field in fields:
        value = getattr(part, field)
        expect(part, field, _finite(value) and 0 <= value < 1, "a number from 0 to below 1")


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
