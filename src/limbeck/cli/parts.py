"""The options of the parts of a recipe: read from the words of a command line, and listed in its help."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import fields

from limbeck.cli.help import Entry, columns, documentation, folded, items
from limbeck.composition import Recipe
from limbeck.core.errors import InputError
from limbeck.core.family import part_name, summary
from limbeck.options import Option, options_of
from limbeck.recipes.contract import Method

PARTS = tuple(each.name for each in fields(Recipe) if each.name != "steps")
"""The fields of a recipe that hold a part: --PART names another, --PART.FIELD is a field of the one that is there."""

USED = ("objective", "optimizer", "start", "parameterization", "schedule")
"""Those that are changed most, first."""


def spelled(path: str) -> str:
    """An option of a part as the command line has it."""
    return f"--{path}"


def split_words(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options of parts among the words, --PATH VALUE or --PATH=VALUE, and all other words.

    Raises InputError for an option without a value.
    """
    options: dict[str, str] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        path, mark, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or path.partition(".")[0] not in PARTS:
            rest.append(word)
            continue
        given = value if mark else next(left, None)
        if given is None:
            raise InputError(f"--{path}: expected a value; see `limbeck distill --help`")
        options[path] = given
    return options, rest


def listed(recipe: Recipe) -> list[str]:
    """Every option of the recipe's parts."""
    return [spelled(option.path) for option in options_of(recipe) if option.path != "steps"]


def help_of(method: Method, recipe: Recipe, provenance: str) -> str:
    """What is known of the method, and a line for each option of its parts, with its value here."""
    width = columns()
    lines = [f"settings of {method.name}: {provenance}"]
    lines += ["", "published test accuracies:", *items(map(str, method.expected), width)] if method.expected else []
    lines += ["", "what differs from the source:", *items(method.deviations, width)] if method.deviations else []
    lines += ["", "options of its parts, each with its value by these settings:"]
    for kind in sorted(PARTS, key=lambda each: (*USED, each).index(each)):
        part = getattr(recipe, kind)
        named = "none" if part is None else f"{part_name(type(part))}: {summary(part)}"
        entries = [_entry(each) for each in options_of(recipe) if each.path.partition(".")[0] == kind]
        heading = f"{kind.replace('_', ' ')}, here {named}".rstrip(".")
        lines += ["", *textwrap.wrap(heading, width), *folded(entries, width)]
    return "\n".join(lines)


def _entry(option: Option) -> Entry:
    """The option as help has it."""
    text = documentation(option.part).get(option.path.rpartition(".")[2], "")
    choices = f" One of {', '.join(option.choices)}." if len(option.choices) > 1 else ""
    return Entry(f"{spelled(option.path)} {option.default}", f"{text}{choices}".strip())
