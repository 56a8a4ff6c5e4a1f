"""What a page shows, before it is put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.core.findings import Finding
from limbeck.distilled_set import DistilledSet

RANKS = 5
"""How many test examples are shown that an image helps most, and how many that it harms most."""
SIDES = ("helped", "harmed")
"""What the table of examples calls them."""


@dataclass(frozen=True)
class Material:
    """What a page shows."""

    title: str
    """The name of the data, say."""
    distilled_sets: tuple[tuple[str, DistilledSet], ...]
    """Each set with its name as it stands in findings and rows, in order."""
    findings: tuple[Finding, ...]
    """Of any probes and sets, and those across sets."""
    rows: tuple[dict[str, Any], ...]
    """Scores: {set, network, split, metric, mean, low, high, n, protocol, bytes}."""
    examples: Mapping[int, Tensor]
    """Pictures (height, width, 3) of test examples by row, of those that findings name and that have one."""
    facts: Mapping[str, str]
    """For the foot of the page: versions, hardware, command, data and fingerprint, budget, network."""


def rows_needed(findings: Sequence[Finding]) -> tuple[int, ...]:
    """The rows of the test split that a page shows: of each image, those that it helps and harms most."""
    found: set[int] = set()
    for finding in findings:
        for table in finding.tables:
            if table.name == "examples" and {"item", "side", "rank", "row"} <= set(table.columns):
                listed = zip(table.column("side"), table.column("rank"), table.column("row"), strict=True)
                found |= {
                    int(row)
                    for side, rank, row in listed
                    if row is not None and side in SIDES and int(rank or 0) <= RANKS
                }
    return tuple(sorted(found))


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Files by their names alone where those tell them apart, without the ending of sets.

    >>> short_names(["runs/mtt.safetensors", "dm.safetensors"])
    {'runs/mtt.safetensors': 'mtt', 'dm.safetensors': 'dm'}
    >>> short_names(["a/dm.safetensors", "b/dm.safetensors"])
    {'a/dm.safetensors': 'a/dm', 'b/dm.safetensors': 'b/dm'}
    """
    whole = {name: name.removesuffix(".safetensors") or name for name in names}
    last = {name: Path(text).name or text for name, text in whole.items()}
    return last if len(set(last.values())) == len(last) else whole
