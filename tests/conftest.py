"""What every test stands on: one thread, checked shapes, and no file of the user's touched."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import jaxtyping
import pytest
from hypothesis import settings

# Before torch and numpy are loaded, and for every process a test starts: the workers share the cores.
for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

# Modules that tests share.
sys.path.append(str(Path(__file__).parent))

# Before anything of limbeck is imported.
importlib.import_module("shapes").check()

settings.register_profile("limbeck", derandomize=True, database=None, max_examples=20, deadline=None)
settings.load_profile("limbeck")


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker a home, a cache and a folder of runs of its own, gone when it ends."""
    home = Path(tempfile.mkdtemp(prefix="limbeck-tests-"))
    isolated = pytest.MonkeyPatch()
    isolated.setenv("HOME", str(home))
    isolated.setenv("LIMBECK_CACHE", str(home / "cache"))
    isolated.setenv("LIMBECK_RUNS", str(home / "runs"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    config.add_cleanup(isolated.undo)
    # The processes that tests start compile limbeck once, not each anew.
    isolated.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    # What starts in the background of a script ignores Ctrl-C, and so would every process a test starts.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # A worker computes; the process that hands out the tests never loads torch.
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets; tests that need it are skipped where none is named."""
    root = os.environ.get("LIMBECK_DATA")
    if not root:
        pytest.skip("LIMBECK_DATA is not set: no real data sets to test with")
    return Path(root)


@pytest.fixture
def unchecked_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checks of shapes: torch cannot trace through them."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the source tree."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def studied() -> ModuleType:
    """A study that is made up: every probe, two sets, names that mean harm."""
    place = Path(__file__).parent / "studied.py"
    spec = importlib.util.spec_from_file_location("studied", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
