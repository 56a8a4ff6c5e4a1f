"""Devices, cores, threads, precision and memory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch

from limbeck.core.memory import free_addresses, free_memory, held_memory, memory
from limbeck.core.threads import usable_cores
from limbeck.core.units import size
from limbeck.machine.line import Line
from limbeck.runs.executors.local import THREADS
from limbeck.runs.room import WORKER

CRAMPED = 4 * WORKER
"""Bytes of free memory below which little can be done."""
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""Variables that say how threads wait for work."""
HALF = ("avx512_bf16", "amx_bf16", "bf16")
"""What processors call instructions for bfloat16, as Linux names them."""


def devices() -> Line:
    """The processor, or the accelerators that work is done on by default."""
    if torch.cuda.is_available():
        found = []
        for index in range(torch.cuda.device_count()):
            free, whole = torch.cuda.mem_get_info(index)
            found.append(f"{torch.cuda.get_device_name(index)}, {size(free)} of {size(whole)} free")
        return Line("device", f"cuda: {'; '.join(found)}", facts={"device": "cuda", "found": found})
    if shutil.which("nvidia-smi"):
        advice = "an NVIDIA driver is here: install a torch that is built for its CUDA"
        return Line("device", f"cpu alone (torch {torch.__version__})", advice)
    return Line("device", f"cpu ({_processor()})", facts={"device": "cpu"})


def cores() -> Line:
    """How many cores this process may use, of how many."""
    usable, there = usable_cores(), os.cpu_count() or 1
    said = f"{usable} of {there} may be used" if usable < there else f"{there}, all may be used"
    allowed = ", as affinity or a control group says" if usable < there else ""
    return Line("cores", f"{said}{allowed}; workers by default: {usable}", facts={"usable": usable, "there": there})


def threads() -> Line:
    """By how many threads torch computes, and what the environment says of them."""
    taken, usable = torch.get_num_threads(), usable_cores()
    told = [f"{name}={os.environ[name]}" for name in (*THREADS, *WAITING) if name in os.environ]
    said = f"torch takes {taken}{' (' + ', '.join(told) + ')' if told else ''}; a worker takes 1"
    advice = f"more than there are cores: set OMP_NUM_THREADS={usable}" if taken > usable else ""
    return Line("threads", said, advice, facts={"threads": taken, "set": told})


def precision() -> Line:
    """Which instructions there are for numbers of fewer bits."""
    flags = _flags()
    half = [name for name in HALF if name in flags]
    said = f"float32 by {torch.backends.cpu.get_cpu_capability()}; bfloat16 "
    said += f"in hardware ({', '.join(half)})" if half else "without instructions of its own, no faster"
    if torch.cuda.is_available():
        tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        said += f"; tf32 for convolutions {_on(tf32[0])}, for products {_on(tf32[1])}"
    return Line("precision", said, facts={"bfloat16": half})


def room() -> Line:
    """How much memory may still be taken."""
    free, whole, addresses = free_memory(), memory(), free_addresses()
    said = f"{size(free)} free of {size(whole)}; this process holds {size(held_memory())}"
    if addresses is not None:
        said += f" and may map {size(addresses)} more (ulimit -v)"
    least = free if addresses is None else min(free, addresses)
    advice = "" if least >= CRAMPED else "close other programs, or raise the limit; --workers 1 takes least"
    return Line("memory", said, advice, least < WORKER, {"free": free, "whole": whole, "addresses": addresses})


def _on(said: bool) -> str:
    return "on" if said else "off"


def _flags() -> set[str]:
    """The instructions that the processor has, as Linux names them."""
    lines = _described()
    return {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.partition(":")[2].split()}


def _processor() -> str:
    named = [line.partition(":")[2].strip() for line in _described() if line.startswith("model name")]
    return named[0] if named else "of unknown name"


def _described() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
