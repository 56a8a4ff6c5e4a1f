"""Are damaged distilled sets refused in one line, or read as what they were?

    python benchmarks/fuzz_sets.py --count 2000 [--first 0] [--out results.json]

Each number is one damage, drawn from it alone, of one of a few sets: any of them is made again by --first NUMBER
--count 1. Half of the damages are of the bytes of the file (flipped bits, cut, longer, zeros, a moved piece). The other
half are of its header and tensors, with every digest made again, so that validation is tried and not the digests alone.
A damaged set is loaded, and taken through the first steps of `evaluate` and `report`. Every damage comes to one of:

    refused    InputError, whose message is one line
    equal      what is read is what was written
    changed    other contents are read without complaint, which may be only where the digests were made again
    exception  anything else, which is a fault of limbeck's, as is any memory beyond the bound
"""

from __future__ import annotations

import argparse
import collections
import copy
import functools
import json
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import limbeck
from limbeck.api import loaded
from limbeck.composition import Recipe
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors, write_tensors
from limbeck.objectives import Unrolled
from limbeck.parameterizations import SoftTargets
from limbeck.protocols import named
from limbeck.recipes.baselines import BASELINES
from limbeck.runs.again import known_again
from limbeck.runs.graph import Graph, Request
from limbeck.runs.scoring import entries_of, one_reference
from limbeck.runs.session import Session
from limbeck.schedules import LearnedRates
from limbeck.tasks import reload

MEMORY = 6 * 2**30
"""Bytes of address space that a damaged set may make the process take."""
NETWORK = "mlp-w4"
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7, 2**31, 2**63, 10**30, 1.5, -0.0, 1e308, float("1e-320"), "", "x", "0", "none",
    "digits", "mnist", "folder:/", "../../x", "\x1b[31m", "\ud800", "a" * 5000, [], [0], [[]], ["x"], [None], {},
    {"a": 1}, {"part": "x"}, {"part": "parameterization/pixels"}, {"part": "objective/unrolled"},
)  # fmt: skip
DTYPES = (torch.float64, torch.float16, torch.int64, torch.int8, torch.uint8, torch.bool, torch.complex64)


def bases(folder: Path, session: Session) -> list[Path]:
    """The files that are damaged: real images with scores, a distilled set, and one of soft targets and own rates."""
    task = limbeck.load("digits")
    learned = Recipe(objective=Unrolled(per_class=2), schedule=LearnedRates(), parameterization=SoftTargets(), steps=1)
    made = {
        "real": limbeck.distill(task, "random", ipc=2, network=NETWORK, session=session),
        "dm": limbeck.distill(task, "dm", ipc=1, steps=1, network=NETWORK, session=session),
        "soft": limbeck.distill(task, learned, ipc=1, network=NETWORK, session=session),
    }
    for name, each in made.items():
        rows = limbeck.evaluate(each, repeats=1, baselines=["random"], session=session)
        each.scored(rows[0].row()).save(folder / f"{name}.safetensors")
    return [folder / f"{name}.safetensors" for name in made]


def damage_bytes(content: bytes, draw: random.Random) -> bytes:
    """The bytes of a file, damaged in one way."""
    data, at = bytearray(content), draw.randrange(len(content))
    way = draw.choice(("flip", "flips", "cut", "longer", "zeros", "moved", "dropped"))
    if way in ("flip", "flips"):
        for _ in range(1 if way == "flip" else draw.randrange(2, 40)):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif way == "cut":
        del data[at:]
    elif way == "longer":
        data += draw.randbytes(draw.randrange(1, 100))
    elif way == "zeros":
        data[at : at + 64] = bytes(len(data[at : at + 64]))
    elif way == "moved":
        other = draw.randrange(len(content))
        data[at : at + 32] = data[other : other + len(data[at : at + 32])]
    else:
        del data[at : at + draw.randrange(1, 64)]
    return bytes(data)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a JSON document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from places(inner)


def damage_header(header: dict[str, Any], draw: random.Random) -> None:
    """Change a header in one to three places: another value, another type, a field gone, new or of another name."""
    for _ in range(draw.choice((1, 1, 2, 3))):
        container, key = draw.choice(list(places(header)))
        way = draw.choice(("value", "value", "value", "gone", "new", "renamed", "swapped"))
        if way == "value":
            container[key] = copy.deepcopy(draw.choice(STRANGE))
        elif way == "gone":
            del container[key]
        elif isinstance(container, list):
            container.insert(draw.randrange(len(container) + 1), copy.deepcopy(draw.choice(STRANGE)))
        elif way == "renamed":
            container[draw.choice(("root", "part", "x", "from", "steps", "cache"))] = container.pop(key)
        elif way == "new":
            container[draw.choice(("root", "part", "x", "from", "data"))] = copy.deepcopy(draw.choice(STRANGE))
        else:
            other_container, other = draw.choice(list(places(header)))
            container[key] = copy.deepcopy(other_container[other])


def damage_tensors(tensors: dict[str, Tensor], draw: random.Random) -> None:
    """Change one tensor: its shape, its type, its numbers or its name."""
    name = draw.choice(sorted(tensors))
    tensor = tensors[name]
    flat = tensor.reshape(-1).clone()
    ways: dict[str, Callable[[], Tensor | None]] = {
        "gone": lambda: None,
        "empty": lambda: tensor.new_zeros((0, *tensor.shape[1:])),
        "scalar": lambda: tensor.new_zeros(()),
        "flat": lambda: flat,
        "shorter": lambda: tensor[:-1] if tensor.dim() else tensor,
        "longer": lambda: torch.cat([tensor, tensor]) if tensor.dim() else tensor,
        "deeper": lambda: tensor[None],
        "turned": lambda: tensor.movedim(0, -1) if tensor.dim() > 1 else tensor,
        "large": lambda: flat.fill_(100) if flat.dtype in (torch.uint8, torch.int8, torch.bool) else flat.fill_(30000),
        "type": lambda: tensor.to(draw.choice(DTYPES)),
        "number": lambda: _with(flat, draw).reshape(tensor.shape),
    }
    changed = ways[draw.choice(sorted(ways))]()
    del tensors[name]
    if changed is not None:
        tensors[draw.choice((name, name, name, f"{name}/x", "params/learned/x", "schedule/x", "initialisation/x"))] = (
            changed
        )


def _with(flat: Tensor, draw: random.Random) -> Tensor:
    """With a strange number in one place."""
    numbers = (float("nan"), float("inf"), -1e30, 1e38, 0.0) if flat.is_floating_point() else (-1, 0, 1, 99, 127)
    if flat.numel():
        flat[draw.randrange(flat.numel())] = draw.choice(numbers)
    return flat


def damaged(number: int, files: list[Path], out: Path) -> tuple[Path, bool]:
    """Write the damaged set of a number to `out`; the file it was, and whether its digests were made again."""
    draw = random.Random(number)
    path = draw.choice(files)
    if draw.random() < 0.5:
        out.write_bytes(damage_bytes(path.read_bytes(), draw))
        return path, False
    tensors, header = read_tensors(path)
    kinds = draw.choice((("header",), ("header",), ("tensors",), ("header", "tensors")))
    if "header" in kinds:
        damage_header(header, draw)
    if "tensors" in kinds:
        damage_tensors(tensors, draw)
    try:
        write_tensors(out, tensors, header)
    except (UnicodeEncodeError, ValueError):  # What no file can say.
        out.write_bytes(b"")
    return path, True


def first_steps(path: Path, session: Session) -> None:
    """What `evaluate` and `report` do of a set before and after they train."""
    sets = loaded(path, session)
    reference = one_reference(sets, "")
    task = reload(reference, None)
    network = task.network(sets[0][2].spec["network"]).name
    again = known_again(session, task, sets, session.device)
    for protocol in ("yang2024", "own"):
        try:
            entered = entries_of(session, task, sets, (network,), named(protocol), BASELINES, again)
            asked = [each for one in entered for group in one.learners(1) for each in group]
            _ = Graph([Request(*each) for each in asked], reference).nodes
        except InputError:
            if protocol != "own":
                raise
    limbeck.write_report([path], out=path.with_suffix(".html"), session=session)


def outcome(number: int, files: list[Path], folder: Path, session: Session) -> tuple[str, str]:
    """What comes of a damage, and what was said."""
    out = folder / "damaged.safetensors"
    path, resealed = damaged(number, files, out)
    try:
        found = limbeck.DistilledSet.load(out)
        there = _original(path)
        equal = (found.digest, found.header()) == (there.digest, there.header())
        first_steps(out, session)
    except InputError as error:
        said = str(error)
        return ("refused", said) if said and "\n" not in said else ("exception", f"no one line: {said!r}")
    except Exception as error:
        return "exception", f"{type(error).__name__}: {error}"
    if equal:
        return "equal", ""
    return ("changed", "") if resealed else ("exception", "changed bytes were read as another set")


@functools.cache
def _original(path: Path) -> limbeck.DistilledSet:
    return limbeck.DistilledSet.load(path)


def fuzz(first: int, count: int, folder: Path) -> Iterator[tuple[int, str, str]]:
    """(number, outcome, what was said) of each damage."""
    with Session(folder / "runs", device="cpu", workers=1) as session:
        files = bases(folder, session)
        for number in range(first, first + count):
            yield number, *outcome(number, files, folder, session)


def main() -> int:
    """Count the outcomes; 0 where there is no exception."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--first", type=int, default=0, help="the first number; go on with the last one plus one")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    counts: collections.Counter[str] = collections.Counter()
    wrong = []
    folder = Path(tempfile.mkdtemp())
    try:
        for number, what, said in fuzz(given.first, given.count, folder):
            counts[what] += 1
            if what == "exception":
                wrong.append({"number": number, "said": said})
                print(number, said, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"first": given.first, "count": given.count, **counts, "exceptions": wrong, "peak memory in bytes": peak}
    print(json.dumps(found, indent=2))
    if given.out:
        given.out.write_text(json.dumps(found, indent=2) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
