"""limbeck distils a data set into a few synthetic examples, scores them honestly, and explains what they hold.

The public page; every name below is imported when it is first used, so that `import limbeck` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from limbeck.core.version import VERSION

if TYPE_CHECKING:
    from limbeck.api import distill as distill
    from limbeck.api import evaluate as evaluate
    from limbeck.api import explain as explain
    from limbeck.compression import compress as compress
    from limbeck.core.errors import InputError as InputError
    from limbeck.core.findings import Finding as Finding
    from limbeck.core.key import Key as Key
    from limbeck.distilled_set import DistilledSet as DistilledSet
    from limbeck.exported import Publication as Publication
    from limbeck.exports import export as export
    from limbeck.frames import frame as frame
    from limbeck.imported import import_set as import_set
    from limbeck.protocols import Epochs as Epochs
    from limbeck.protocols import Own as Own
    from limbeck.report.standalone import write_figures as write_figures
    from limbeck.runs.session import Session as Session
    from limbeck.studies import study as study
    from limbeck.studies import write_report as write_report
    from limbeck.sweeps import sweep as sweep
    from limbeck.tasks import load as load

__version__ = VERSION

_HOMES = {
    "load": "limbeck.tasks",
    "distill": "limbeck.api",
    "evaluate": "limbeck.api",
    "explain": "limbeck.api",
    "export": "limbeck.exports",
    "compress": "limbeck.compression",
    "frame": "limbeck.frames",
    "study": "limbeck.studies",
    "write_figures": "limbeck.report.standalone",
    "write_report": "limbeck.studies",
    "sweep": "limbeck.sweeps",
    "import_set": "limbeck.imported",
    "Finding": "limbeck.core.findings",
    "DistilledSet": "limbeck.distilled_set",
    "Publication": "limbeck.exported",
    "Epochs": "limbeck.protocols",
    "Own": "limbeck.protocols",
    "Key": "limbeck.core.key",
    "Session": "limbeck.runs.session",
    "InputError": "limbeck.core.errors",
}

__all__ = [
    "DistilledSet", "Epochs", "Finding", "InputError", "Key", "Own", "Publication", "Session", "compress", "distill",
    "evaluate", "explain", "export", "frame", "import_set", "load", "study", "sweep",
    "write_figures", "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'limbeck' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
