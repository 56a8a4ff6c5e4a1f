"""JSON documents that prove their contents: each carries a digest of the rest of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from limbeck.core.errors import DamagedError, InputError

DIGEST = "digest"
"""The field that is of all others."""


def sealed(document: dict[str, Any], indent: int = 2) -> str:
    """The text of a document with its digest; equal documents in equal order give equal text.

    >>> json.loads(sealed({"a": 1})).keys() == {"a", "digest"}
    True
    """
    if DIGEST in document:
        raise TypeError(f"a document of its own field {DIGEST!r} cannot be sealed")
    whole = {**document, DIGEST: _digest(document)}
    return json.dumps(whole, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def read_document(path: Path, bare: bool = False) -> dict[str, Any]:
    """The document that a file of `sealed` holds, without its digest.

    A `bare` one may carry none: a person wrote it. Raises InputError where there is no such file, and DamagedError
    where it is no document or not what its digest says.
    """
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: found nothing, expected a JSON document; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: it cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: {error}; expected a JSON document") from error
    if not isinstance(document, dict):
        raise DamagedError(f"{path}: found a {type(document).__name__}, expected a JSON document")
    if bare and DIGEST not in document:
        return document
    said = document.pop(DIGEST, None)
    if said != _digest(document):
        raise DamagedError(
            f"{path}: damaged or changed by hand: it is not what its digest says; "
            f"copy or make it again{f', or take its {DIGEST!r} out where the change is meant' if bare else ''}"
        )
    return document


def _digest(document: dict[str, Any]) -> str:
    # NaN and infinity, which a damaged number may become, are let through here to be told by the digest.
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
