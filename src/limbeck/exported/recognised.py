"""What was exported is known by what it holds, whatever it is called."""

from __future__ import annotations

import zipfile
from pathlib import Path

from limbeck.core.documents import read_document
from limbeck.exported import npz, pt
from limbeck.exported.pictures import PICTURES
from limbeck.exported.written import INDEX

LARGEST = 2**26
"""Bytes of names and places at most in a file of tensors."""


def form_of(path: Path) -> str:
    """In which form `path` holds a whole set: "npz", "pt" or "folder"; "" where it is no such export.

    Nothing is unpickled. Raises InputError for a folder whose index is damaged.
    """
    if path.is_dir():
        return "folder" if (path / INDEX).is_file() and PICTURES in read_document(path / INDEX) else ""
    try:
        with zipfile.ZipFile(path) as opened:
            names = opened.namelist()
            if f"{npz.FACTS}.npy" in names:
                return "npz"
            pickled = next((name for name in names if name.endswith("/data.pkl")), None)
            if pickled is None or opened.getinfo(pickled).file_size > LARGEST:
                return ""
            return "pt" if pt.MARK in opened.read(pickled) else ""
    except Exception:  # hostile bytes may make a reader of archives fail in any way
        return ""
