"""What is found beside one another: sets and baselines, set and set, and how many items a class has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.core.contracts import AbstractProtocol
from limbeck.core.family import to_spec
from limbeck.core.findings import Fact, Finding, Row, Table
from limbeck.core.units import apart


@dataclass(frozen=True)
class SizeRow(Row, table="facts", caption="95 % intervals over n measurements"):
    """A fact of a set, and how many items a class of that has."""

    probe: str
    fact: str
    set: str
    per_class: int
    value: float
    low: float
    high: float
    n: int


FACTS = ("fact", "value", "low", "high", "n", "control", "control low", "control high", "held against", "lies")
"""The columns of the facts of a finding, beside its control."""


def against_baselines(rows: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> list[Finding]:
    """What the scores of each of `sets` come to beside as many real images and beside equal bytes, by network.

    `rows` are of sets and baselines: {set, network, split, metric, unit, higher_is_better, mean, low, high, n,
    protocol, bytes, per_class, matched, beside}. Two are significantly different where their 95 % intervals do not
    touch: a stricter rule than a test of the difference. A set without a baseline that matches it has no finding.
    """
    findings = []
    several = [name for name in ("network", "protocol") if len({each[name] for each in rows}) > 1]
    for row in rows:
        where = "".join(f"{row[name]}: " for name in several)
        others = [each for each in rows if each["set"] not in sets]
        matched = {how: matching(row, others, how) for how in ("items", "bytes", "")}
        if row["set"] in sets and (matched["items"] or matched["bytes"]):
            tone, verdict = _standings(row, matched["items"], matched["bytes"])
            for whole in matched[""][:1]:
                away = whole["mean"] - row["mean"]
                position = "below" if away >= 0 else "above"
                verdict += f" {apart(abs(away), row['unit'])} {position} all real data."
            findings.append(
                Finding(
                    probe="evaluation",
                    set=row["set"],
                    question="Is it better to train on than as many real images?",
                    verdict=where + verdict,
                    tone=tone,
                    method=f"{row['n']} fresh learners each, protocol {row['protocol']}; significantly different "
                    "where 95 % intervals do not touch",
                )
            )
    return findings


def document_of(rows: Sequence[Mapping[str, Any]], sets: Sequence[str], protocol: AbstractProtocol) -> dict[str, Any]:
    """Scores as JSON: the rows, the protocol that they name spelled out, and what they come to."""
    findings = against_baselines(rows, sets)
    return {
        "rows": list(rows),
        "protocols": {protocol.name: {"text": str(protocol), **to_spec(protocol)}},
        "verdicts": [{"set": each.set, "tone": each.tone, "verdict": each.verdict} for each in findings],
    }


def matching(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]], how: str) -> list[Mapping[str, Any]]:
    """The rows among `others` of baselines that were matched with a set's row by "items", by "bytes" or not at all.

    They are of the same network, split, metric and protocol, and of no other set alone. By bytes it is, of each
    baseline, the largest that fits in the bytes of the set.
    """
    alike = [each for each in others if each["beside"] in ("", row["set"]) and _comparable(each, row)]
    found = [each for each in alike if each["matched"] == how]
    if how == "items":
        return [each for each in found if each["per_class"] == row["per_class"]]
    if how == "bytes":
        fit = [each for each in found if each["bytes"] <= row["bytes"]]
        return [each for each in fit if each["bytes"] == max(other["bytes"] for other in fit)]
    return found


def _comparable(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("network", "split", "metric", "protocol"))


def short_names(names: Iterable[str], ending: str = "") -> dict[str, str]:
    """Files by their names alone where those differ, without an ending.

    >>> short_names(["runs/mtt.safetensors", "dm.safetensors"], ".safetensors")
    {'runs/mtt.safetensors': 'mtt', 'dm.safetensors': 'dm'}
    >>> short_names(["a/dm.safetensors", "b/dm.safetensors"])
    {'a/dm.safetensors': 'a/dm.safetensors', 'b/dm.safetensors': 'b/dm.safetensors'}
    """
    whole = {name: name.removesuffix(ending) or name for name in names}
    last = {name: Path(text).name or text for name, text in whole.items()}
    return last if len(set(last.values())) == len(last) else whole


def called(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """What a row of scores is called among `rows`, by the short names of sets: whose it is, where several have it."""
    name = names.get(row["set"], row["set"])
    several = len({each["beside"] for each in rows if each["set"] == row["set"]}) > 1
    return f"{name} beside {names.get(row['beside'], row['beside'])}" if several else name


def _standings(
    row: Mapping[str, Any], by_items: Sequence[Mapping[str, Any]], by_bytes: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    """The more cautious tone and the verdict of a set's score beside as many real images and beside equal bytes."""
    tones, sentences = [], []
    if by_items:
        tone, verdict = _standing(row, by_items, "as many real images")
        tones.append(tone)
        sentences.append(verdict)
    if by_bytes:
        tone, verdict = _standing(row, by_bytes, "real images")
        tones.append(tone)
        size = f"{by_bytes[0]['per_class']} real images per class"
        # Where one more of each class would fit, there is none.
        if row["bytes"] - by_bytes[0]["bytes"] >= by_bytes[0]["bytes"] / by_bytes[0]["per_class"]:
            size += ", all there are"
        verdict = verdict.removeprefix("Inconclusive: ")
        sentences.append(f"At equal bytes ({size}): {verdict[0].lower()}{verdict[1:]}")
    return next(tone for tone in ("avoid", "unknown", "note", "use") if tone in tones), " ".join(sentences)


def _standing(row: Mapping[str, Any], same: Sequence[Mapping[str, Any]], images: str) -> tuple[str, str]:
    """Tone and verdict of a set's score among those of real images."""
    if min(each["n"] for each in (row, *same)) < 2:
        return "unknown", "Inconclusive: a single learner has no interval. Evaluate with more repeats."
    higher = [each for each in same if each["low"] > row["high"]]
    lower = [each for each in same if each["high"] < row["low"]]
    below, above = (higher, lower) if row["higher_is_better"] else (lower, higher)
    between = [each for each in same if each not in above and each not in below]
    sentences = []
    if below:
        most = max(abs(each["mean"] - row["mean"]) for each in below)
        by = f"{'up to ' if len(below) > 1 else ''}{apart(most, row['unit'])}"
        sentences.append(f"Significantly worse to train on than {_chosen(images, below)}, by {by}: use those instead.")
    if above:
        least = min(abs(row["mean"] - each["mean"]) for each in above)
        by = f"{apart(least, row['unit'])}{' or more' if len(above) > 1 else ''}"
        sentences.append(f"Significantly better to train on than {_chosen(images, above)}, by {by}.")
    if between:
        opening = "Inconclusive: not" if not sentences else "Not"
        sentences.append(f"{opening} significantly different from {_chosen(images, between)}.")
    return "avoid" if below else "note" if between else "use", " ".join(sentences)


def _chosen(images: str, rows: Sequence[Mapping[str, Any]]) -> str:
    return f"{images} by {_listed([each['set'].partition(':')[0] for each in rows])}"


def _listed(names: Sequence[str]) -> str:
    """Names as a list in words.

    >>> _listed(["random", "herding", "kmeans"]), _listed(["random"])
    ('random, herding or kmeans', 'random')
    """
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def side_by_side(findings: Sequence[Finding], sizes: Mapping[str, int]) -> Table:
    """Every fact that more than one set has, one row a set; `sizes` is how many items a class of each set has."""
    return SizeRow.table(
        SizeRow(probe, name, set_name, sizes[set_name], fact.value, fact.low, fact.high, fact.n)
        for (probe, name), by_set in shared(findings).items()
        for set_name, fact in by_set.items()
    )


def over_sizes(findings: Sequence[Finding], sizes: Mapping[str, int]) -> Finding | None:
    """What every fact comes to as a class has more items; nothing where all sets have as many.

    Yang et al. (ICML 2024), figure 16, for the curvature; here for whatever was asked.
    """
    if len(set(sizes.values())) < 2:
        return None
    smallest, largest = (choose(sizes, key=lambda name: sizes[name]) for choose in (min, max))
    changes: list[str] = []
    for (_, name), found in shared(findings).items():
        if smallest in found and largest in found and not any(line.startswith(f"{name} ") for line in changes):
            changes.append(f"{name} {found[smallest].value:.3g} to {found[largest].value:.3g}")
    ends = f"From {sizes[smallest]} to {sizes[largest]} items per class"
    return Finding(
        probe="budget",
        set=", ".join(sizes),
        question="What do more items per class bring?",
        verdict=f"{ends}: {'; '.join(changes) or 'no number was measured for both'}.",
        tone="note",
        tables=(side_by_side(findings, sizes),),
        method="the facts of every probe asked, set by set; each probe says how they were measured",
        caveats=("sets of other sizes may differ in how long and how they were distilled, too",),
    )


def shared(findings: Sequence[Finding]) -> dict[tuple[str, str], dict[str, Fact]]:
    """{(probe, fact): {set: fact}} of the facts that more than one set has."""
    found: dict[tuple[str, str], dict[str, Fact]] = {}
    for finding in findings:
        for fact in finding.facts:
            found.setdefault((finding.probe, fact.name), {})[finding.set] = fact
    return {name: by_set for name, by_set in found.items() if len(by_set) > 1}


def of_facts(finding: Finding) -> Table:
    """The facts of a finding, each beside that of its control, and where it lies of what it is held against."""
    control = {fact.name: fact for fact in finding.control}
    claims = {each.fact: each for each in finding.claims}
    rows = []
    for fact in finding.facts:
        beside = control[fact.name][1:4] if fact.name in control else (None,) * 3
        held = claims[fact.name][1:3] if fact.name in claims else (None, None)
        rows.append((*fact, *beside, *held))
    used = [place for place, _ in enumerate(FACTS) if place < 5 or any(row[place] is not None for row in rows)]
    caption = "intervals of 95 %, of all that a verdict tries at once; control: as many random real images"
    return Table(
        "facts",
        tuple(FACTS[place] for place in used),
        tuple(tuple(row[place] for place in used) for row in rows),
        caption,
    )
