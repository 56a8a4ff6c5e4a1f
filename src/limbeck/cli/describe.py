"""`limbeck describe`: what a data set holds, and what is wrong with it; or what a distilled set stores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limbeck.cli.console import answer, parser
from limbeck.cli.options import add_data, task_of
from limbeck.cli.table import Table
from limbeck.core.files import verify_tensors
from limbeck.core.units import size
from limbeck.distilled_set import DistilledSet
from limbeck.header import DESCRIBED, check_header
from limbeck.inside import FLOAT32, STORED, Account

SET = ".safetensors"


def run(words: list[str]) -> None:
    """Describe one data set, or one distilled set."""
    made = parser(
        "describe",
        "Tell what a data set holds and warn of what is wrong with it; of a file of a distilled set (.safetensors), "
        "what it stores.",
    )
    add_data(made)
    given = made.parse_args(words)
    if given.data.endswith(SET):
        document, tables = _of_set(given.data)
        answer(document, given, *tables)
        return
    described = task_of(given).describe()
    answer(described, given, *_tables(described))


def _of_set(name: str) -> tuple[dict[str, Any], list[Table | str]]:
    """What the set in a file is and stores, as JSON and as tables; told by its header, where that says it."""
    header = verify_tensors(Path(name))
    check_header(name, header)
    if {*DESCRIBED, "label_kind"} - header.keys():
        header = DistilledSet.load(name).header()
    stored = Account.of(header["stored"])
    of, part = header["data"]["name"], header["parameterization"]["part"].rpartition("/")[2]
    facts = [
        ("items", f"{stored.items:,}, {header['per_class']} of a class"),
        ("labels", header["label_kind"]),
        ("stored by", part),
        ("an item", f"{size(stored.plain)} plainly, each number in 32 bits, label aside"),
    ]
    rows = [(each.what, f"{each.numbers:,}", f"{each.bytes:,} B", f"{each.floats:,} B") for each in stored.parts]
    total = ("all", f"{sum(each.numbers for each in stored.parts):,}", f"{stored.bytes:,} B", f"{stored.floats:,} B")
    columns = ("what", "numbers", "as stored", "as float32")
    document = {
        "set": name,
        "data": of,
        "labels": header["label_kind"],
        "parameterization": part,
        "stored": stored.document(),
    }
    told = f"distilled from {of}", ("", ""), facts
    counted = f"Stored: {STORED}; as float32: {FLOAT32}"
    return document, [Table(*told), Table(counted, columns, [*rows, total], right=columns[1:])]


def _tables(described: dict[str, Any]) -> list[Table | str]:
    """A table of facts, one of pixels where the task has some, and one of its groups."""
    splits = list(described["counts"])
    facts = [
        *_inputs(described),
        ("scored by", ", ".join(_metric(each) for each in described["metrics"])),
        *(("note", note) for note in described["notes"]),
        *(("WARNING", warning) for warning in described["warnings"]),
    ]
    counts = [(label, *(described["counts"][name][label] for name in splits)) for label in described["counts"]["train"]]
    totals = ("all", *(sum(described["counts"][name].values()) for name in splits))
    tables: list[Table | str] = [Table(described["name"], ("", ""), facts)]
    if "pixels" in described:
        pixels = [
            (name, *(_list(described["pixels"][name][key]) for key in ("minimum", "maximum", "mean", "std")))
            for name in splits
        ]
        tables.append(Table("Pixels in [0, 1] by channel", ("split", "minimum", "maximum", "mean", "std"), pixels))
    if columns := described["codec"].get("columns"):
        rows = [(each["name"], each["kind"], each["values"]) for each in columns]
        tables.append(Table("Columns", ("column", "kind", "values"), rows))
    return [*tables, Table("Examples", ("class", *splits), [*counts, totals], right=splits)]


def _inputs(described: dict[str, Any]) -> list[tuple[str, str]]:
    """What is said of the inputs: in full of images, of others their shape."""
    if "pixels" not in described:
        return [("inputs", str(described["shape"]))]
    channel, height, width = described["shape"]
    codec = described["codec"]
    return [
        ("images", f"{channel} x {height} x {width} (channel, height, width)"),
        ("normalised by", f"mean {_list(codec['mean'])}, std {_list(codec['std'])}{', ZCA' * codec['zca']}"),
        ("mirrored images", _mirrored(described)),
        ("duplicates", _duplicates(described["duplicates"])),
    ]


def _duplicates(counts: Mapping[str, int]) -> str:
    found = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return found or "none, within a split or between two"


def _mirrored(described: dict[str, Any]) -> str:
    assumed = " (assumed)" if any(note.startswith("assumed: mirrored") for note in described["notes"]) else ""
    return ("keep their class" if described["mirror"] else "may be of another class") + assumed


def _metric(metric: dict[str, Any]) -> str:
    unit = f" ({metric['unit']})" if metric["unit"] else ""
    return f"{metric['name']}{unit}, {'higher' if metric['higher_is_better'] else 'lower'} is better"


def _list(values: list[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)
