"""Attributes from a table of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.core.errors import InputError
from limbeck.probes.attributes.contract import AbstractAttributes, Attributes, joined, of_texts

CATEGORIES = 32
"""Distinct values of a column up to which they are categories."""
EXPECTED = "expected a parquet file with a column index (rows of the evaluation split) and columns of booleans or text"


@dataclass(frozen=True)
class Tabular(AbstractAttributes):
    """Columns of a parquet file whose column `index` is the row in the evaluation split.

    A column of booleans is an attribute; one of text or whole numbers with up to 32 distinct values is an attribute for
    each of them; one of text with more is split into words and phrases. Rows that are not in the file, and empty
    cells, are unknown.
    """

    path: str = ""
    """The parquet file of them."""

    def describe(self) -> str:
        """Of the file."""
        return f"the columns of {Path(self.path).name}"

    def check(self, context: ProbeContext) -> None:
        """Raise InputError for no file, one without an index or attributes, and rows that are not there."""
        self.of(context)

    def of(self, context: ProbeContext) -> Attributes:
        """The attributes of the evaluation examples; InputError as in `check`."""
        columns = _read(Path(self.path))
        rows = self._rows(context, columns.pop("index"))
        place = {row: index for index, row in enumerate(rows)}
        order = [place.get(row) for row in context.rows.tolist()]
        found = joined(
            [
                _column(self.path, name, [None if at is None else values[at] for at in order], context.examples.classes)
                for name, values in columns.items()
            ],
            len(order),
        )
        if not bool(found.known.any()):
            raise InputError(f"{self.path}: none of the {len(order)} evaluation examples is in it; {EXPECTED}")
        return found

    def _rows(self, context: ProbeContext, index: list[Any]) -> list[int]:
        count = sum(len(rows) for rows in context.problem.task.groups(context.split))
        for row in index:
            if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < count:
                raise InputError(
                    f"{self.path}: index {row!r}; expected rows of the {context.split} split, 0 to {count - 1}"
                )
        if len(set(index)) < len(index):
            twice = next(row for place, row in enumerate(index) if row in index[:place])
            raise InputError(f"{self.path}: index {twice} comes twice; expected each row once")
        return index


def _read(path: Path) -> dict[str, list[Any]]:
    """The columns of the file by name; InputError for what is no such table."""
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise InputError(f"{path}: found {'a folder' if path.is_dir() else 'nothing'}; {EXPECTED}")
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}; {EXPECTED}") from error
    names = table.column_names
    if "index" not in names or len(names) < 2:
        raise InputError(f"{path}: columns {', '.join(names) or 'none'}; {EXPECTED}")
    return {name: table.column(name).to_pylist() for name in names}


def _column(path: str, name: str, values: list[Any], classes: Tensor) -> tuple[list[str], Tensor, Tensor]:
    """Names, carried and known of what one column says of the evaluation examples, empty where it does not."""
    stated = [value for value in values if value is not None]
    known = torch.tensor([value is not None for value in values])[:, None]
    if all(isinstance(value, bool) for value in stated):
        return [name], torch.tensor([value is True for value in values])[:, None], known
    if not (all(isinstance(value, str) for value in stated) or all(type(value) is int for value in stated)):
        found = ", ".join(sorted({type(value).__name__ for value in stated}))
        raise InputError(
            f"{path}: column {name} holds {found}; expected booleans, text or whole numbers for categories"
        )
    kinds = sorted(set(stated))
    if len(kinds) <= CATEGORIES:
        carried = torch.tensor([[value == kind for kind in kinds] for value in values], dtype=torch.bool)
        return [f"{name}: {kind}" for kind in kinds], carried, known.expand(len(values), len(kinds))
    if not isinstance(stated[0], str):
        raise InputError(
            f"{path}: column {name} holds {len(kinds)} different numbers; expected at most {CATEGORIES} "
            "categories; make booleans of it"
        )
    return of_texts(values, classes, name)
