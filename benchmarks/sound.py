"""How well a few recordings stand in for all: selections, and spectrograms that are learned.

    python benchmarks/sound.py [--data fsdd] [--network convnet-w32] [--ipc 1 10] [--repeats 5] [--steps 300]
        [--per-class 256] [--methods random,herding,kcenter,dm,dm-tiles,idc,field,over-time] [--out sound]

`dm-tiles` and `idc` store spectrograms of half the time, two in the storage of one (`--parameterization.factor 2
--parameterization.rows 1`), and so twice as many seconds of sound are heard: beside them stand as many real clips as
they have items, `random:items`. `field` and `over-time` match distributions, too, of clips stored as small networks:
from pitch and time, 14 of them in the storage of one clip, and from time alone to all pitches, 4 of them; beside them
stand `random:field` and `random:over-time`, as many real clips. Test accuracy, by protocol yang2024, 300 steps of all
items at once. Sets and learners are kept under --out, so the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import limbeck
from limbeck.options import compose
from limbeck.recipes import recipe_for

TILES = {"parameterization": "multiformation", "parameterization.factor": 2, "parameterization.rows": 1}
FIT = {"optimizer.learning_rate": 0.003}
METHODS: dict[str, tuple[str, int, dict[str, Any]]] = {
    **{name: (name, 1, {}) for name in ("random", "herding", "kcenter")},
    "dm": ("dm", 1, {}),
    "random:items": ("random", 2, {}),
    "dm-tiles": ("dm", 1, TILES),
    "random:field": ("random", 14, {}),
    "field": ("ddif-dm", 1, {**FIT, "parameterization.width": 8}),
    "random:over-time": ("random", 4, {}),
    "over-time": ("ddif-dm", 1, {**FIT, "parameterization": "over-time", "parameterization.field.width": 8}),
    "idc": ("idc", 1, {**TILES, "optimizer.learning_rate": 0.5, "objective.training.steps": 2}),
}
"""By name: the recipe, how many times as many items it takes, and what is changed of it."""


def main() -> None:
    """Print a row for each set as it is known, and keep all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fsdd")
    parser.add_argument("--network", default="convnet-w32")
    parser.add_argument("--ipc", nargs="+", type=int, default=[1, 10])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--per-class", type=int, default=256, help="real clips of a class that a step of dm sees")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--full", action="store_true", help="train on all clips, too")
    parser.add_argument("--out", type=Path, default=Path("sound"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    task = limbeck.load(given.data)
    with limbeck.Session(given.out / "runs", workers=1, device="cpu") as session:
        for ipc in given.ipc:
            for name in given.methods.split(","):
                path = given.out / f"{name.replace(':', '-')}-{ipc}.safetensors"
                if not path.exists():
                    called, times, changed = METHODS[name]
                    recipe = compose(recipe_for(called, given.data, ipc), changed)
                    if recipe.steps:
                        seen = {} if called == "idc" else {"objective.per_class": given.per_class}
                        recipe = compose(recipe, {"steps": given.steps, **seen})
                    made = limbeck.distill(
                        task, recipe, ipc=times * ipc, network=given.network, checks=0, session=session
                    )
                    made.save(path)
                baselines = ["full"] if given.full and name == "random" else []
                for score in limbeck.evaluate(path, repeats=given.repeats, baselines=baselines, session=session):
                    row = {"ipc": ipc, "items": score.per_class, "set": name if score.seeds else score.set,
                           "mean": score.mean, "low": score.low, "high": score.high, "n": score.n,
                           "bytes": score.bytes, "protocol": score.protocol}  # fmt: skip
                    with (given.out / "sound.jsonl").open("a") as kept:
                        kept.write(json.dumps(row) + "\n")
                    print(
                        f"{row['set']:14} ipc {ipc:3}, {row['items']:4} items a class  {100 * row['mean']:5.1f} "
                        f"({100 * row['low']:.1f} to {100 * row['high']:.1f}), n {row['n']}", flush=True,
                    )  # fmt: skip


if __name__ == "__main__":
    main()
