"""What sets come to, said before anything else: which to use, for what, and how sure that is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from limbeck.advice import CLAIMS, INTERVALS, NUMBERS, advice, by, differ, either, least, many_sets, of_size
from limbeck.comparison import EVALUATION, draws, merged, short_names
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.text import per_class
from limbeck.core.units import apart, bare, size
from limbeck.leading import Gain, Lead, leads, sides
from limbeck.statistics.decisions import ABOVE, BELOW, OPEN, corrected, side
from limbeck.statistics.estimates import LEVEL, t_quantile

COLUMNS = ("for", "use", "how sure")
SURE = "sure at 95 % over all that is compared at once, so intervals are wider than those of one verdict"
UNDECIDED = "not decided"
PURPOSES = {
    "substitution": "in place of as many random real examples",
    "mixing": "together with real examples",
    "cross-architecture": "to train other networks",
    "continuation": "to train a finished learner further",
    "reliance": "by its items alone, labels and augmentation aside",
    "episodes": "to train a policy",
}
"""What a set is used for where the verdict of a probe says that it may be; other probes tell no use."""
GROUPS = {"use": "use", "avoid": "do not", "unknown": "open", "note": "to know"}
"""The headings of verdicts, by their tones, in order."""


class Use(NamedTuple):
    """One row: what for, what to use, and how sure that is."""

    purpose: str
    use: str
    sure: str


@dataclass(frozen=True)
class Opening:
    """One sentence, and a row for each use that was measured."""

    sentence: str
    uses: tuple[Use, ...]
    shorter: tuple[str, ...] = ()
    """Of scores: the same with fewer numbers, ever shorter; a table beside has them all."""

    def within(self, lines: int, width: int = 80) -> str:
        """The longest wording that fits so many lines, else the shortest; "" where nothing was said of scores."""
        if not self.shorter:
            return ""
        told = (self.sentence, *self.shorter)
        return next((each for each in told if len(textwrap.wrap(each, width)) <= lines), told[-1])

    @property
    def table(self) -> Table:
        """The rows under their columns."""
        return Table("which set to use", COLUMNS, tuple(map(tuple, self.uses)), SURE)


def opening(rows: Sequence[Mapping[str, Any]], findings: Sequence[Finding], sets: Sequence[str]) -> Opening:
    """Which of `sets` to use, for what, and how sure that is, by rows of scores and by findings.

    Of sets of one size under one network and protocol that with the best mean leads. It is to be used where it is
    better than everything that it is held against, by intervals of differences (Welch) that are simultaneous over all
    sets that might have led (Bonferroni). A verdict of a probe tells a use where its claims hold with intervals that
    are simultaneous over sets, too.
    """
    names = short_names(sets, ".safetensors")
    led = leads(merged(rows), names)
    told = [use for lead in led for use in _uses(lead, led)]
    scored = any(lead.by_items for lead in led)
    found = [
        use for probe in PURPOSES if not (scored and probe == "substitution") for use in _found(probe, findings, names)
    ]
    first = next((lead for lead in led if lead.by_items or lead.by_bytes), None)
    if first is None:
        return Opening(_from_findings(found, findings), (*told, *found))
    whole, *shorter = (advice(first, led, detail) for detail in (INTERVALS, NUMBERS, CLAIMS))
    return Opening(whole, (*told, *found), tuple(shorter))


def grouped(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by the heading that their verdicts stand under, in the order of `GROUPS`; no heading without one."""
    listed = list(findings)
    found = {heading: [each for each in listed if each.tone == tone] for tone, heading in GROUPS.items()}
    return {heading: some for heading, some in found.items() if some}


def _uses(lead: Lead, led: Sequence[Lead]) -> list[Use]:
    """The rows of a leading set; where there are several, they say what is another of others."""
    told = [str(lead.row[name]) for name in ("network", "protocol", "split", "metric") if differ(led, name)]
    under = f" ({', '.join(told)})" if told else ""
    many, classes = lead.row["per_class"], lead.row.get("classes", 0)
    rows = []
    if lead.by_items:
        rows.append(_beside(lead, f"training, {per_class(many, classes)}{under}", lead.by_items, many))
    if lead.by_bytes:
        purpose = f"training, {size(lead.row['bytes'])} ({per_class(lead.kept, classes, 'real example')}){under}"
        rows.append(_beside(lead, purpose, lead.by_bytes, lead.kept))
    if lead.rivals:
        _, _, alike = sides(lead.rivals)
        closest = min(lead.rivals, key=lambda each: (side(each.fact) != OPEN, each.fact.value))
        use = either([lead.name, *(each.name for each in alike)])
        rows.append(Use(f"the best of {many_sets(lead, led)}{under}", use, _how_sure(closest, lead)))
    if lead.whole is not None:
        where = side(lead.whole.fact)
        use = {ABOVE: lead.name, BELOW: "all real data", OPEN: UNDECIDED}[where]
        rows.append(Use(f"in place of all real data{of_size(lead, led)}{under}", use, _how_sure(lead.whole, lead)))
    return rows


def _beside(lead: Lead, purpose: str, gains: Sequence[Gain], many: int) -> Use:
    """What to use of a set and real examples that match it in one way; how sure by what comes nearest."""
    better, worse, alike = sides(gains)
    if worse:
        most = least(worse)
        real = per_class(many, lead.row.get("classes", 0), "real example")
        return Use(purpose, f"{real} ({most.name})", _how_sure(most, lead))
    nearest = least(alike or better)
    return Use(purpose, UNDECIDED if alike else lead.name, _how_sure(nearest, lead))


def _how_sure(gain: Gain, lead: Lead) -> str:
    """How far a set lies from what it is held against, and what would decide it where that is open."""
    where = side(gain.fact)
    if where != OPEN:
        found = f"{lead.name} {by(gain, lead.unit)} {'above' if where == ABOVE else 'below'} {gain.name}"
        return f"{found}, {draws(lead.row)}"
    low, high = (bare(each, lead.unit, 3) for each in (gain.fact.low, gain.fact.high))
    spread = f" ({low} to {high})" if gain.fact.n > 1 else ""
    what = "distillation" if lead.row["seeds"] > 1 else "learner"
    more = f"about {gain.missing} more {what}{'s' * (gain.missing != 1)} decide" if gain.missing else "too near to call"
    one_more = "one more draw of " if gain.lasting else ""
    sign = "+" if gain.fact.value > 0 else ""
    lies = f"{sign}{apart(gain.fact.value, lead.unit)}{spread} from {one_more}{gain.name}"
    alone = f"; {gain.by_itself}" if gain.by_itself else ""
    return f"open: {lead.name} {lies}, {draws(lead.row)}; {more}{alone}"


def _found(probe: str, findings: Sequence[Finding], names: Mapping[str, str]) -> list[Use]:
    """What the verdicts of a probe tell of a use; nothing where it was not asked."""
    mine = [each for each in findings if each.probe == probe and each.set in names]
    if not mine:
        return []
    sure = [each for each in mine if each.tone == "use" and holds(each, len(mine))]
    if sure:
        least = min((fact.n for each in sure for fact in each.facts if _claimed(each, fact)), default=0)
        return [Use(PURPOSES[probe], either(names[each.set] for each in sure), f"sure, n {least}" if least else "sure")]
    still = next((each.deciding for each in mine if each.deciding), "")
    alone = [names[each.set] for each in mine if each.tone == "use"]
    if alone:
        still = f"{either(alone)} by its own verdict, not sure over {len(mine)} sets at once"
    against = [names[each.set] for each in mine if each.tone == "avoid"]
    if len(against) == len(mine):
        return [Use(PURPOSES[probe], "none", f"do not: {', '.join(against)}")]
    still = still.replace("all that is open", "all of it").replace("what is open", "it")
    return [Use(PURPOSES[probe], UNDECIDED, f"open: {still}" if still else "open")]


def _claimed(finding: Finding, fact: Fact) -> bool:
    return any(each.fact == fact.name and each.side != OPEN for each in finding.claims)


def holds(finding: Finding, sets: int) -> bool:
    """Whether the claims of a verdict hold for as many sets at once.

    An interval by Student's t over n draws, at any level, is wider for k sets by less than t(n - 1, 0.05 / k) over
    t(n - 1, 0.05); Welch's has as many degrees of freedom or more. One draw, of what is exact, stays as it is.
    """
    for each in finding.claims:
        facts = [fact for fact in finding.facts if fact.name == each.fact]
        if each.side == OPEN or not facts or facts[0].n < 2:
            continue
        fact, freedom = facts[0], facts[0].n - 1
        wider = t_quantile(freedom, corrected(sets)) / t_quantile(freedom, LEVEL)
        low, high = (fact.value + wider * (end - fact.value) for end in (fact.low, fact.high))
        if not (low > each.cut if each.side == ABOVE else high < each.cut):
            return False
    return True


def _from_findings(uses: Sequence[Use], findings: Sequence[Finding]) -> str:
    """The sentence where nothing was scored: by the first use that verdicts tell of."""
    sure = [each for each in uses if each.sure.startswith("sure")]
    if sure:
        also = f", and {sure[1].use} {sure[1].purpose}" if len(sure) > 1 else ""
        return f"Use {sure[0].use} {sure[0].purpose}{also}."
    asked = [each for each in findings if each.probe != EVALUATION]
    counts = [f"{len(some)} {heading}" for heading, some in grouped(asked).items()]
    if not counts:
        return "Nothing was scored or asked."
    many = "1 verdict" if len(asked) == 1 else f"{len(asked)} verdicts"
    which = "this set" if len({each.set for each in asked}) == 1 else "these sets"
    return f"No use of {which} is shown by {many}: {', '.join(counts)}."
