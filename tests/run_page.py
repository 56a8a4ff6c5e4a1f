"""`python run_page.py PAGE LANGUAGE...`: do what the fenced blocks of a page say, from top to bottom, in this folder.

A block with a title is a file of that name. Blocks of Python share their names, and each block of shell is a script. A
block whose fence has the word `no-run` is for a reader alone: it needs what is not here. One whose fence says
small="distill --steps 2; explain --probe mixing" takes a reader long: it is done with these options added, by command.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FENCE = re.compile(r"^```(?P<language>\w*)(?P<words>.*)$")
TITLE = re.compile(r'title="([^"]+)"')
SMALL = re.compile(r'small="([^"]+)"')
RUN = ("sh", "python")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    words: str
    """What stands behind the language."""
    line: int
    """The number of its first line."""
    text: str

    @property
    def file(self) -> str:
        """The name of the file that it is; "" where it is none."""
        found = TITLE.search(self.words)
        return found[1] if found else ""

    @property
    def script(self) -> str:
        """What the shell is given: where it is to be small, in front of it what adds options to each command."""
        found = SMALL.search(self.words)
        if found is None:
            return self.text
        added = [shlex.split(each) for each in found[1].split(";")]
        cases = [f'{command}) set -- "$@" {shlex.join(options)};;' for command, *options in added]
        return "\n".join(["limbeck() {", "case $1 in", *cases, "esac", 'command limbeck "$@"', "}", self.text])

    @property
    def runs(self) -> bool:
        return self.language in RUN and not self.file and self.words.strip() != "no-run"


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    lines = iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        opened = FENCE.match(line)
        if opened is None:
            continue
        inside: list[str] = []
        for _, line in lines:
            if line.strip() == "```":
                break
            inside.append(line)
        yield Block(opened["language"], opened["words"], number + 1, "\n".join(inside) + "\n")


def run_page(path: Path, languages: tuple[str, ...] = RUN) -> None:
    """Do what a page says; SystemExit with the place of the first block that fails."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(path.read_text("utf-8")):
        where = f"{path}:{block.line}"
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text)
        elif block.runs and block.language == "python" and "python" in languages:
            # Errors name the line of the page.
            exec(compile("\n" * (block.line - 1) + block.text, str(path), "exec"), names)
        elif block.runs and block.language == "sh" and "sh" in languages:
            code = subprocess.run(["sh", "-eu"], input=block.script, text=True).returncode
            if code:
                raise SystemExit(f"{where}: exit code {code} of\n{block.text}")


if __name__ == "__main__":
    run_page(Path(sys.argv[1]), tuple(sys.argv[2:]) or RUN)
