"""The layout of a file of tensors: safetensors, whose header proves itself and every tensor.

A file is the length of its head (8 bytes, little end first), the head (JSON), and the numbers of the tensors, end to
end. The head begins with its own digest, which is of all of the head and its length, with zeros where the digest
stands; beside it stand limbeck's header and a digest of the numbers of each tensor. So no bit of a file is without a
digest, and one tensor can be verified without reading another.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, NamedTuple

LENGTH = 8
"""Bytes of the length of the head."""
BEGIN = b'{"__metadata__":{"digest":"'
"""How every head begins; the digest follows."""
BLANK = "0" * 64
"""What stands in place of the digest while it is computed."""
DTYPES = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "C64": ("complex64", 8),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U64": ("uint64", 8),
    "U32": ("uint32", 4),
    "U16": ("uint16", 2),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}
"""The types of numbers by their names in a file: what torch calls them, and the bytes of one."""
NAMES = {dtype: name for name, (dtype, _) in DTYPES.items()}
LARGEST = 100_000_000
"""Bytes of the largest head that safetensors reads."""


class Entry(NamedTuple):
    """Where the numbers of one tensor are, counted from the end of the head, and what they are."""

    dtype: str
    """As torch calls it."""
    shape: tuple[int, ...]
    start: int
    length: int
    digest: str


def head_of(entries: dict[str, Entry], header: dict[str, Any]) -> bytes:
    """The length and the head of a file of those tensors, in their order, with limbeck's header."""
    metadata = {
        "digest": BLANK,
        "limbeck": json.dumps(header, sort_keys=True, ensure_ascii=False, allow_nan=False),
        "digests": json.dumps({name: entry.digest for name, entry in entries.items()}, ensure_ascii=False),
    }
    described = {
        name: {
            "dtype": NAMES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [entry.start, entry.start + entry.length],
        }
        for name, entry in entries.items()
    }
    text = json.dumps({"__metadata__": metadata, **described}, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH)  # The numbers begin where a word of the machine may.
    blank = len(text).to_bytes(LENGTH, "little") + text
    return _with(blank, hashlib.sha256(blank).hexdigest())


def parse(head: bytes, size: int) -> tuple[dict[str, Entry], dict[str, Any]]:
    """The entries by name and limbeck's header, of the length and head of a file of `size` bytes.

    Raises ValueError, with the reason, where it is not as `head_of` made it or does not fit the size.
    """
    stood = head[LENGTH + len(BEGIN) :][: len(BLANK)].decode(errors="replace")
    if head[LENGTH:][: len(BEGIN)] != BEGIN:
        raise ValueError("its head carries no digest")
    if hashlib.sha256(_with(head, BLANK)).hexdigest() != stood:
        raise ValueError("its head is not what its digest says")
    try:
        return _parsed(json.loads(head[LENGTH:]), size - len(head))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its head is of another form ({type(error).__name__}: {error})") from error


def _with(head: bytes, digest: str) -> bytes:
    """The head with that digest in its place."""
    at = LENGTH + len(BEGIN)
    return head[:at] + digest.encode() + head[at + len(BLANK) :]


def _parsed(document: dict[str, Any], size: int) -> tuple[dict[str, Entry], dict[str, Any]]:
    metadata = document.pop("__metadata__")
    header, digests = json.loads(metadata["limbeck"]), json.loads(metadata["digests"])
    if not isinstance(header, dict) or not isinstance(digests, dict) or digests.keys() != document.keys():
        raise TypeError("a header, and a digest for each tensor, are expected")
    entries, before = {}, 0
    for name, described in document.items():
        (start, stop), shape = described["data_offsets"], described["shape"]
        dtype, wide = DTYPES[described["dtype"]]
        if not all(type(number) is int and 0 <= number < 2**63 for number in (start, stop, *shape)):
            raise TypeError(f"{name}: sizes are whole numbers")
        if start != before or stop - start != math.prod(shape) * wide:
            raise TypeError(f"{name}: its place is not where its size says")
        entries[name] = Entry(dtype, tuple(shape), start, stop - start, str(digests[name]))
        before = stop
    if before != size:
        raise ValueError(f"it has {size} bytes of numbers, its head says {before}")
    return entries, header
