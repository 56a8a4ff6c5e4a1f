"""The help of a command: what it does, examples, and a line for each option, those of a part below its name."""

from __future__ import annotations

import argparse
import ast
import functools
import inspect
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

EXAMPLES = {
    "list": ("limbeck list recipes", "limbeck list recipes --published"),
    "describe": ("limbeck describe digits", "limbeck describe folder:photos --layout class"),
    "experts": ("limbeck experts digits --network convnet-w16 --count 4 --epochs 10",),
    "distill": (
        "limbeck distill digits --recipe dm --ipc 1 --out digits.safetensors",
        "limbeck distill digits --ipc 10 --minutes 1",
        "limbeck distill digits --recipe dsa --objective.outer 5 --help",
    ),
    "import": ("limbeck import DOWNLOADED.pt --data cifar10 --out set.safetensors",),
    "evaluate": (
        "limbeck evaluate digits.safetensors",
        "limbeck evaluate digits.safetensors --repeats 3 --baselines random,herding:bytes",
        "limbeck evaluate digits.safetensors --executor slurm:cluster.yaml",
    ),
    "explain": (
        "limbeck explain digits.safetensors --effort quick",
        "limbeck explain digits.safetensors --probe mixing --mixing.repeats 5 --tables",
    ),
    "study": (
        "limbeck study digits --recipes dm,kmeans --ipc 1 --effort quick --out study",
        "limbeck study digits --recipes dm,more=dm --set more.steps=600 --ipc 1 --out study",
    ),
    "sweep": (
        "limbeck sweep digits --recipes dm,kmeans --ipc 1,10 --seeds 3 --out sweep",
        "limbeck sweep digits --recipes dm --vary optimizer.learning_rate=0.1,1 --steps 300 --out rates",
    ),
    "report": ("limbeck report digits.safetensors --out report.html",),
    "export": ("limbeck export digits.safetensors --format npz --out digits.npz",),
    "compress": ("limbeck compress digits.safetensors --bits 4 --out small.safetensors",),
    "show": ("limbeck show digits.safetensors --out digits.png",),
    "worker": ("limbeck worker CHUNK.jsonl", "limbeck worker CHUNK.jsonl --answers ANSWERS.jsonl"),
    "runs": ("limbeck runs",),
    "doctor": ("limbeck doctor", "limbeck doctor cifar10 --network convnet-w32"),
}
"""Commands as one types them, by the name of the command."""
FIRST = (
    "--recipe", "--recipes", "--ipc", "--bytes", "--bits", "--probe", "--effort", "--out", "--format", "--network",
    "--steps", "--repeats", "--seeds", "--baselines", "--minutes", "--tables",
)  # fmt: skip
"""Options that are used most, first."""
LAST = ("--json", "--csv", "--markdown", "--latex", "-h,")
"""Options of every command, last."""
WIDEST = 120
LEFT = 30
"""Columns of an option, beyond which what is said of it begins on the next line."""


class Entry(NamedTuple):
    """An option as help has it: how it is written, and what it is."""

    option: str
    text: str


def columns() -> int:
    """Of the terminal, as many as lines of text are good to read in."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def folded(entries: Sequence[Entry], width: int) -> list[str]:
    """Lines of options, and of what they are beside them: one a line where that fits in so many columns.

    >>> folded([Entry("--ipc N", "items a class"), Entry("--a.very.long.option.of.a.part 5", "how long")], 40)
    ['  --ipc N  items a class', '  --a.very.long.option.of.a.part 5', '           how long']
    """
    left = max((len(each.option) for each in entries if len(each.option) <= LEFT), default=LEFT)
    lines = []
    for option, text in entries:
        alone = len(option) > left
        first = "" if alone else f"  {option:{left}}  "
        said = textwrap.wrap(
            text, width, initial_indent=first or " " * (left + 4), subsequent_indent=" " * (left + 4),
            break_on_hyphens=False,
        )  # fmt: skip
        lines += [f"  {option}", *said] if alone else said or [first.rstrip()]
    return lines


def of_command(
    made: argparse.ArgumentParser, command: str, headings: Mapping[str, str], documented: Mapping[str, str]
) -> str:
    """The help of a parser: its own options, and below a heading those of each part, --PART.FIELD.

    `headings` says what a part is, `documented` what an option is of which the parser knows too little.
    """
    width = columns()
    given = [each for each in made._actions if not each.option_strings and each.help != argparse.SUPPRESS]
    own: list[Entry] = []
    parts: dict[str, list[Entry]] = {name: [] for name in headings}
    for action in (each for each in made._actions if each.option_strings and each.help != argparse.SUPPRESS):
        name = action.option_strings[-1].removeprefix("--")
        if name.endswith(".help"):
            continue
        part = name.partition(".")[0]
        if part not in parts:
            own.append(_entry(action, documented.get(name, "")))
        elif name in documented:
            parts[part].append(Entry(f"--{name} {_written(action.default)}", documented[name]))
    own.sort(key=lambda each: _place(each.option.partition(" ")[0]))
    lines = [f"usage: limbeck {command} {' '.join([*(_metavar(each) for each in given), '[OPTIONS]'])}", ""]
    lines += textwrap.wrap(made.description or "", width)
    lines += ["", "examples:", *(f"  {each}" for each in EXAMPLES.get(command, ()))] if command in EXAMPLES else []
    if given:
        lines += ["", *folded([Entry(_metavar(each), each.help or "") for each in given], width)]
    lines += ["", "options:", *folded(own, width)]
    for name, entries in parts.items():
        lines += ["", *textwrap.wrap(f"{name}: {headings[name]}", width), *folded(entries, width)]
    return "\n".join(lines) + "\n"


def _place(option: str) -> tuple[int, int]:
    """Where an option stands among those of a command."""
    place = FIRST.index(option) if option in FIRST else len(FIRST)
    return (option in LAST, place)


def _entry(action: argparse.Action, documented: str) -> Entry:
    """An option of a parser, with its default where that is not plain."""
    flag = action.nargs == 0
    written = ", ".join(action.option_strings) + ("" if flag else f" {_metavar(action)}")
    choices = f"; one of {', '.join(str(each) for each in action.choices if each)}" if action.choices else ""
    unsaid = any(action.default is each for each in (None, False, "", argparse.SUPPRESS))
    plain = flag or unsaid or "default" in (action.help or "")
    default = "" if plain or not isinstance(action.default, int | float | str) else f" (default {action.default})"
    return Entry(written, f"{action.help or documented}{choices}{default}".replace("%%", "%"))


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str) and not action.metavar.startswith("{"):
        return action.metavar
    name = action.dest.replace("_", "-").upper()
    return f"{name} ..." if action.nargs in ("+", "*") else f"[{name}]" if action.nargs == "?" else name


def _written(value: object) -> str:
    """A default as an option is given it; of a part its class."""
    if isinstance(value, tuple | list):
        return f"[{','.join(map(_written, value))}]"
    part = getattr(value, "class_path", "").rpartition(".")[2]
    return part or (str(value).lower() if isinstance(value, bool) else str(value) or '""')


@functools.cache
def documentation(part: type) -> dict[str, str]:
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


def items(texts: Iterable[str], width: int) -> list[str]:
    """A list of texts, folded."""
    return [
        line
        for text in texts
        for line in textwrap.wrap(text, width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
    ]
