"""What a JSON document must hold, and the one line that says where it does not."""

from __future__ import annotations

from typing import Any

_WORDS = {str: "text", int: "an integer", float: "a number", dict: "an object"}


def mismatch(document: Any, schema: Any, name: str) -> str | None:
    """Where `document` is not as `schema` says, in words; None where it is.

    A schema is a type (str, int, float, dict; an integer is a number too), a dict of schemas by the names that must be
    there beside any others, or a list of one schema for every element.

    >>> mismatch({"n": 3, "of": ["a"]}, {"n": int, "of": [str]}, "it")
    >>> mismatch({"n": 3, "of": ["a", 1]}, {"n": int, "of": [str]}, "it")
    'it.of[1]: found 1, expected text'
    >>> mismatch({}, {"n": int}, "it")
    'it: no n'
    """
    if isinstance(schema, dict):
        if not isinstance(document, dict):
            return f"{name}: found {_shown(document)}, expected an object"
        missing = [field for field in schema if field not in document]
        if missing:
            return f"{name}: no {missing[0]}"
        found = (mismatch(document[field], part, f"{name}.{field}") for field, part in schema.items())
        return next(filter(None, found), None)
    if isinstance(schema, list):
        if not isinstance(document, list):
            return f"{name}: found {_shown(document)}, expected a list"
        found = (mismatch(element, schema[0], f"{name}[{index}]") for index, element in enumerate(document))
        return next(filter(None, found), None)
    kinds = (int, float) if schema is float else schema
    if isinstance(document, kinds) and not isinstance(document, bool):
        return None
    return f"{name}: found {_shown(document)}, expected {_WORDS[schema]}"


def _shown(document: Any) -> str:
    text = ascii(document)
    return text if len(text) <= 40 else f"{text[:37]}..."
