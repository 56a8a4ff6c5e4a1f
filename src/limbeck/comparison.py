"""What is found beside one another: sets and baselines, set and set, and how many items a class has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.core.contracts import AbstractProtocol
from limbeck.core.family import to_spec
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.score import by_teacher, items_of
from limbeck.probes.verdicts.scores import Beside, Gain, Scored, verdict_on
from limbeck.statistics.decisions import LEAST, corrected
from limbeck.statistics.estimates import difference

EVALUATION = "evaluation"
"""What findings about scores are called in the place of a probe."""
ACROSS = "budget"
"""And those across sets of several sizes."""
UNSTORED = (
    "labels come from a teacher that sees each view and that no bytes count: of sets under labels of their own, bytes "
    "are all there is"
)
ONE_SET = "another distillation by the same recipe may score otherwise: --seeds 3 or more tells how much"


FACTS = ("fact", "value", "low", "high", "n", "control", "control low", "control high", "held against", "lies")
"""The columns of the facts of a finding, beside its control."""


class Held(NamedTuple):
    """The rows that the row of a set is held against, and the level of the interval of each difference."""

    items: list[Mapping[str, Any]]
    bytes: list[Mapping[str, Any]]
    whole: list[Mapping[str, Any]]
    """All real data, where training on them had levelled off."""
    level: float


def held_against(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> Held:
    """What the row of a set is held against among rows of baselines: intervals hold over all of it, and all looks."""
    items, in_bytes, full = (matching(row, others, how) for how in ("items", "bytes", ""))
    whole = [each for each in full[:1] if each["whole"]]
    found = [*items, *in_bytes, *whole]
    return Held(items, in_bytes, whole, corrected(len(found) * looks_of([row, *found])))


def looks_of(rows: Sequence[Mapping[str, Any]]) -> int:
    """At how many numbers of learners scores might have ended that are compared."""
    return max((row.get("looks", 1) for row in rows), default=1)


def drawn_alike(row: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Sequence[float], Sequence[float]]:
    """The draws by which two rows are compared: all, or, of learners that were added by looks, as many of each.

    So what was decided at a look stays as it was decided, whoever was given more learners after it. A row whose
    learners are all one has no more.

    >>> drawn_alike({"values": [1, 2, 3], "looks": 2}, {"values": [4, 5], "looks": 2})
    ([1, 2], [4, 5])
    >>> drawn_alike({"values": [1, 2, 3]}, {"values": [4, 5]})
    ([1, 2, 3], [4, 5])
    """
    ours, theirs = row["values"], other["values"]
    least = min(len(ours), len(theirs))
    return (ours, theirs) if looks_of([row, other]) == 1 or least == 1 else (ours[:least], theirs[:least])


def against_baselines(rows: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> list[Finding]:
    """What the scores of each of `sets` come to beside as many real examples and beside equal bytes, by network.

    `rows` are those of `limbeck.evaluation.Score`, of sets and baselines. A set is better or worse than a baseline
    where the interval of the difference of their means (Welch) does not hold zero; the intervals of all baselines that
    a set is held against are simultaneous (Bonferroni), and with fewer than three draws of either nothing is decided.
    Baselines that are the same examples are one. A set without a baseline that matches it has no finding.
    """
    rows, findings = merged(rows), []
    several = [name for name in ("network", "protocol") if len({each[name] for each in rows}) > 1]
    others = [each for each in rows if each["set"] not in sets]
    for row in (each for each in rows if each["set"] in sets):
        items, in_bytes, whole, level = held_against(row, others)
        if not (items or in_bytes):
            continue
        gains = [[gain_over(row, each, level) for each in some] for some in (items, in_bytes, whole)]
        found = verdict_on(
            Scored(row["about"], row["unit"], row["seeds"], row["whole"], _alone(row, items)),
            Beside(gains[0], _as_large(row, items)),
            Beside(gains[1], _size(row, in_bytes)),
            gains[2][0] if whole else None,
            "".join(each["about"] for each in matching(row, others, "")[:1]),
        )
        facts = [each.fact for some in gains for each in some]
        findings.append(
            Finding(
                probe=EVALUATION,
                set=row["set"],
                question="Is it better to train on than as many real examples, and than as many bytes of them?",
                verdict="".join(f"{row[name]}: " for name in several) + found.text,
                tone=found.tone,
                facts=tuple(facts),
                method=_method(row, [*items, *in_bytes, *whole]),
                caveats=((ONE_SET,) if row["seeds"] == 1 else ())
                + ((UNSTORED,) if by_teacher(row.get("labels", "")) else ()),
                claims=found.claims,
                deciding=found.deciding,
            )
        )
    return findings


def _alone(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all learners of a set are one, since nothing is drawn, though of baselines there are several."""
    return row["n"] == 1 and any(each["n"] >= LEAST for each in others)


def gain_over(row: Mapping[str, Any], other: Mapping[str, Any], level: float) -> Gain:
    """How much better a set is to train on than a baseline; that of an error, how much smaller it is."""
    ours, theirs = drawn_alike(row, other)
    better, worse = (ours, theirs) if row["higher_is_better"] else (theirs, ours)
    return Gain(other["set"].partition(":")[0], difference(f"gain over {other['set']}", better, worse, level))


def _size(row: Mapping[str, Any], by_bytes: Sequence[Mapping[str, Any]]) -> str:
    """How many real examples fit in the bytes of a set."""
    if not by_bytes:
        return ""
    found = items_of(by_bytes[0], "real example")
    # Where one more of each class would fit, there is none.
    return found if _filled(row, by_bytes[0]) else f"{found}, all there are"


def _as_large(row: Mapping[str, Any], by_items: Sequence[Mapping[str, Any]]) -> str:
    """That as many real examples are as many bytes, where they are."""
    return "also as many bytes" if by_items and _filled(row, by_items[0]) else ""


def _filled(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether real examples fill the bytes of a set: not one more of each class would fit."""
    return 0 <= row["bytes"] - other["bytes"] < other["bytes"] / other["per_class"]


def _method(row: Mapping[str, Any], held: Sequence[Mapping[str, Any]]) -> str:
    """How a score and what it is held against were measured."""
    if row["seeds"] > 1:
        each = row["n"] // row["seeds"]
        rests_on = f"{row['seeds']} distillations of {each} fresh learners each, of which the mean is one draw"
    else:
        rests_on = f"{row['n']} fresh learners of this one set"
    taught = (
        f", and of all rows besides {row['labels']}, which labels each view"
        if by_teacher(row.get("labels", ""))
        else ""
    )
    looks = looks_of([row, *held])
    ended = f" and {looks} looks, by as many learners of each" if looks > 1 else ""
    return (
        f"{rests_on}; learners of random real examples have some of their own each; protocol {row['protocol']}; "
        f"differences of means with 95 % intervals (Welch), simultaneous over {len(held)} baselines{ended}; "
        f"bytes as they lie on disk{taught}"
    )


def draws(row: Mapping[str, Any]) -> str:
    """How many learners a row of scores is of, of each distillation where there are several.

    >>> draws({"seeds": 1, "n": 5}), draws({"seeds": 3, "n": 15})
    ('n 5', 'n 3 x 5')
    """
    return f"n {row['seeds']} x {row['n'] // row['seeds']}" if row["seeds"] > 1 else f"n {row['n']}"


def basis(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the intervals of rows of scores are over, in words."""
    most = max((row["seeds"] for row in rows), default=0)
    if most > 1:
        return "95 % interval over distillations, of real examples over learners"
    looks = looks_of(rows)
    added = f", who were added while something was open: it holds at each of {looks} looks" if looks > 1 else ""
    return "95 % interval over learners" + (" of this one set" if most else "") + added


def document_of(rows: Sequence[Mapping[str, Any]], sets: Sequence[str], protocol: AbstractProtocol) -> dict[str, Any]:
    """Scores as JSON: the rows, the protocol that they name spelled out, and what they come to."""
    findings = against_baselines(rows, sets)
    return {
        "rows": list(rows),
        "protocols": {protocol.name: {"text": str(protocol), **to_spec(protocol)}},
        "verdicts": [
            {
                "set": each.set,
                "tone": each.tone,
                "verdict": each.verdict,
                "deciding": each.deciding,
                **{name: [one._asdict() for one in getattr(each, name)] for name in ("facts", "claims")},
            }
            for each in findings
        ],
    }


def matching(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]], how: str) -> list[Mapping[str, Any]]:
    """The rows among `others` of baselines that were matched with a set's row by "items", by "bytes" or not at all.

    They are of the same network, split, metric and protocol, and of no other set alone. By bytes they are the largest
    that fit in the bytes of the set: none of fewer images than are known to fit.
    """
    alike = [each for each in others if each["beside"] in ("", row["set"]) and _comparable(each, row)]
    found = [each for each in alike if each["matched"] == how]
    if how == "items":
        return [each for each in found if each["per_class"] == row["per_class"]]
    if how == "bytes":
        fit = [each for each in alike if each["matched"] and each["bytes"] <= row["bytes"]]
        return [each for each in found if each in fit and each["bytes"] == max(other["bytes"] for other in fit)]
    return found


def _comparable(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("network", "split", "metric", "protocol"))


def merged(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of scores, of baselines that are the same examples one, with all their names.

    With one item a class herding and k-means pick the same: that nearest to the mean of the class.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        rest = {name: value for name, value in row.items() if name != "set"}
        # Of a set, and of what is drawn, equal numbers would be chance.
        key = repr(rest if row["matched"] and len(row["values"]) > 1 else row)
        if key in found:
            found[key]["set"] = f"{found[key]['set']}, {row['set']}"
        else:
            found[key] = dict(row)
    return list(found.values())


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
    """What a row of scores is called among `rows`, by the short names of sets: whose it is, where several have it.

    All real data that were trained on for too short are called so.
    """
    name = names.get(row["set"], row["set"])
    if not (row["seeds"] or row["whole"]):
        name = f"{name}, {row['about']}"
    several = len({each["beside"] for each in rows if each["set"] == row["set"]}) > 1
    return f"{name} beside {names.get(row['beside'], row['beside'])}" if several else name


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
    caption = "intervals of 95 %, of all that a verdict tries at once; control: as many random real examples"
    return Table(
        "facts",
        tuple(FACTS[place] for place in used),
        tuple(tuple(row[place] for place in used) for row in rows),
        caption,
    )
