"""Does a damaged or hostile file ever crash an import, fill memory, run code, or pass as what it is not?

    python benchmarks/fuzz_imports.py --count 2000 [--seed 0] [--out results.jsonl]

A trial, drawn by its seed, takes a small real set in one of the layouts, damages one of its files in up to three ways,
and imports it in a process of its own. Ways: bits flipped, a range zeroed, cut off, chunks swapped, bytes inserted,
digits of the head changed, bytes of a zip's directory changed, the file put twice into itself; and, as only who means
harm does, a member of a zip damaged with all its checksums made right again ("resealed").

Outcomes: "refused" with one line, "equal" to the undamaged set, or "changed". The last is right where nothing could
tell: files without checksums, and resealed ones. Everything else is a fault: a changed set from a file with checksums,
any exception, a signal, a limit of memory or time, or an attempt to run or unpickle anything. With --out each trial is
a line of that file, and seeds that are there are not tried again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import limbeck
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError

MEMORY = 256
"""MB that an import may take beyond what it began with."""
SECONDS = 20
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class")
"""What is never done while a file is read."""
CHECKED = ("dc", "pair", "dataset", "numpy", "steps", "npz", "npz-compressed", "files")
"""Originals whose files carry checksums of all their contents."""


def originals(folder: Path, task: AbstractTask) -> dict[str, Path]:
    """A small real set in each layout, by the name of the layout."""
    batch = task.load("train", torch.arange(12))
    images, labels = batch.inputs, batch.classes
    pixels = (task.native("train", torch.arange(12)) * 255).to(torch.uint8)

    def torch_file(name: str, value: Any, **options: bool) -> Path:
        torch.save(value, folder / f"{name}.pt", **options)
        return folder / f"{name}.pt"

    halves = [(images[:6], labels[:6], torch.tensor(0.02)), (images[6:], labels[6:], torch.tensor(0.01))]
    made = {
        "dc": torch_file("dc", {"data": [[images, labels]], "accs_all_exps": {"ConvNet": [np.float64(0.3)]}}),
        "pair": torch_file("pair", [images, labels]),
        "dataset": torch_file("dataset", TensorDataset(images, labels)),
        "numpy": torch_file("numpy", {"images": images.numpy(), "labels": labels.numpy()}),
        "steps": torch_file("steps", halves),
        "old": torch_file("old", {"x": images, "y": labels}, _use_new_zipfile_serialization=False),
        "npz": folder / "set.npz",
        "npz-compressed": folder / "compressed.npz",
        **{name: folder / name for name in ("files", "arrays", "pictures")},
    }
    np.savez(made["npz"], x=images.numpy(), y=labels.numpy())
    np.savez_compressed(made["npz-compressed"], image=pixels.numpy(), label=labels.numpy())
    for name in ("files", "arrays", "pictures"):
        made[name].mkdir()
    for name, value in (("images", images), ("labels", labels), ("lr", torch.tensor(0.03))):
        torch.save(value, made["files"] / f"{name}_best.pt")
        np.save(made["arrays"] / f"{name}.npy", value.numpy())
    for index, (image, label) in enumerate(zip(pixels, labels.tolist(), strict=True)):
        (made["pictures"] / f"new{label:03}").mkdir(exist_ok=True)
        Image.fromarray(image[0].numpy()).save(made["pictures"] / f"new{label:03}" / f"{index}.png")
    return made


def flipped(data: bytearray, draw: random.Random) -> bytearray:
    """One to eight bits changed."""
    for _ in range(draw.randint(1, 8)):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return data


def zeroed(data: bytearray, draw: random.Random) -> bytearray:
    """A range of zeros."""
    start = draw.randrange(len(data))
    stop = min(len(data), start + draw.choice([1, 4, 64, 1024]))
    data[start:stop] = bytes(stop - start)
    return data


def truncated(data: bytearray, draw: random.Random) -> bytearray:
    """The end gone."""
    return data[: draw.randrange(len(data))]


def swapped(data: bytearray, draw: random.Random) -> bytearray:
    """Two chunks in each other's place."""
    size = max(1, min(draw.choice([4, 64, 512]), len(data) // 2))
    one, other = sorted(draw.sample(range(len(data) - size + 1), 2)) if len(data) > size + 1 else (0, 0)
    data[one : one + size], data[other : other + size] = data[other : other + size], data[one : one + size]
    return data


def inserted(data: bytearray, draw: random.Random) -> bytearray:
    """Bytes of no meaning somewhere."""
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.randbytes(draw.choice([1, 8, 100])) + data[at:]


def renumbered(data: bytearray, draw: random.Random) -> bytearray:
    """Digits and quotes changed near the head, where shapes and types are written."""
    places = [at for at, byte in enumerate(data[:4096]) if chr(byte) in "0123456789<>|'(),fiu"]
    for _ in range(draw.randint(1, 3) if places else 0):
        data[draw.choice(places)] = ord(draw.choice("0123456789<>|'(),fiubOUV"))
    return data


def directory(data: bytearray, draw: random.Random) -> bytearray:
    """Bytes changed in the headers of a zip."""
    marks = [at for at in range(len(data) - 4) if data[at : at + 2] == b"PK"]
    if not marks:
        return flipped(data, draw)
    for _ in range(draw.randint(1, 4)):
        at = draw.choice(marks) + draw.randrange(4, 46)
        if at < len(data):
            data[at] = draw.randrange(256)
    return data


def doubled(data: bytearray, draw: random.Random) -> bytearray:
    """The file behind itself."""
    return data + data


RAW = (flipped, zeroed, truncated, swapped, inserted, renumbered, directory, doubled)


def resealed(data: bytearray, draw: random.Random) -> bytearray:
    """A zip of which one member is damaged, or there twice, and every checksum is right."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as whole, zipfile.ZipFile(made, "w") as again:
        names = whole.namelist()
        victim = draw.choice([name for name in names if whole.getinfo(name).file_size])
        for name in names:
            member = bytearray(whole.read(name))
            if name == victim:
                member = draw.choice([way for way in RAW if way is not directory])(member, draw)
            again.writestr(name, bytes(member))
    return bytearray(made.getvalue())


def damaged(source: Path, into: Path, draw: random.Random) -> tuple[Path, list[str]]:
    """A damaged copy of a set, and in which ways it is."""
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    files = [each for each in files if each.is_file()]
    victim = draw.choice(files)
    for file in files:
        place = into / file.relative_to(source.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        data, ways = bytearray(file.read_bytes()), []
        if file == victim:
            zipped = bytes(data[:2]) == b"PK"
            if zipped and draw.random() < 0.5:
                data, ways = resealed(data, draw), ["resealed"]
            for _ in range(draw.choice([0, 1, 1, 2]) if ways else draw.choice([1, 1, 2, 3])):
                if data:
                    way = draw.choice(RAW)
                    data, ways = way(data, draw), [*ways, way.__name__]
            told = ways
        place.write_bytes(bytes(data))
    return into / source.relative_to(source.parent), told


def read(path: Path, task: AbstractTask) -> str:
    """The digest of the set at `path`, or "" where it is refused."""
    try:
        return limbeck.import_set(path, task=task, confirm=lambda _: True).digest
    except InputError as refused:
        assert len(str(refused).splitlines()) == 1
        return ""


def judged(name: str, ways: list[str], digest: str, right: str) -> str:
    """What an import came to."""
    if not digest:
        return "refused"
    if digest == right:
        return "equal"
    return "fault: changed" if name in CHECKED and "resealed" not in ways else "changed"


def trial(seed: int, sets: dict[str, Path], digests: dict[str, str], task: AbstractTask) -> dict[str, Any]:
    """Damage one set and import it, here and now."""
    draw = random.Random(seed)
    name = draw.choice(sorted(sets))
    with tempfile.TemporaryDirectory() as into:
        path, ways = damaged(sets[name], Path(into), draw)
        try:
            outcome = judged(name, ways, read(path, task), digests[name])
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome = f"fault: {type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
    return {"seed": seed, "set": name, "ways": ways, "outcome": outcome}


def apart(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `run` says, run in a process of its own, whose memory, time and deeds are watched."""
    reader, writer = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        _inside(run, writer)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], SECONDS)
    said = b"".join(iter(lambda: os.read(reader, 65536), b"")) if ready else b""
    os.close(reader)
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    found = json.loads(said) if said else {"outcome": f"fault: no answer, status {status}"}
    return {**found, "seconds": round(time.monotonic() - began, 2)}


def _inside(run: Callable[[], dict[str, Any]], writer: int) -> None:
    """Run and report in this process, then end it without a trace of its parent."""
    deeds: list[str] = []
    try:
        sys.addaudithook(lambda event, _: deeds.append(event) if event in FORBIDDEN else None)
        address_space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (address_space + 2**31,) * 2)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = run()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        if grown > MEMORY or deeds:
            found["outcome"] = f"fault: {deeds[0]}" if deeds else "fault: memory"
        os.write(writer, json.dumps({**found, "MB": grown}).encode())
    finally:
        os._exit(0)


def report(found: list[dict[str, Any]]) -> str:
    """How many trials of each set came to what."""
    outcomes = sorted({each["outcome"] for each in found})
    lines = [f"{'set':16}" + "".join(f"{outcome:>{len(outcome) + 2}}" for outcome in outcomes)]
    for name in [*sorted({each.get("set", "?") for each in found}), "all"]:
        counts = Counter(each["outcome"] for each in found if name in ("all", each.get("set", "?")))
        lines.append(f"{name:16}" + "".join(f"{counts[outcome]:>{len(outcome) + 2}}" for outcome in outcomes))
    most, longest = (max(each.get(what, 0) for each in found) for what in ("MB", "seconds"))
    return "\n".join([*lines, f"at most {most} MB more and {longest} s a trial"])


def main() -> int:
    """Try the seeds that were not tried, and count; 0 where there is no fault."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=0, help="the first seed")
    options.add_argument("--out", type=Path, help="a file of one line a trial, which is gone on with")
    given = options.parse_args()
    kept = given.out.read_text().splitlines() if given.out and given.out.exists() else []
    found = [json.loads(line) for line in kept]
    done = {each["seed"] for each in found}
    torch.set_num_threads(1)
    task = limbeck.load("digits")
    with tempfile.TemporaryDirectory() as name:
        sets = originals(Path(name), task)
        digests = {each: read(path, task) for each, path in sets.items()}
        assert all(digests.values()), digests
        for seed in range(given.seed, given.seed + given.count):
            if seed in done:
                continue
            one = {"seed": seed, **apart(lambda seed=seed: trial(seed, sets, digests, task))}
            found.append(one)
            if given.out:
                with open(given.out, "a") as lines:
                    lines.write(json.dumps(one) + "\n")
            if one["outcome"].startswith("fault"):
                print(one, flush=True)
    print(report(found))
    return any(each["outcome"].startswith("fault") for each in found)


if __name__ == "__main__":
    sys.exit(main())
