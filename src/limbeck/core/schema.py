"""What a JSON document must hold, and the one line that says where it does not."""

from __future__ import annotations

from typing import Any

_WORDS: dict[Any, str] = {
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    None: "null",
}


def mismatch(document: Any, schema: Any, name: str) -> str | None:
    """Where `document` is not as `schema` says, in words; None where it is.

    A schema is a type (str, int, float, bool, dict; an integer is a number too), None, a tuple of schemas of which one
    holds, a list of one schema for every element, or a dict of schemas by the names that must be there beside any
    others; one whose name ends in "?" may be left out.

    >>> mismatch({"n": 3, "of": ["a"]}, {"n": int, "of": [str], "at?": int}, "it")
    >>> mismatch({"n": 3, "of": ["a", 1]}, {"n": int, "of": [str]}, "it")
    'it.of[1]: found 1, expected text'
    >>> mismatch({}, {"n": int}, "it")
    'it: no n'
    """
    if isinstance(schema, dict):
        return _object(document, schema, name)
    if isinstance(schema, list):
        if not isinstance(document, list):
            return f"{name}: found {_shown(document)}, expected a list"
        found = (mismatch(element, schema[0], f"{name}[{index}]") for index, element in enumerate(document))
        return next(filter(None, found), None)
    if isinstance(schema, tuple):
        found_each = [mismatch(document, one, name) for one in schema]
        return None if None in found_each else found_each[-1]
    kinds: Any = {float: (int, float), None: type(None)}.get(schema, schema)
    if isinstance(document, kinds) and (schema is bool or not isinstance(document, bool)):
        return None
    return f"{name}: found {_shown(document)}, expected {_WORDS[schema]}"


def _object(document: Any, schema: dict[str, Any], name: str) -> str | None:
    """`mismatch` of an object."""
    if not isinstance(document, dict):
        return f"{name}: found {_shown(document)}, expected an object"
    for field, part in schema.items():
        plain = field.removesuffix("?")
        if plain not in document:
            if plain == field:
                return f"{name}: no {plain}"
            continue
        wrong = mismatch(document[plain], part, f"{name}.{plain}")
        if wrong is not None:
            return wrong
    return None


def _shown(document: Any) -> str:
    text = ascii(document)
    return text if len(text) <= 40 else f"{text[:37]}..."
