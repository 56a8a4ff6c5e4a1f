"""How often pictures and words find one another after training on a few pairs: selections, and what is learned.

    python benchmarks/pairs.py [--data emoji] [--size 32] [--network convnet-w32] [--pairs 50 100] [--repeats 3]
        [--steps 1000] [--methods random,herding,kcenter,pds,dm,covmatch] [--out pairs]

Each set is trained on by `--repeats` fresh learners, by protocol yang2024 (300 steps of all pairs at once), and scored
by mean recall: the mean over both ways of recall at 1, 5 and 10 among all test pairs. `full` is the same network on all
training pairs. Sets and learners are kept under --out, so the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import limbeck
from limbeck.options import compose
from limbeck.recipes import recipe_for

SELECTED = ("random", "herding", "kcenter", "pds")
RATES = {"dm": 1.0, "covmatch": 30.0}
"""The rate of each method that takes steps: published ones of covmatch are for larger networks that are trained."""


def main() -> None:
    """Print a row for each set as it is known, and keep all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="emoji")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--network", default="convnet-w32")
    parser.add_argument("--pairs", nargs="+", type=int, default=[50, 100])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--methods", default=",".join((*SELECTED, *RATES)))
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
                    recipe = recipe_for(name, given.data, count)
                    if recipe.steps:
                        asked = {"steps": given.steps, "optimizer.learning_rate": RATES[name]}
                        recipe = compose(recipe, asked)
                    made = limbeck.distill(task, recipe, ipc=count, network=given.network, checks=0, session=session)
                    made.save(path)
                baselines = ["full"] if given.full and name == SELECTED[0] else []
                for score in limbeck.evaluate(path, repeats=given.repeats, baselines=baselines, session=session):
                    row = {"pairs": score.per_class, "set": path.stem if score.seeds else score.set, "mean": score.mean,
                           "low": score.low, "high": score.high, "n": score.n, "protocol": score.protocol}  # fmt: skip
                    with (given.out / "pairs.jsonl").open("a") as kept:
                        kept.write(json.dumps(row) + "\n")
                    print(
                        f"{row['set']:16} {row['pairs']:5} pairs  {100 * row['mean']:5.1f} ({100 * row['low']:.1f} to "
                        f"{100 * row['high']:.1f}), n {row['n']}", flush=True,
                    )  # fmt: skip


if __name__ == "__main__":
    main()
