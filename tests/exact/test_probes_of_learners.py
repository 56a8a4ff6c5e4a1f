"""What learners beside a set tell of it: agreement, learning time; on outcomes that are known exactly."""

from __future__ import annotations

import json

import pytest

from limbeck.core.family import from_spec, to_spec
from limbeck.core.findings import Finding
from limbeck.probes import Agreement, LearningTime
from limbeck.probes.contract import AbstractProbe
from planted import NETWORK, Planted, context_of, done

PROBES = (
    Agreement(matched=3, subsets=3, trajectories=1, decayed=3, epochs=1, window=1.0, every=150, repeats=1),
    LearningTime(every=150, repeats=1, controls=3),
)


@pytest.fixture(scope="module")
def memos() -> dict[str, Planted]:
    """What does not depend on the set, by network: done once for all sets."""
    return {NETWORK: Planted(strict=False), f"{NETWORK}-batch": Planted(strict=False)}


SUBJECTS = {
    "set": (NETWORK, slice(None)),
    "image": (NETWORK, slice(0, 1)),
    # A learner of it is kept with running statistics.
    "batch-normalised": (f"{NETWORK}-batch", slice(None)),
}


@pytest.mark.parametrize(
    ("probe", "distilled"),
    [(probe, name) for name in SUBJECTS for probe in (PROBES[1:] if name == "batch-normalised" else PROBES)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_probes_answer_on_real_learners_by_the_computations_that_they_ask_for(
    probe: AbstractProbe, distilled: str, memos: dict[str, Planted]
) -> None:
    network, rows = SUBJECTS[distilled]
    found = Planted(dict(memos[network].outcomes), strict=False)
    context = context_of(1, found, rows, network)
    for computation in probe.computations(context):
        assert from_spec(json.loads(json.dumps(to_spec(computation)))) == computation
        assert computation.flops(context) > 0
        context.outcome(computation)
    done(probe, context)
    asked = len(found.outcomes)
    finding = probe.find(context)
    assert len(found.outcomes) == asked
    assert Finding.of(json.loads(json.dumps(finding.document(), allow_nan=False))).verdict == finding.verdict
    assert finding.tone == "unknown" or len(context.distilled) > 1 or not isinstance(probe, LearningTime)
    for computation in probe.computations(context):
        if not computation.depends_on_set:
            memos[network].plant(computation, context.outcome(computation))
