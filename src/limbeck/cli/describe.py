"""`limbeck describe`: what a data set holds, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from rich.console import Group

from limbeck.cli.console import answer, parser, table
from limbeck.cli.options import add_data
from limbeck.tasks import load
from limbeck.tasks.describe import describe


def run(words: list[str]) -> None:
    """Describe one data set."""
    made = parser("describe", "Tell what a data set holds and warn of what is wrong with it.")
    add_data(made)
    given = made.parse_args(words)
    found = describe(load(given.data, root=given.data_root, zca=given.zca, size=given.size))
    answer(found, given.json, *_tables(found))


def _tables(found: dict[str, Any]) -> list[Group | str]:
    splits = list(found["counts"])
    channel, height, width = found["shape"]
    normal = found["normalisation"]
    facts = [
        ("images", f"{channel} x {height} x {width} (channel, height, width)"),
        ("normalised by", f"mean {_list(normal['mean'])}, std {_list(normal['std'])}{', ZCA' * normal['zca']}"),
        ("mirrored images", "keep their class" if found["mirror"] else "may be of another class"),
        ("duplicates", ", ".join(f"{name} {count}" for name, count in found["duplicates"].items())),
        *(("note", note) for note in found["notes"]),
        *(("WARNING", warning) for warning in found["warnings"]),
    ]
    pixels = [
        (name, *(_list(found["pixels"][name][key]) for key in ("minimum", "maximum", "mean", "std"))) for name in splits
    ]
    counts = [(label, *(found["counts"][name][label] for name in splits)) for label in found["counts"]["train"]]
    totals = ("all", *(sum(found["counts"][name].values()) for name in splits))
    return [
        table(found["name"], ("", ""), facts),
        table("Pixels in [0, 1] by channel", ("split", "minimum", "maximum", "mean", "std"), pixels),
        table("Images", ("class", *splits), [*counts, totals], right=splits),
    ]


def _list(values: list[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)
