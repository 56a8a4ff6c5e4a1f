"""An interruption ends a command, whenever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
import os, signal
os.kill(os.getpid(), signal.{signal})
for _ in range(1000):
    pass
done = True
"""
PROGRAM = """
import signal
from limbeck.core.interruptions import interrupt_between_imports
interrupt_between_imports()
try:
    import imported
except BaseException:
    print("swallowed")
try:
    signal.sigtimedwait([], 60)
except KeyboardInterrupt:
    print("interrupted", imported.done)
    # It does not come again.
    signal.sigtimedwait([], 0.2)
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interruption_waits_for_the_end_of_an_import_and_is_never_taken_for_its_failure(
    number: str, tmp_path: Path
) -> None:
    (tmp_path / "imported.py").write_text(MODULE.format(signal=number))
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("interrupted True\n", "", 0)


def test_sigint_stays_ignored_where_it_is_as_in_the_background_of_a_shell(tmp_path: Path) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from limbeck.core.interruptions import interrupt_between_imports; interrupt_between_imports()\n"
        "signal.raise_signal(signal.SIGINT); print('goes on')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stdout == "goes on\n"


LEAVES = """
import signal
from limbeck.core.interruptions import between_imports
def leave(number, frame):
    raise SystemExit(number)
signal.signal(signal.SIGTERM, between_imports(leave))
import imported
signal.sigtimedwait([], 60)
"""


def test_what_another_handler_raises_waits_too_and_is_of_the_signal_that_came(tmp_path: Path) -> None:
    (tmp_path / "imported.py").write_text(MODULE.format(signal="SIGTERM"))
    ended = subprocess.run([sys.executable, "-c", LEAVES], cwd=tmp_path)
    assert ended.returncode == signal.SIGTERM


SWALLOWED = """
import os, signal, weakref
from limbeck.core.interruptions import interrupt_between_imports
interrupt_between_imports()
class Thing:
    def __del__(self):
        {deleted}
def dropped(_):
    {dropped}
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass
thing = Thing()
seen = weakref.ref(thing, dropped)
try:
    del thing
    signal.sigtimedwait([], 60)
except KeyboardInterrupt:
    print("interrupted")
    signal.sigtimedwait([], 0.2)
"""


@pytest.mark.parametrize("where", [("interrupt()", "pass"), ("pass", "interrupt()")])
def test_an_interruption_that_python_must_swallow_comes_again(where: tuple[str, str]) -> None:
    program = SWALLOWED.format(deleted=where[0], dropped=where[1])
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("interrupted\n", "", 0)


ALARM = """
import signal
from limbeck.core.interruptions import between_imports
class OverError(Exception):
    pass
def stop(number, frame):
    raise OverError(number)
class Thing:
    def __del__(self):
        signal.raise_signal(signal.SIGALRM)
between_imports(stop)
thing = Thing()
try:
    del thing
    signal.sigtimedwait([], 60)
except OverError as error:
    print("over", error)
    signal.sigtimedwait([], 0.2)
"""


def test_an_alarm_that_python_must_swallow_comes_again_whatever_it_raises() -> None:
    ended = subprocess.run([sys.executable, "-c", ALARM], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("over 0\n", "", 0)


def test_what_is_swallowed_and_is_no_interruption_is_still_told() -> None:
    program = SWALLOWED.format(deleted="raise KeyError('lost')", dropped="interrupt()")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stdout == "interrupted\n" and "KeyError: 'lost'" in ended.stderr
