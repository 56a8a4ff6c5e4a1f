"""Claims: one holds, the dead give way, and who was stopped for long removes nothing of others. By a clock of ours."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from limbeck.core.errors import InputError
from limbeck.runs.claims import Claim, Rhythm, Watch, claimed, look, remove
from limbeck.runs.owners import Owner, owned
from limbeck.runs.store import Store


@dataclass
class Clock:
    """A clock that only sleeping moves, and what happens in each sleep."""

    now: float = 0.0
    happens: list[Any] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.happens:
            self.happens.pop(0)()

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(beat=3600.0, patience=60.0, clock=lambda: self.now, sleep=self.sleep)


def elsewhere(path: Path, **other: Any) -> Owner:
    """A claim of a process of another machine."""
    owner = replace(Owner.new(), **{"host": "far", "boot": "another", "process": 7, "token": "ab" * 8, **other})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(vars(owner)))
    return owner


def touch(path: Path) -> None:
    os.utime(path, ns=(0, os.stat(path).st_mtime_ns + 1))


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_claim_is_held_by_one_and_leaves_nothing(tmp_path: Path) -> None:
    path, clock = tmp_path / "ab" / "x.claim", Clock()
    with claimed(path, "run x", rhythm=clock.rhythm) as claim:
        assert claim.held() and names(tmp_path) == ["ab/x.claim"]
        with (
            pytest.raises(InputError, match=rf"^run x is under way in process {os.getpid()} on \S+; wait for it, or"),
            claimed(path, "run x", rhythm=clock.rhythm),
        ):
            pytest.fail("two hold it")
        assert claim.held()
    assert names(tmp_path) == [] and clock.now == 0.0


def test_a_waiter_has_it_when_it_is_released(tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    elsewhere(path)
    clock.happens = [lambda: touch(path), path.unlink]
    with claimed(path, "", wait=True, rhythm=clock.rhythm) as claim:
        assert claim.held()
    assert clock.now < 60.0


def test_the_claim_of_an_ended_process_of_this_machine_is_taken_at_once(tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    here = Owner.new()
    for gone in (
        replace(here, process=ended()),
        replace(here, process=1, started="1"),  # Its number is another's by now.
        here,  # Given up by this process.
    ):
        path.write_text(json.dumps(vars(gone)))
        with claimed(path, "run x", rhythm=clock.rhythm) as claim:
            assert claim.held()
        assert names(tmp_path) == [] and clock.now == 0.0


@pytest.mark.parametrize("other", [{}, {"boot": ""}, {"boot": None, "space": "pid:[1]"}])
def test_the_claim_of_another_machine_is_taken_when_it_was_not_touched_for_as_long_as_is_said(
    other: dict[str, Any], tmp_path: Path
) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    here = Owner.new()
    # The number is of no process here; that says nothing of another machine, or of another container of this one.
    known = {"host": here.host, "boot": here.boot} if "space" in other else {}
    elsewhere(path, process=ended(), **{**other, **known})
    # Touched three times, and never again; the time of the file is long ago by any clock.
    clock.happens = [lambda: touch(path)] * 3
    with claimed(path, "", wait=True, rhythm=clock.rhythm):
        assert 60.0 <= clock.now < 62.0
    assert names(tmp_path) == []


def test_who_does_not_wait_learns_as_soon_as_another_machine_is_seen_to_live(tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    elsewhere(path)
    clock.happens = [lambda: None, lambda: touch(path)]
    with (
        pytest.raises(InputError, match="^run x is under way in process 7 on far; wait for it, or"),
        claimed(path, "run x", rhythm=clock.rhythm),
    ):
        pytest.fail("two hold it")
    assert not clock.happens and clock.now < 1.0
    # And where it is not, gets it.
    with claimed(path, "run x", rhythm=clock.rhythm):
        assert clock.now >= 60.0


def test_a_claim_that_says_nothing_is_waited_for_as_one_of_another_machine(tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    for text in ("", "{", '{"host": "far"}', json.dumps({**vars(Owner.new()), "process": "7"})):
        path.write_text(text)
        before = clock.now
        with claimed(path, "run x", rhythm=clock.rhythm):
            assert clock.now - before >= 60.0
        assert names(tmp_path) == []


def test_who_lost_a_claim_neither_removes_nor_touches_that_of_another(tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    with claimed(path, "run x", rhythm=clock.rhythm) as claim:
        path.unlink()
        elsewhere(path)
        before = path.stat().st_mtime_ns
        assert not claim.held() and claim.successor() == "process 7 on far"
        claim.touch()
        assert path.stat().st_mtime_ns == before
    assert names(tmp_path) == ["x.claim"]


def test_an_owner_touches_its_claim(tmp_path: Path) -> None:
    path = tmp_path / "x.claim"
    with claimed(path, "run x", rhythm=Rhythm(beat=0.001)):
        for _ in range(2):
            os.utime(path, (0, 0))
            while path.stat().st_mtime == 0:
                pass


@pytest.mark.parametrize("mine", [False, True])
def test_of_two_who_remove_one_claim_only_one_does_and_the_next_claim_stays(mine: bool, tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    stale = elsewhere(path)
    watch = Watch(clock.rhythm)
    gate = path.with_name(f"{path.name}.{stale.token}")
    # Another is at it: nothing happens, as long as that one is not gone.
    with owned() as living:
        gate.write_text(json.dumps(vars(living if mine else replace(living, host="far"))))
        assert not remove(path, stale.token, watch) and path.exists()
        clock.now += 1
        assert not remove(path, stale.token, watch) and gate.exists()
        if not mine:
            clock.now += 60
    # It is gone: its gate goes first, then the claim.
    assert not remove(path, stale.token, watch) and not gate.exists() and path.exists()
    assert remove(path, stale.token, watch) and names(tmp_path) == []
    # Who comes late finds the claim of somebody else, and leaves it.
    after = elsewhere(path, token="cd" * 8)
    assert remove(path, stale.token, watch)
    seen = look(path)
    assert seen is not None and seen.owner == after and names(tmp_path) == ["x.claim"]


def test_an_answer_that_was_lost_is_known_by_the_number_of_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, link = tmp_path / "x.claim", os.link

    def repeated(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", repeated)
    with claimed(path, "run x", rhythm=Clock().rhythm) as claim:
        assert claim.held() and names(tmp_path) == ["x.claim"]


def test_where_files_have_one_name_it_is_as_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    test_a_claim_is_held_by_one_and_leaves_nothing(tmp_path)


@pytest.mark.parametrize("at", ["write", "link", "unlink"])
def test_what_is_interrupted_or_finds_no_room_leaves_nothing_that_blocks(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock, done = tmp_path / "x.claim", Clock(), getattr(os, at)
    for after, error in ((False, OSError(errno.ENOSPC, "No space left on device")), (True, KeyboardInterrupt())):
        times = [1]

        def failing(*words: Any, after: bool = after, error: BaseException = error, times: list[int] = times) -> Any:
            if not times:
                return done(*words)
            times.pop()
            if after:
                done(*words)
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(os, at, failing)
            try:
                with claimed(path, "run x", rhythm=clock.rhythm):
                    pass
            except KeyboardInterrupt:
                assert after
            except InputError as said:
                assert "No space left on device; free some space" in str(said)
        with claimed(path, "run x", rhythm=clock.rhythm) as claim:
            assert claim.held() and clock.now == 0.0


HOLDER = """
import os, sys
from pathlib import Path
from limbeck.runs.claims import Rhythm, claimed

with claimed(Path(sys.argv[1]), "run x", rhythm=Rhythm(beat=0.001)) as claim:
    print("held", flush=True)
    sys.stdin.readline()
    print(claim.held(), flush=True)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_a_process_that_was_killed_gives_way_at_once_and_one_that_was_stopped_notices(tmp_path: Path) -> None:
    path, clock = tmp_path / "x.claim", Clock()
    process = holder(path)
    with pytest.raises(InputError, match=f"in process {process.pid} on"), claimed(path, "run x", rhythm=clock.rhythm):
        pytest.fail("two hold it")
    process.send_signal(19)  # SIGSTOP
    while "T" not in Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]:
        pass
    with claimed(path, "run x", wait=True, rhythm=clock.rhythm) as claim:
        assert clock.now >= 60.0
        process.send_signal(18)  # SIGCONT
        assert process.communicate("go on\n")[0] == "False\n"
        assert claim.held()
    assert names(tmp_path) == []
    clock.now, process = 0.0, holder(path)
    process.kill()
    process.wait()
    with claimed(path, "run x", rhythm=clock.rhythm):
        assert clock.now == 0.0
    assert names(tmp_path) == []


CONTENDING = """
import os, sys, time
from pathlib import Path
from limbeck.runs.claims import Rhythm, claimed

quick = Rhythm(sleep=lambda seconds: time.sleep(seconds / 20))
place, count, pieces = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
os.chdir(place)
go, wait = os.pipe()
children = []
for number in range(count):
    child = os.fork()
    if not child:
        os.close(wait)
        os.read(go, 1)
        for piece in range(pieces):
            with claimed(Path(f"{piece}.claim"), "", wait=True, rhythm=quick):
                if not Path(f"{piece}.done").exists():
                    with open(f"{piece}.made", "a") as made:
                        made.write("x")
                    Path(f"{piece}.done").touch()
        os._exit(0)
    children.append(child)
os.close(wait)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_of_twenty_who_contend_for_claims_of_a_dead_owner_each_piece_of_work_is_done_by_one(tmp_path: Path) -> None:
    dead = replace(Owner.new(), process=ended())
    for piece in range(3):
        (tmp_path / f"{piece}.claim").write_text(json.dumps(vars(dead)))
    subprocess.run([sys.executable, "-c", CONTENDING, str(tmp_path), "20", "3"], check=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: text for piece in range(3) for name, text in ((f"{piece}.made", "x"), (f"{piece}.done", ""))
    }


def test_what_was_made_by_another_while_this_one_was_stopped_stays(tmp_path: Path) -> None:
    store, address = Store(tmp_path, rhythm=Clock().rhythm), {"name": "it"}

    def make() -> dict[str, Any]:
        (claim,) = tmp_path.rglob("*.claim")
        claim.unlink()
        Store(tmp_path).remember(address, lambda: {"x": torch.ones(1)})
        elsewhere(claim)
        return {"x": torch.zeros(1)}

    store.remember(address, make)
    kept = store.recall(address)
    assert kept is not None and float(kept["x"]) == 1.0


def test_a_run_that_was_taken_over_ends_at_its_next_checkpoint(tmp_path: Path) -> None:
    store = Store(tmp_path, rhythm=Clock().rhythm)
    with store.run({"seed": 1}) as run:
        run.write({"x": torch.zeros(1)})
        assert isinstance(run.claim, Claim)
        run.claim.path.unlink()
        elsewhere(run.claim.path)
        for write in (lambda: run.write({"x": torch.ones(1)}), lambda: run.finish(pytest.fail, {})):
            with pytest.raises(InputError, match=rf"^run {run.id}: .* by process 7 on far; it ends here, .*$"):
                write()
        kept = run.read()
        assert kept is not None and float(kept["x"]) == 0.0
