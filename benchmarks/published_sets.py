"""What the distilled sets that others committed score here, beside what their papers say of them.

    LIMBECK_DATA=FOLDER python benchmarks/published_sets.py --repeats 5 --out table.md

Sets are looked for in FOLDER/published (dc, rfad, sfgc, gcond, dilm, as their repositories have them). Each is imported
with its layout, units and labels told from the file, and scored by the protocol of its paper where limbeck has it, on
the test split of `--data`; those that are not of images are listed with what the import says of them. What was scored
is kept in `--runs` and found again, so more repeats and an interrupted run go on where they were.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NamedTuple

import limbeck
from limbeck import Session
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.units import percent
from limbeck.distilled_set import DistilledSet


class Published(NamedTuple):
    """A set, how it is to be scored, and what is said of it."""

    file: str
    protocol: str
    said: str
    """The accuracy that its authors report, in %, and how it was measured there."""
    source: str
    zca: bool = False
    which: int | None = None


_DC = "Zhao et al. (ICLR 2021), table 1; the file is of a course project's own runs of that method"
_RFAD = "Loo et al. (NeurIPS 2022); ridge regression on random features, so no training of a network"
SETS = (
    Published("dc/res_DC_CIFAR10_ConvNet_1ipc_1000.pt", "dc", "28.3 (its repository: 28.2 ± 0.7)", _DC),
    Published("dc/res_DC_CIFAR10_ConvNet_1ipc_2000.pt", "dc", "28.3", _DC, which=1),
    Published("dc/res_DC_CIFAR10_ConvNet_10ipc_1000.pt", "dc", "44.9", _DC),
    Published("rfad/cifar10/1/best.npz", "yang2024", "53.6 (by kernel)", _RFAD, zca=True),
    Published("rfad/cifar10/10/best.npz", "yang2024", "66.3 (by kernel)", _RFAD, zca=True),
)
OTHERS = (
    "sfgc/feat_cora_0.5_best_ntk_score_15.pt",
    "gcond/adj_cora_0.5_0.pt",
    "dilm/sst2/dpc_5/dataset_0.json",
)
"""One of each kind that no task of limbeck reads."""
HEAD = ("set", "items", "units told", "protocol", "accuracy here, % (95 %), n", "their paper", "source")


def imported(folder: Path, published: Published, task: AbstractTask) -> DistilledSet:
    """The set, in the units that its numbers tell."""
    place = folder / published.file
    return limbeck.import_set(place, task=task, which=published.which, confirm=lambda _: True)


def row(
    folder: Path, published: Published, task: AbstractTask, network: str, repeats: int, session: Session
) -> tuple[str, ...]:
    """The row of a set in the table."""
    made = imported(folder, published, task)
    networks = (network,) if network else ()
    (score,) = limbeck.evaluate(
        made, networks=networks, protocol=published.protocol, repeats=repeats, baselines=(), session=session
    )
    found = made.spec["imported"]
    interval = f" ({100 * score.low:.1f} to {100 * score.high:.1f})" if score.n > 1 else " (no interval)"
    outside = f"{found['units']}, {percent(found['pixels']['outside'])} outside [0, 1]"
    measured = f"{100 * score.mean:.1f}{interval}, n {score.n}, {score.network}"
    return published.file, str(len(made)), outside, score.protocol, measured, published.said, published.source


def refusal(folder: Path, file: str, task: AbstractTask) -> str:
    """What an import says of a file that is no set of images."""
    try:
        limbeck.import_set(folder / file, task=task)
    except InputError as refused:
        return str(refused).removeprefix(f"{folder / file}: ")
    raise AssertionError(f"{file} was imported as a set of images")


def page(rows: list[tuple[str, ...]], refused: dict[str, str], data: str) -> str:
    """The table, and what is no set of images, in Markdown."""
    lines = [f"Test split of `{data}`; intervals are over networks, none where one was trained.", ""]
    lines += [f"| {' | '.join(cells)} |" for cells in (HEAD, ("---",) * len(HEAD), *rows)]
    lines += ["", "Not sets of images:", "", *(f"- `{file}`: {said}." for file, said in refused.items())]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Import and score every set, or those that are named."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", type=Path, default=None, help="the folder of data (else LIMBECK_DATA)")
    options.add_argument("--data", default="cifar10", help="cifar10 or cifar10_exact")
    options.add_argument("--only", default="", help="score the sets whose path holds this")
    options.add_argument("--network", default="", help="by default the convnet of the papers")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--workers", type=int, default=None)
    options.add_argument("--runs", type=Path, default=None)
    options.add_argument("--out", type=Path, default=None)
    given = options.parse_args()
    root = given.root or Path(os.environ["LIMBECK_DATA"])
    chosen = [each for each in SETS if given.only in each.file]
    tasks = {zca: limbeck.load(given.data, root=root, zca=zca) for zca in {each.zca for each in chosen} | {False}}
    folder = root / "published"
    with Session(given.runs, workers=given.workers, data_root=root) as session:
        rows = [row(folder, each, tasks[each.zca], given.network, given.repeats, session) for each in chosen]
    text = page(rows, {file: refusal(folder, file, tasks[False]) for file in OTHERS}, given.data)
    if given.out:
        given.out.write_text(text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
