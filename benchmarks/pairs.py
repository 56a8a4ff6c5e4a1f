"""How often pictures and words find one another after training on a few pairs: selections, and what is learned.

    python benchmarks/pairs.py [--data emoji] [--size 32] [--network convnet-w32] [--pairs 50 100] [--repeats 3]
        [--steps 1000] [--methods random,herding,kcenter,pds,dm,covmatch,lors] [--set lors.optimizer.learning_rate=3]
        [--protocol NAME] [--split test] [--out pairs]

Each set is trained on by `--repeats` fresh learners, by protocol yang2024 (300 steps of all pairs at once), that of
lors by its own with random pairs beside it, or all by --protocol. It is scored by mean recall: the mean over both ways
of recall at 1, 5 and 10 among all test pairs. `full` is the same network on all training pairs. With --split
validation settings are chosen: sets are scored among validation pairs, without intervals over runs. Sets and learners
are kept under --out, so the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import limbeck
from limbeck.composition import Recipe
from limbeck.computations import Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import followed
from limbeck.core.contracts import AbstractTask
from limbeck.judging import protocol_for
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.runs.experts import complete_experts
from limbeck.statistics.estimates import SHARE, interval

SELECTED = ("random", "herding", "kcenter", "pds")
STEPPED = {
    "dm": {"optimizer.learning_rate": 1.0},
    "covmatch": {"optimizer.learning_rate": 30.0},
    "lors": {
        "objective.around.experts.count": 10,
        "optimizer.learning_rate": 0.1,
        "target_optimizer.learning_rate": 0.1,
        "schedule_optimizer.learning_rate": 1e-6,
        "schedule.around.learning_rate": 0.01,
    },
}
"""The settings of each method that takes steps: published ones are for larger networks that are trained. Those of lors
were chosen among validation pairs (emoji, 16 x 16, convnet-w16, 150 steps)."""
BY_ITS_OWN = "lors"
"""The method whose sets are scored by their own protocol, beside random pairs."""


def main() -> None:
    """Print a row for each set as it is known, and keep all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="emoji")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--network", default="convnet-w32")
    parser.add_argument("--pairs", nargs="+", type=int, default=[50, 100])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--methods", default=",".join((*SELECTED, *STEPPED)))
    parser.add_argument("--set", nargs="*", default=[], help="METHOD.OPTION=VALUE")
    parser.add_argument("--protocol", default="")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--full", action="store_true", help="train on all pairs, too")
    parser.add_argument("--out", type=Path, default=Path("pairs"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    task = limbeck.load(given.data, size=given.size)
    with limbeck.Session(given.out / "runs", workers=1, device="cpu") as session:
        for count in given.pairs:
            for name in given.methods.split(","):
                path = given.out / f"{name}-{count}.safetensors"
                if not path.exists():
                    recipe = asked_of(name, given, count)
                    if experts := followed(recipe):
                        complete_experts(session, task, given.network, experts)
                    made = limbeck.distill(task, recipe, ipc=count, network=given.network, checks=0, session=session)
                    made.save(path)
                if given.split == "validation":
                    tell(given.out, validated(path, task, given, session))
                    continue
                baselines = ["full"] if given.full and name == SELECTED[0] else []
                baselines += ["random"] if name == BY_ITS_OWN else []
                for score in limbeck.evaluate(
                    path, repeats=given.repeats, baselines=baselines, protocol=given.protocol, session=session
                ):
                    row = {"pairs": score.per_class, "set": path.stem if score.seeds else score.set, "mean": score.mean,
                           "low": score.low, "high": score.high, "n": score.n, "protocol": score.protocol,
                           "bytes": score.bytes, "split": "test"}  # fmt: skip
                    tell(given.out, row)


def asked_of(name: str, given: argparse.Namespace, count: int) -> Recipe:
    """The recipe of a method, with the settings of here and those that are asked for."""
    recipe = recipe_for(name, given.data, count)
    if not recipe.steps:
        return recipe
    said = [each.removeprefix(f"{name}.").split("=", 1) for each in given.set if each.startswith(f"{name}.")]
    options = {"steps": given.steps, **STEPPED[name], **{option: json.loads(value) for option, value in said}}
    return compose(recipe, options)


def validated(path: Path, task: AbstractTask, given: argparse.Namespace, session: limbeck.Session) -> dict[str, Any]:
    """The row of a set among validation pairs."""
    made = limbeck.DistilledSet.load(path)
    protocol, _ = protocol_for({path.stem: made}, given.protocol)
    context = ProbeContext(session.problem(task, given.network), set=made, split="validation")
    seeds = range(given.repeats)
    found = [float(context.outcome(Training(seed=seed, protocol=protocol), "mean recall")[-1]) for seed in seeds]
    mean, low, high = interval(found, within=SHARE)
    return {"pairs": len(made), "set": path.stem, "mean": mean, "low": low, "high": high, "n": len(found),
            "protocol": protocol.name, "bytes": made.budget.bytes, "split": "validation"}  # fmt: skip


def tell(out: Path, row: dict[str, Any]) -> None:
    """Keep a row and print it."""
    with (out / "pairs.jsonl").open("a") as kept:
        kept.write(json.dumps(row) + "\n")
    print(
        f"{row['set']:16} {row['pairs']:5} pairs  {100 * row['mean']:5.1f} ({100 * row['low']:.1f} to "
        f"{100 * row['high']:.1f}), n {row['n']}, {row['split']}, {row['protocol']}", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
