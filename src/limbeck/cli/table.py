"""A table of an answer, and how it is written: for a terminal, a pipe, a spreadsheet or a paper."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Group
from rich.table import Table as Drawn
from rich.text import Text

from limbeck.terminal.safe import plain

NUMBERS = 0.55
"""The part of the width of a terminal that columns of numbers may take without being folded."""
GAP = "  "
"""Between the columns of a table in a pipe."""


@dataclass(frozen=True)
class Table:
    """A titled table whose cells are shown as plain text; the columns named in `right` are set flush right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    right: Sequence[str] = ()
    numbers: Table | None = None
    """The same with a number in a cell, which is what a spreadsheet is given; None: this one."""

    @property
    def headed(self) -> bool:
        """Whether a column has a name."""
        return any(self.columns)

    @property
    def texts(self) -> list[list[str]]:
        """The cells as text that steers nothing."""
        return [[plain(str(cell)) for cell in row] for row in self.rows]

    @property
    def names(self) -> list[str]:
        """The names of the columns, likewise."""
        return [plain(column) for column in self.columns]


class Form(Protocol):
    """A way to write a table as text."""

    def __call__(self, table: Table, /) -> str:
        """The text, without an end of line."""


def drawn(table: Table, width: int) -> Group:
    """For a terminal of so many columns: folded to its width, numbers only where they would take most of it."""
    made = Drawn(box=None, pad_edge=False, show_header=table.headed)
    cells = zip(*[table.names, *table.texts], strict=True)
    numbers = [max(map(len, column)) for name, column in zip(table.columns, cells, strict=True) if name in table.right]
    whole = sum(numbers) <= width * NUMBERS
    for column, name in zip(table.columns, table.names, strict=True):
        right = column in table.right
        made.add_column(Text(name), justify="right" if right else "left", overflow="fold", no_wrap=right and whole)
    for row in table.texts:
        made.add_row(*map(Text, row))
    # Not the table's own title, which would be folded to the width of its columns.
    return Group(Text(plain(table.title), style="bold"), made)


def piped(table: Table) -> str:
    """For a pipe: a line a row, whatever its length, columns below one another.

    >>> print(piped(Table("t", ("set", "n"), [("dm", 5), ("random", 10)], right=("n",))))
    t
    set      n
    dm       5
    random  10
    """
    lines = [*([table.names] if table.headed else []), *table.texts]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    flush = [column in table.right for column in table.columns]
    set_so = [
        GAP.join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, flush, strict=True)
        )
        for line in lines
    ]
    return "\n".join([plain(table.title), *(line.rstrip() for line in set_so)])


def as_csv(table: Table) -> str:
    """Comma-separated values under the title as a comment, numbers where there are some.

    >>> print(as_csv(Table("t", ("a", "b"), [("x,y", 0.5)])))
    # t
    a,b
    "x,y",0.5
    """
    table, written = table.numbers or table, io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerows([*([table.names] if table.headed else []), *table.texts])
    return f"# {plain(table.title)}\n{written.getvalue()}".rstrip("\n")


def as_markdown(table: Table) -> str:
    r"""A table of GitHub's Markdown.

    >>> print(as_markdown(Table("t", ("a", "n"), [("x|y", 1)], right=("n",))))
    **t**
    <BLANKLINE>
    | a | n |
    | --- | ---: |
    | x\|y | 1 |
    """
    marks = ["---:" if column in table.right else "---" for column in table.columns]
    lines = [[_in_markdown(cell) for cell in line] for line in (table.names, *table.texts)]
    rows = [f"| {' | '.join(line)} |" for line in (lines[0], marks, *lines[1:])]
    return "\n".join([f"**{_in_markdown(plain(table.title))}**", "", *rows])


def as_latex(table: Table) -> str:
    r"""A table of LaTeX, for which the preamble says \usepackage{booktabs}.

    >>> print(as_latex(Table("t", ("a", "n"), [("x_y", "5 %")], right=("n",))))
    % t
    \begin{tabular}{lr}
    \toprule
    a & n \\
    \midrule
    x\_y & 5 \% \\
    \bottomrule
    \end{tabular}
    """
    kinds = _kinds(table)
    lines = [rf"{' & '.join(map(_in_latex, line))} \\" for line in (table.names, *table.texts)]
    head = [lines[0], r"\midrule"] if table.headed else []
    body = [r"\toprule", *head, *lines[1:], r"\bottomrule"]
    return "\n".join([f"% {plain(table.title)}", rf"\begin{{tabular}}{{{kinds}}}", *body, r"\end{tabular}"])


def _kinds(table: Table) -> str:
    """How the columns of a table of LaTeX are set: flush, or, where a text is long, as paragraphs that fit the page."""
    columns = list(zip(table.names, *table.texts, strict=True))
    right = [column in table.right for column in table.columns]
    long = [max(map(len, cells)) > LONG and not flush for cells, flush in zip(columns, right, strict=True)]
    taken = sum(max(map(len, cells)) + 2 for cells, wide in zip(columns, long, strict=True) if not wide)
    width = max(1 - taken / LINE, LEAST) / max(sum(long), 1)
    paragraph = rf"p{{{width:.2f}\linewidth}}"
    return "".join(paragraph if wide else "r" if flush else "l" for wide, flush in zip(long, right, strict=True))


FORMS: dict[str, Form] = {"csv": as_csv, "markdown": as_markdown, "latex": as_latex}
"""How tables are written where one asks for it, by the name of the option."""

LONG = 40
"""Signs of a text from which on a column of LaTeX folds it."""
LINE, LEAST = 75, 0.3
"""Signs that fit a line of a paper, and the share of it that such columns have at least."""
LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def _in_latex(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in text)


def _in_markdown(text: str) -> str:
    return re.sub(r"([\\|*_`<\[])", r"\\\1", text)
