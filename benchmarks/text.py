"""How well a few sentences stand in for all: selections, distribution matching and learned vectors, read out as words.

    python benchmarks/text.py [--data trec6 sst2 ag_news] [--ipc 1 10] [--repeats 5] [--steps 1000] [--out text]

For each data set and number of items a class, with a small transformer that has read nothing (`transformer`):

- random, herding, kcenter: real sentences, kept as words, by protocol yang2024;
- dm: vectors that match the class means of random networks, by protocol yang2024, and read out as their nearest words;
- dd-text: vectors, soft labels and ten learned step sizes, by its own steps, and read out as their nearest words, which
  are trained on by the same steps and labels;
- random at as many bytes as each set of vectors takes (`:bytes`), and all real data.

Reported are test accuracy with its 95 % interval over learners, the share of what all real data come to, and the bytes
of the set. Published for comparison: one item a class of AG News, one step, BERT, with attention labels: 93.2 %, or
98.5 % of what its full data come to (Maekawa et al., ACL 2023).

Each set and each learner is kept under --out, so the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import limbeck
from limbeck.codecs.word_vectors import PADDING
from limbeck.compression import WORDS

SELECTED, LEARNED = ("random", "herding", "kcenter"), ("dm", "dd-text")
PROTOCOL = {"dd-text": "own"}


def distilled(data: str, recipe: str, ipc: int, steps: int, place: Path, session: limbeck.Session) -> Path:
    """A set, made where it is not yet there."""
    path = place / f"{data}-{recipe}-ipc{ipc}.safetensors"
    if not path.exists():
        limit = {"steps": steps} if recipe in LEARNED else {}
        limbeck.distill(data, recipe, ipc=ipc, checks=0, session=session, **limit).save(path)
    return path


def in_words(path: Path, session: limbeck.Session) -> Path:
    """The set read out as its nearest words."""
    made = path.with_name(f"{path.stem}-words.safetensors")
    if not made.exists():
        limbeck.compress(path, WORDS, repeats=0, session=session).set.save(made)
    return made


def rows(data: str, ipc: int, given: argparse.Namespace, session: limbeck.Session) -> Iterator[dict[str, Any]]:
    """A row for each set, and for what it is held against."""
    full = 0.0
    for recipe in (*SELECTED, *LEARNED):
        path = distilled(data, recipe, ipc, given.steps, given.out, session)
        files = [in_words(path, session)] if recipe in SELECTED else [path, in_words(path, session)]
        beside = ["full"] if recipe == SELECTED[0] else ["random:bytes"] if recipe in LEARNED else []
        for file in files:
            protocol = PROTOCOL.get(recipe, "yang2024")
            found = limbeck.evaluate(file, protocol=protocol, repeats=given.repeats, baselines=beside, session=session)
            for score in found:
                full = score.mean if score.set == "full" else full
                yield {
                    "data": data, "ipc": ipc, "set": file.stem if score.seeds else f"{score.set} beside {file.stem}",
                    "protocol": score.protocol, "accuracy": score.mean, "low": score.low, "high": score.high,
                    "n": score.n, "bytes": score.bytes, "per_class": score.per_class, "share of full": score.mean / full
                    if full else None,
                }  # fmt: skip
        made = limbeck.DistilledSet.load(files[-1])
        words = int((made.native != PADDING).sum())
        yield {"data": data, "ipc": ipc, "set": files[-1].stem, "words": words}


def main() -> None:
    """Print a row for each set as it is known, and keep all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["trec6", "sst2", "ag_news"])
    parser.add_argument("--ipc", nargs="+", type=int, default=[1, 10])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("text"))
    parser.add_argument("--data-root", type=Path, default=None)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    made = []
    with limbeck.Session(given.out / "runs", workers=1, device="cpu", data_root=given.data_root) as session:
        for data in given.data:
            for ipc in given.ipc:
                for row in rows(data, ipc, given, session):
                    made.append(row)
                    (given.out / "text.json").write_text(json.dumps(made, indent=1))
                    print(line(row), flush=True)


def line(row: dict[str, Any]) -> str:
    """A row as text."""
    if "words" in row:
        return f"{row['set']}: {row['words']:,} words"
    share = "" if row["share of full"] is None else f", {100 * row['share of full']:.1f} % of full"
    return (
        f"{row['set']} ({row['protocol']}): {100 * row['accuracy']:.1f} % ({100 * row['low']:.1f} to "
        f"{100 * row['high']:.1f}, n {row['n']}){share}; {row['bytes']:,} B, {row['per_class']} a class"
    )


if __name__ == "__main__":
    main()
