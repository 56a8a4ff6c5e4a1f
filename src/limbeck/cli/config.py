"""`--config FILE`: the words of a command from a file of YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from limbeck.core.errors import InputError

OPTION = "--config"
FIRST = {
    **dict.fromkeys(("describe", "experts", "distill", "study", "sweep"), "data"),
    **dict.fromkeys(("evaluate", "explain", "report"), "sets"),
    **dict.fromkeys(("export", "compress", "show"), "set"),
    "import": "file",
    "worker": "chunk",
    "list": "kind",
}
"""What a file calls the words that come first, without an option, by command."""
REPEATED = ("set", "vary")
"""Options of which each of several values is said by itself; others take several by commas."""
EXPECTED = "expected a mapping of options, such as `recipe: dm`"


def without_files(command: str, words: Sequence[str]) -> list[str]:
    """The words of a command, those of its files first, so that what is typed comes after and counts.

    Raises InputError for a file that cannot be read, or holds something else than options.
    """
    typed, files, rest = list[str](), list[str](), iter(words)
    for word in rest:
        name, mark, value = word.partition("=")
        if name != OPTION:
            typed.append(word)
            continue
        path = value if mark else next(rest, "")
        if not path:
            raise InputError(f"{OPTION}: found no file, expected {OPTION} FILE.yaml")
        files.append(path)
    first, options = list[str](), list[str]()
    for path in files:
        named = _read(Path(path))
        if command == "distill" and _is_spec(named):
            options += ["--spec", path]
            continue
        # A file may be meant for a study, too: its first word is what the command calls it.
        asked = named.pop(FIRST[command], None) if command in FIRST else None
        first = [str(each) for each in (asked if isinstance(asked, list) else [asked] if asked is not None else first)]
        options += _words(named, path)
    if typed and not typed[0].startswith("-"):
        first = []
    return [*first, *options, *typed]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{OPTION} {path}: cannot be read ({error.strerror}); check the name") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        place = getattr(error, "problem_mark", None)
        where = "" if place is None else f" in line {place.line + 1}"
        raise InputError(f"{OPTION} {path}: found no YAML{where}, {EXPECTED}") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{OPTION} {path}: found {type(found).__name__}, {EXPECTED}")
    return found


def _is_spec(named: Mapping[str, Any]) -> bool:
    """Whether a file is the saved spec of a run."""
    recipe = named.get("recipe")
    return isinstance(recipe, dict) and "part" in recipe


def _words(named: Mapping[str, Any], path: str, before: str = "") -> Iterator[str]:
    """The words of options by name; those of a mapping are named with dots, its "part" as itself."""
    for name, value in named.items():
        whole = f"{before}.{name}" if before else name
        if name == "part" and before:
            whole = before
        if isinstance(value, dict):
            yield from _words({"part": value["part"], **value} if "part" in value else value, path, whole)
        elif isinstance(value, list):
            yield from _several(whole, value, path)
        elif isinstance(value, bool) and "." not in whole:
            if value:
                yield f"--{whole}"
        elif value is not None or "." in whole:
            yield from (f"--{whole}", _word(value))


def _several(name: str, values: list[Any], path: str) -> Iterator[str]:
    if any(isinstance(each, dict | list) for each in values):
        raise InputError(f"{OPTION} {path}: {name} is a list of lists or mappings, expected one of plain values")
    if name in REPEATED:
        for each in values:
            yield from (f"--{name}", _word(each))
    else:
        yield from (f"--{name}", ",".join(map(_word, values)))


def _word(value: Any) -> str:
    """A value as the command line takes it.

    >>> _word(True), _word(None), _word(0.1), _word("dm")
    ('true', 'null', '0.1', 'dm')
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)
