"""Help says what every option is: of commands, of their parts, of every part there is."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from limbeck.cli import COMMANDS, main
from limbeck.cli.help import EXAMPLES, Entry, documentation, folded
from limbeck.codecs import CODECS
from limbeck.composition import Recipe
from limbeck.computations.experts import Experts
from limbeck.computations.level import Level
from limbeck.computations.steps import Steps
from limbeck.computations.teachers import Teacher
from limbeck.learn.augment import AUGMENTATIONS
from limbeck.learn.implicit import ImplicitQ
from limbeck.logs import LOGS
from limbeck.options import FAMILIES
from limbeck.probes import PROBES
from limbeck.probes.attributes import ATTRIBUTES
from limbeck.protocols import PROTOCOL_KINDS
from limbeck.recipes import RECIPES

PARTS = (Recipe, Experts, Level, Steps, Teacher, ImplicitQ)


def every_part() -> list[type]:
    registers = (*FAMILIES, AUGMENTATIONS, PROBES, ATTRIBUTES, PROTOCOL_KINDS, CODECS, LOGS)
    return [*PARTS, *(part for family in registers for part in family.parts.values() if is_dataclass(part))]


@pytest.mark.parametrize("part", every_part(), ids=lambda part: part.__qualname__)
def test_every_field_of_a_part_says_what_it_is(part: Any) -> None:
    said = documentation(part)
    assert [each.name for each in fields(part) if not said.get(each.name)] == []


def help_of(command: str, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        main([command, *words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_says_what_it_is_in_as_many_columns_as_there_are(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = help_of(command, capsys)
    lines = text.splitlines()
    assert lines[0].startswith(f"usage: limbeck {command}") and argparse.SUPPRESS not in text
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if re.match(r"  --?\w", line):
            told = re.split(r" {2,}", line.strip())[1:]
            assert told or re.match(r" {8,}\S", after), f"{line} says nothing"
            assert len(line) <= 80 or not told, line
    for example in EXAMPLES[command]:
        assert example in text
        for option in re.findall(r"--[\w.\-]+", example):
            assert option in text or option == "--help", f"{example}: {option} is no option of it"


def test_options_of_parts_have_their_published_values(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_of("distill", capsys, "cifar10", "--recipe", "mtt", "--ipc", "1").split())
    latest = RECIPES["mtt"].recipe_for("cifar10", 1, False).objective.latest
    assert f"--objective.latest {latest} The end of the window of starts" in text
    assert text.index("--objective") < text.index("--optimizer") < text.index("--schedule_optimizer")


def test_an_option_and_what_it_is_stand_on_one_line_where_they_fit() -> None:
    entries = [Entry("--a N", "x" * 9), Entry("--long.option VALUE", "y " * 30)]
    lines = folded(entries, 40)
    assert lines[0] == f"  {'--a N':19}  {'x' * 9}" and all(len(line) <= 40 for line in lines)
    assert " ".join("".join(lines[1:]).split()).count("y") == 30
