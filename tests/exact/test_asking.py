"""Questions that are looked at again with more draws: when that ends, at what levels, and how often it misleads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import limbeck
from limbeck.computations import AllReal, Mixture, Steps, Training
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.contracts import Problem
from limbeck.core.findings import Finding, Verdict
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.probes.contract import AbstractProbe
from limbeck.runs.asking import Question, ask, ask_until_decided, seconds_of
from limbeck.runs.pace import Pace
from limbeck.runs.session import Session
from limbeck.statistics.decisions import LEAST, claim, spent
from limbeck.statistics.estimates import estimate
from limbeck.tasks import load
from simulated import seldom

NETWORK = "mlp"


@dataclass(frozen=True)
class Drawn(AbstractProbe):
    """A probe of normal numbers: each draw is `effect` and noise of deviation 1; a draw costs `steps` of training."""

    repeats: int = LEAST
    effect: float = 0.0
    steps: int = 0
    seed: int = 0

    question = "Is there an effect?"

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        if not self.steps:
            return ()
        return tuple(Training(AllReal(), seed, Steps(self.steps, 64)) for seed in range(self.repeats))

    def find(self, context: ProbeContext) -> Finding:
        values = self.effect + Key(("drawn", self.seed)).normal(200)[: self.repeats].double()
        fact = estimate("effect", values.tolist(), context.level)
        found = claim(fact)
        text = "Inconclusive." if found.side == "open" else f"It is {found.side}."
        return self.finding(context, Verdict(text, "note", (found,)), [fact])


@dataclass(frozen=True)
class Chained(AbstractProbe):
    """A probe that knows what it needs next only once something else is known; it asks the same of controls."""

    controls: int = 2

    question = "What comes next?"

    def _chain(self, context: ProbeContext) -> list[Training]:
        """The first learner, and then as many more as it is right on the first evaluation examples, in tens."""
        first = Training(Mixture(), 0, Steps(3))
        if not context.known(first):
            return [first]
        count = int(10 * float(context.outcome(first, "accuracy")[-1])) + 1
        return [first, *(Training(Mixture(), seed, Steps(3)) for seed in range(1, 1 + count))]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        return tuple(self._chain(context))

    def find(self, context: ProbeContext) -> Finding:
        chains = [self._chain(about) for about in (context, *context.controls(self.controls))]
        assert all(len(chain) > 1 for chain in chains)
        assert all(about.known(each) for about, chain in zip((context,), chains[:1], strict=True) for each in chain)
        facts = [estimate(f"learners {index}", [float(len(chain))]) for index, chain in enumerate(chains)]
        return self.finding(context, Verdict("So it goes.", "note"), facts)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    path = folder / "set.safetensors"
    limbeck.distill(load("digits"), "random", ipc=1, network=NETWORK, session=Session(folder / "runs")).save(path)
    return path


def questions(session: Session, path: Path, *probes: AbstractProbe) -> list[Question]:
    task, made = load("digits"), DistilledSet.load(path)
    problem = Problem(task, task.network(NETWORK), torch.device("cpu"), session.store)
    return [Question(probe, ProbeContext(problem, "set", made, "test", 100), path) for probe in probes]


def until(session: Session, path: Path, seconds: float, *probes: AbstractProbe) -> list[Finding]:
    return ask_until_decided(session, questions(session, path, *probes), load("digits").reference, seconds)


def repeats_of(finding: Finding) -> int:
    return finding.fact("effect").n


def test_it_goes_on_until_it_is_decided_and_leaves_alone_what_is(distilled: Path, tmp_path: Path) -> None:
    with Session(tmp_path, workers=1) as session:
        clear, faint = until(session, distilled, 60, Drawn(effect=9.0), Drawn(effect=0.7))
    assert clear.claims[0].side == "above" and repeats_of(clear) == LEAST
    assert faint.claims[0].side == "above" and repeats_of(faint) > LEAST
    assert faint.deciding == ""


def test_each_look_decides_at_its_part_of_the_level(distilled: Path, tmp_path: Path) -> None:
    with Session(tmp_path, workers=1) as session:
        (found,) = until(session, distilled, 60, Drawn(effect=0.7))
        looks = sorted(
            (Finding.of(document["finding"]).fact("effect").n, document["level"])
            for document, _ in session.store.noted()
        )
    assert [level for _, level in looks] == [spent(look) for look in range(1, len(looks) + 1)]
    assert len(looks) > 1 and looks[-1][0] == repeats_of(found)


def test_what_is_too_near_to_call_is_left_open(distilled: Path, tmp_path: Path) -> None:
    with Session(tmp_path, workers=1) as session:
        (found,) = until(session, distilled, 60, Drawn(effect=0.0, seed=4))
    assert found.claims[0].side == "open" and "too near to call" in found.deciding
    assert found.words.endswith("it is too near to call.")


def test_a_look_is_not_begun_that_takes_too_long_and_has_the_draws_that_fit(distilled: Path, tmp_path: Path) -> None:
    with Session(tmp_path, workers=1, compile=False) as session:
        # Three draws are there; that of one more would take an hour.
        probe = Drawn(effect=0.7, steps=5)
        (first,) = ask(session, questions(session, distilled, probe), load("digits").reference)
        training = Training(AllReal(), 0, Steps(5, 64))
        session.paces[NETWORK] = Pace(training.flops(questions(session, distilled, probe)[0].context) / 3600, 0.0)
        (found,) = until(session, distilled, 60, probe)
        assert repeats_of(found) == LEAST and found.claims[0].side == "open" and found.seconds is not None
        assert found.seconds > 3600 and " h " in found.words
        # An hour is enough for one of them.
        (more,) = until(session, distilled, 2 * 3600, probe)
    assert repeats_of(more) > LEAST


def test_the_time_that_deciding_takes_is_no_part_of_the_document(distilled: Path, tmp_path: Path) -> None:
    with Session(tmp_path, workers=1, compile=False) as session:
        asked = questions(session, distilled, Drawn(effect=0.7, steps=5))
        (found,) = ask(session, asked, load("digits").reference)
        assert found.seconds is not None and found.seconds < 3600
        assert seconds_of(session, [Question(Drawn(steps=5), *asked[0][1:])], load("digits").reference) == 0
    assert "seconds" not in found.document() and Finding.of(found.document()).deciding == found.deciding


def test_whoever_looks_until_it_is_decided_is_seldom_misled(distilled: Path) -> None:
    def decided(seed: int) -> bool:
        probe, look = Drawn(seed=seed), 1
        while True:
            fact = estimate("effect", Key(("drawn", seed)).normal(200)[: probe.repeats].double().tolist(), spent(look))
            found = claim(fact)
            if found.side != "open":
                return True
            if found.draws <= probe.repeats:
                return False
            probe, look = Drawn(repeats=min(found.draws, 4 * probe.repeats), seed=seed), look + 1

    assert seldom(sum(decided(seed) for seed in range(400)), 400)


def test_what_is_needed_next_is_asked_for_in_rounds_of_the_set_and_of_its_controls(
    distilled: Path, tmp_path: Path
) -> None:
    with Session(tmp_path, workers=1, compile=False) as session:
        (found,) = ask(session, questions(session, distilled, Chained()), load("digits").reference)
        again = ask(session, questions(session, distilled, Chained()), load("digits").reference)
    assert [fact.name for fact in found.facts] == ["learners 0", "learners 1", "learners 2"]
    assert all(fact.value >= 2 for fact in found.facts) and again == [found]
