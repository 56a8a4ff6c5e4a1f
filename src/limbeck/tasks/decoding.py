"""Encoded images decoded side by side, by processes of one thread each; `python -m limbeck.tasks.decoding` is one.

Pillow's warnings and its limit of pixels are globals, so threads would meet in them. A process is asked by a line of
JSON and answers with one, followed by the bytes of the pixels; what it cannot decode is decoded here again, where the
error is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from limbeck.core.threads import usable_cores
from limbeck.tasks.frame import Frame, chunk_of
from limbeck.tasks.readers.encoded import Encoded
from limbeck.tasks.readers.shards import Shard, Shards
from limbeck.tasks.readers.source import AbstractImages, Array, Reading

WORTH = 5_000
"""Images from which on it is worth the second that a process takes to begin."""
MOST = 16
"""Processes at most: what they decode is written by one."""
COMMAND = (sys.executable, "-m", "limbeck.tasks.decoding")


def chunks(images: AbstractImages, frame: Frame, spans: Sequence[range]) -> Iterator[Array]:
    """The images of each span, (example, channel, height, width), in order; InputError for what cannot be decoded."""
    described = _described(images)
    count = min(usable_cores(), MOST, len(spans))
    if described is None or len(images) < WORTH or count < 2:
        yield from (chunk_of(images, span, frame) for span in spans)
        return
    processes = [_begun(described, frame) for _ in range(count)]
    try:
        asked = deque[tuple[range, subprocess.Popen[bytes]]]()
        for number, span in enumerate(spans):
            # Each process is asked for the next of its spans as soon as its last is taken, and works ahead by one.
            process = processes[number % count]
            if len(asked) == 2 * count:
                yield _answer(*asked.popleft(), images, frame)
            _ask(process, span)
            asked.append((span, process))
        while asked:
            yield _answer(*asked.popleft(), images, frame)
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):
                    _open(stream).close()


def _described(images: AbstractImages) -> dict[str, Any] | None:
    """How another process finds the images; None where they are here alone."""
    if not isinstance(images, Encoded):
        return None
    reading = asdict(images.reading)
    if isinstance(images.contents, Shards):
        files = [{**asdict(each), "path": str(each.path)} for each in images.contents.files]
        return {"reading": reading, "shards": files}
    if all(isinstance(each, Path) for each in images.contents):
        return {"reading": reading, "paths": [str(each) for each in images.contents]}
    return None


def _begun(described: dict[str, Any], frame: Frame) -> subprocess.Popen[bytes]:
    # A group of its own: Ctrl-C reaches this process alone, which then ends the others.
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    _write(process, {**described, "frame": list(frame)})
    return process


def _ask(process: subprocess.Popen[bytes], span: range) -> None:
    _write(process, [span.start, span.stop])


def _write(process: subprocess.Popen[bytes], value: Any) -> None:
    # One that ended says so where its answer is read.
    with suppress(OSError):
        stream = _open(process.stdin)
        stream.write(json.dumps(value).encode() + b"\n")
        stream.flush()


def _answer(span: range, process: subprocess.Popen[bytes], images: AbstractImages, frame: Frame) -> Array:
    """What a process decoded, else what is decoded here."""
    shape = (len(span), frame.channel, frame.height, frame.width)
    size = int(np.prod(shape)) * np.dtype(frame.dtype).itemsize
    stream = _open(process.stdout)
    if stream.readline().strip() == str(size).encode():
        pixels = stream.read(size)
        if len(pixels) == size:
            return np.frombuffer(pixels, frame.dtype).reshape(shape)
    return chunk_of(images, span, frame)


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Decode what is asked for, until nothing more is."""
    described = json.loads(asked.readline())
    images = _found(described)
    frame = Frame._make([*described["frame"][:5], tuple(described["frame"][5])])
    for line in asked:
        try:
            pixels = chunk_of(images, range(*json.loads(line)), frame).tobytes()
        except Exception:
            # Whoever asked does it again, and is told what is wrong.
            answers.write(b"0\n")
        else:
            answers.write(str(len(pixels)).encode() + b"\n")
            answers.write(pixels)
        answers.flush()


def _found(described: dict[str, Any]) -> Encoded:
    reading = Reading(**described["reading"])
    if "paths" in described:
        return Encoded([Path(each) for each in described["paths"]], str, reading)
    shards = [
        Shard(Path(each["path"]), each["column"], each["struct"], tuple(each["groups"]), tuple(each["stamp"]))
        for each in described["shards"]
    ]
    return Encoded(Shards(shards), str, reading)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
