"""What a page shows, before it is put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from limbeck.core.findings import Finding
from limbeck.distilled_set import DistilledSet
from limbeck.probes.tables.influence import HARMED, HELPED, ExampleRow
from limbeck.probes.tables.mimicry import INPUTS, NearestRow

RANKS = 5
"""How many test examples are shown that an image helps most, and how many that it harms most."""
SIDES = (HELPED, HARMED)
"""Why those are listed."""


@dataclass(frozen=True)
class ReportData:
    """What a page shows."""

    title: str
    """The name of the data, say."""
    distilled_sets: tuple[tuple[str, DistilledSet], ...]
    """Each set with its name as it stands in findings and rows, in order."""
    findings: tuple[Finding, ...]
    """Of any probes and sets, and those across sets."""
    rows: tuple[dict[str, Any], ...]
    """Scores: {set, network, split, metric, unit, higher_is_better, mean, low, high, n, protocol, bytes,
    per_class, matched, beside}."""
    examples: Mapping[int, Tensor]
    """Pictures (height, width, 3) of test examples by row, of those that findings name and that have one."""
    facts: Mapping[str, str]
    """For the foot of the page: versions, hardware, command, data and fingerprint, effort, network."""
    training: Mapping[int, Tensor] = field(default_factory=dict)
    """Pictures of training examples by row, of those that findings name as nearest to items."""


def rows_needed(findings: Sequence[Finding]) -> tuple[int, ...]:
    """The rows of the test split that a page shows: of each image, those that it helps and harms most."""
    needed = {row.row for finding in findings for row in shown_examples(finding)}
    return tuple(sorted(needed))


def shown_examples(finding: Finding) -> list[ExampleRow]:
    """The test examples that a page shows beside images, where the finding is of influence."""
    rows = (ExampleRow.of(finding) or []) if finding.probe == "influence" else []
    return [row for row in rows if row.side in SIDES and row.rank <= RANKS]


def training_rows_needed(findings: Sequence[Finding]) -> tuple[int, ...]:
    """The rows of the train split that a page shows: of each image, those nearest to it."""
    return tuple(sorted({row.row for finding in findings for row in shown_training(finding)}))


def shown_training(finding: Finding) -> list[NearestRow]:
    """The training examples that a page shows beside images, where the finding is of what these look like."""
    rows = (NearestRow.of(finding) or []) if finding.probe == "mimicry" else []
    return [row for row in rows if row.space == INPUTS and row.rank <= RANKS]
