"""Cora and Citeseer condensed to 5, 10 and 20 nodes of each class, beside published rows.

    python benchmarks/graphs.py FOLDER [--data cora citeseer] [--ipc 5 10 20] [--recipes random herding kcenter cgc ...]
        [--networks sgc gcn] [--repeats 5] [--draws 10] [--steps N] [--protocol own]

Everything that is done is kept in FOLDER: the same command goes on after an interruption, a smaller one does a part.
`own` is 600 epochs of Adam 0.01, weight decay 5e-4, on features as a network sees them; `gcond` the same at a tenth of
the rate from the middle on, on rows that add up to 1. With --steps, recipes that step take so many. With --draws,
random and herding are drawn so often, and the interval is over draws, of one learner each.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path

import limbeck
from limbeck.protocols import Own
from limbeck.recipes import recipe_for
from limbeck.recipes.cgc import TRAINED
from limbeck.statistics.estimates import interval

PUBLISHED = {
    ("cora", "gcn"): {
        "random": (63.6, 72.8, 76.8),
        "herding": (67.0, 73.4, 76.8),
        "kcenter": (64.0, 73.2, 76.7),
        "gcond": (79.8, 80.1, 79.3),
        "gcond-x": (75.9, 75.7, 76.0),
        "full": (81.2,) * 3,
    },
    ("citeseer", "gcn"): {
        "random": (54.4, 64.2, 69.1),
        "herding": (57.1, 66.7, 69.0),
        "kcenter": (52.4, 64.3, 69.1),
        "coarsening": (52.2, 59.0, 65.3),
        "gdem": (72.3, 72.6, 72.6),
        "gcond": (70.5, 70.6, 69.8),
        "full": (71.7,) * 3,
    },
    ("cora", "sgc"): {"cgc": (79.0, 81.8), "gdem": (80.8, 80.7), "gcond": (79.0, 79.0), "full": (80.8,) * 3},
    ("citeseer", "sgc"): {"cgc": (70.5, 70.6), "gdem": (70.6, 70.5), "gcond": (68.9, 67.9), "full": (69.2,) * 3},
}
"""Test accuracy in percent by nodes of a class (5, 10, 20): GCN from the papers of GCond and GDEM, SGC from PreGC's."""
SIZES = (5, 10, 20)
DRAWN = ("random", "herding")
"""Recipes of which several draws are scored."""
RECIPES = ("random", "herding", "kcenter", "coarsening", "cgc", "cgc-x", "gdem", "gcond", "gcond-x", "doscond", "full")


def main() -> None:
    """Make what is asked for and print a row for each."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", type=Path)
    made.add_argument("--data", nargs="+", default=["cora", "citeseer"])
    made.add_argument("--ipc", nargs="+", type=int, default=list(SIZES))
    made.add_argument("--recipes", nargs="+", default=list(RECIPES))
    made.add_argument("--networks", nargs="+", default=["sgc", "gcn"])
    made.add_argument("--repeats", type=int, default=5)
    made.add_argument("--draws", type=int, default=1)
    made.add_argument("--steps", type=int, default=0)
    made.add_argument("--protocol", default="own")
    given = made.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'data':9} {'nodes':>5} {'recipe':10} {'network':11} {'test accuracy, %':24} published", flush=True)
    with limbeck.Session(given.folder, workers=1, device="cpu") as session:
        for data in given.data:
            for ipc in given.ipc:
                for recipe in given.recipes:
                    if recipe == "full" and ipc != given.ipc[0]:
                        continue
                    for row in rows(given, data, ipc, recipe, session):
                        print(row, flush=True)


def rows(given: argparse.Namespace, data: str, ipc: int, recipe: str, session: limbeck.Session) -> list[str]:
    """A line for each network."""
    task, found = limbeck.load(data), []
    composed = recipe_for("random" if recipe == "full" else recipe, data, ipc)
    composed = replace(composed, schedule=replace(TRAINED))
    if composed.steps and given.steps:
        composed = replace(composed, steps=given.steps)
    draws = given.draws if recipe in DRAWN else 1
    sets = [
        limbeck.distill(task, composed, ipc=ipc, network="sgc", checks=0, seed=seed, session=session)
        for seed in range(draws)
    ]
    baselines = ["full"] if recipe == "full" else []
    protocol = Own() if given.protocol == "own" else given.protocol
    for network in given.networks:
        repeats = given.repeats if draws == 1 else 1
        scores = [
            limbeck.evaluate(
                kept, networks=[network], protocol=protocol, repeats=repeats, baselines=baselines, session=session
            )[-1]
            for kept in sets
        ]
        score = scores[0]
        means = interval([each.mean for each in scores]) if draws > 1 else (score.mean, score.low, score.high)
        mean, low, high = (100 * value for value in means)
        rows_of = PUBLISHED.get((data, network), {}).get(recipe, ())
        place = SIZES.index(ipc) if ipc in SIZES else len(SIZES)
        published = f"{rows_of[place]:.1f}" if place < len(rows_of) else ""
        said = f"{mean:.1f} ({low:.1f} to {high:.1f}), n {score.n if draws == 1 else f'{draws} draws'}"
        found.append(f"{data:9} {len(sets[0]):5} {recipe:10} {score.network:11} {said:24} {published}")
    return found


if __name__ == "__main__":
    main()
