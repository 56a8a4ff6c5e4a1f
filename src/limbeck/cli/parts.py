"""The options of the parts of a recipe: read from the words of a command line, and listed in its help."""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import fields

from limbeck.composition import Recipe
from limbeck.core.errors import InputError
from limbeck.core.family import part_name, summary
from limbeck.options import Option, options_of
from limbeck.recipes.contract import Method

PARTS = tuple(each.name for each in fields(Recipe) if each.name != "steps")
"""The fields of a recipe that hold a part: --PART names another, --PART.FIELD is a field of the one that is there."""


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
    """What is known of the method, and a line for each option of its parts."""
    columns = min(shutil.get_terminal_size().columns, 120)
    lines = [f"settings of {method.name}: {provenance}"]
    lines += ["", "published test accuracies:", *_items(map(str, method.expected), columns)] if method.expected else []
    lines += ["", "what differs from the source:", *_items(method.deviations, columns)] if method.deviations else []
    formatter = argparse.HelpFormatter("", max_help_position=36, width=columns)
    for kind in PARTS:
        part = getattr(recipe, kind)
        named = "none" if part is None else f"{part_name(type(part))}: {summary(part)}"
        formatter.start_section(f"{kind.replace('_', ' ')}, here {named}".rstrip(".").replace("%", "%%"))
        formatter.add_arguments(_action(each) for each in options_of(recipe) if each.path.partition(".")[0] == kind)
        formatter.end_section()
    return "\n".join(lines) + "\n\n" + formatter.format_help()


def _items(texts: Iterable[str], columns: int) -> list[str]:
    """A list of texts, folded."""
    return [
        line
        for text in texts
        for line in textwrap.wrap(
            text, columns, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
        )
    ]


def _action(option: Option) -> argparse.Action:
    """The option as a formatter of help knows it."""
    name = option.path.rpartition(".")[2]
    text = _documentation(option.part).get(name, "")
    text = f"{text} " if text else ""
    said = f"{text}One of {', '.join(option.choices)}" if option.choices else f"{text}({option.kind})"
    return argparse._StoreAction(
        [spelled(option.path)],
        dest=option.path,
        metavar="NAME" if option.choices else "VALUE",
        help=f"{said}; default {option.default}".replace("%", "%%"),
    )


@functools.cache
def _documentation(part: type) -> dict[str, str]:
    """What the source of a class says below each of its fields, and of those that it has from above."""
    return {name: text for each in reversed(part.__mro__) for name, text in _below_fields(each).items()}


def _below_fields(part: type) -> dict[str, str]:
    """What the source of a class says below each of the fields that are its own."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for line, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            texts[line.target.id] = " ".join(below.value.value.split())
    return texts
