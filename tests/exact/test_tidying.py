"""What `limbeck runs gc` removes and what it leaves, where old and new stores keep what, and listings."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from limbeck.cli import main
from limbeck.core.family import spec_id
from limbeck.core.files import write_tensors
from limbeck.runs.claims import Rhythm, claimed
from limbeck.runs.owners import Owner
from limbeck.runs.shelves import claim_of
from limbeck.runs.store import KEEPS, Store
from limbeck.runs.tidying import CHECKPOINTS, CLAIMS, DONE, OLD, TEMPORARY, tidy

ADDRESS = {"name": "it"}
ID = spec_id(ADDRESS)


class Slept:
    """A store whose clock moves in sleeps alone, and what happens in each."""

    def __init__(self, root: Path, *happens: Any) -> None:
        self.now, self.happens = 0.0, list(happens)
        self.store = Store(root, rhythm=Rhythm(3600.0, 60.0, lambda: self.now, self._sleep))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.happens:
            self.happens.pop(0)()


def one() -> dict[str, Any]:
    return {"x": torch.ones(1)}


def kinds(store: Store, **options: Any) -> list[tuple[str, str]]:
    return sorted((each.kind, each.path.name) for each in tidy(store, **options))


def claim(path: Path, **other: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(vars(replace(Owner.new(), **other))))
    return path


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_lies_by_its_id_lies_in_a_folder_of_two_digits_and_claims_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.remember(ADDRESS, one)
    store.note(ADDRESS, {"verdict": "one"})
    with store.run(ADDRESS) as run:
        run.finish(lambda path: write_tensors(path, {"x": torch.ones(1)}, {}), {})
    assert sorted(contents(tmp_path)) == sorted(
        [
            f"findings/{ID[:2]}/{ID}.json",
            f"remembered/{ID[:2]}/{ID}.safetensors",
            *(f"distillations/{ID[:2]}/{ID}/{name}" for name in ("record.json", "result.safetensors", "spec.json")),
        ]
    )
    assert store.holds(ADDRESS) and [found.id for found in store.runs()] == [ID] == [store.find(ID[:4]).id]
    assert [document["name"] for document, _ in store.noted()] == ["it"]


def test_what_an_older_store_keeps_is_found_and_stays_where_it_is(tmp_path: Path) -> None:
    test_what_lies_by_its_id_lies_in_a_folder_of_two_digits_and_claims_go(tmp_path)
    (tmp_path / "runs").mkdir()
    for kind, older in (("distillations", "runs"), ("remembered", "remembered"), ("findings", "findings")):
        for path in (tmp_path / kind / ID[:2]).iterdir():
            path.rename(tmp_path / older / path.name)
        (tmp_path / kind / ID[:2]).rmdir()
    store, before = Store(tmp_path), contents(tmp_path)
    kept = store.remember(ADDRESS, lambda: pytest.fail("it is made again"))
    assert float(kept["x"]) == 1.0 and store.holds(ADDRESS) and store.made(ADDRESS) > 0
    store.note(ADDRESS, {"verdict": "one"})
    with store.run(ADDRESS) as run:
        assert run.result.exists()
    assert contents(tmp_path) == before
    assert [found.id for found in store.runs()] == [ID] == [store.find(ID[:4]).id]
    assert [document["name"] for document, _ in store.noted()] == ["it"]
    # What an older process makes meanwhile in its place is read where there is no other.
    shutil.copytree(run.folder, tmp_path / "runs" / "0123456789abcdef")
    assert sorted(found.id for found in store.runs()) == sorted([ID, "0123456789abcdef"])
    store.remove(run)
    assert store.forget() == 2 and not store.holds(ADDRESS) and not list(store.noted())
    assert {path.split("/")[1] for path in contents(tmp_path)} == {"0123456789abcdef"}


def test_claims_and_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    place, far = tmp_path / "remembered", {"host": "far", "boot": "another"}
    dead, living, silent = (claim_of(place, digit * 16) for digit in "abc")
    claim(dead)  # Of this process, which has no such claim.
    claim(living, **far)
    claim(silent, **far)
    gate = claim(silent.with_name(f"{silent.name}.{'d' * 16}"), **far)
    parts = [place / "aa" / f".{'a' * 16}.safetensors.0123abcd.part", place / "bb" / f".{'b' * 16}.json.0123abcd.part"]
    growing = tmp_path / "findings" / "aa" / f".{'a' * 16}.json.89abcdef.part"
    growing.parent.mkdir(parents=True)
    for part in (*parts, growing):
        part.write_text("some")

    def lives() -> None:
        os.utime(living, ns=(0, living.stat().st_mtime_ns + 1))
        growing.write_text("more")

    gone = [(CLAIMS, dead.name), (CLAIMS, silent.name), (CLAIMS, gate.name), (TEMPORARY, parts[0].name)]
    said: list[str] = []
    before = contents(tmp_path)
    with claimed(claim_of(place, "e" * 16), "it") as mine:
        held = contents(tmp_path).keys() - before.keys()
        for dry in (True, False):
            slept = Slept(tmp_path, lives)
            assert kinds(slept.store, dry=dry, tell=said.append) == sorted(gone) and 60 <= slept.now < 62
            if dry:
                assert contents(tmp_path).keys() == before.keys() | held
        assert mine.held()
        # The part is of one who is seen to live.
        left = {str(path.relative_to(tmp_path)) for path in (living, parts[1], growing)}
        assert contents(tmp_path).keys() == left | held
    assert said[0] == "watching 6 files for up to 60 s, to see whether others use them"


def test_where_all_are_seen_to_live_nobody_is_watched_for_longer(tmp_path: Path) -> None:
    path = claim(claim_of(tmp_path / "distillations", ID), host="far", boot="another")
    slept = Slept(tmp_path, lambda: os.utime(path, (0, 0)))
    assert kinds(slept.store) == [] and slept.now < 1.0


def test_checkpoints_of_runs_that_are_done_go(tmp_path: Path) -> None:
    store = Slept(tmp_path).store
    for number in range(4):
        with store.run({"seed": number}) as run:
            run.write({"x": torch.zeros(1)})
    runs = [store.at({"seed": number}) for number in range(4)]
    for run in runs[1:]:
        write_tensors(run.result, {"x": torch.ones(1)}, {})
    runs[2].result.write_bytes(b"damaged")
    with store.run({"seed": 3}):
        assert kinds(store, dry=True) == [(CHECKPOINTS, "checkpoint.safetensors")] == kinds(store)
    assert [run.read() is not None for run in runs] == [True, False, True, True]
    assert kinds(store) == [(CHECKPOINTS, "checkpoint.safetensors")] and runs[3].read() is None


def test_chunks_of_jobs_that_are_done_go(tmp_path: Path) -> None:
    store = Slept(tmp_path).store
    chunk, strange = tmp_path / "chunks" / "a.jsonl", tmp_path / "chunks" / "b.jsonl"
    chunk.parent.mkdir()
    jobs = [{"since": 0.0, KEEPS: [["remembered", ID]]}, {"since": 0.0, KEEPS: [["distillations", ID]]}]
    chunk.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    strange.write_text('{"since": 0.0}\n')
    store.remember(ADDRESS, one)
    assert kinds(store) == []
    with store.run(ADDRESS) as run:
        assert kinds(store) == []
        run.finish(lambda path: path.write_text(""), {})
    chunk.write_text(json.dumps({**jobs[0], "since": store.made(ADDRESS) + 1}))
    assert kinds(store) == []
    chunk.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    assert kinds(store) == [(DONE, "a.jsonl")] and not chunk.exists() and strange.exists()


def test_results_that_nobody_used_for_so_long_go_and_reading_counts(tmp_path: Path) -> None:
    store, day = Slept(tmp_path).store, 86_400
    addresses = [{"name": name} for name in ("read", "old", "made", "new")]
    for address in addresses:
        store.remember(address, one)
    for address, since in zip(addresses, (90, 90, 90, 0), strict=True):
        path = store.place(address)
        then = path.stat().st_mtime - since * day
        os.utime(path, (then, then))
    before = store.made(addresses[0])
    assert store.holds(addresses[0]) and store.made(addresses[0]) == before
    with claimed(claim_of(tmp_path / "remembered", spec_id(addresses[2])), "it"):
        assert kinds(store) == []
        assert kinds(store, older_than=100.0 * day) == []
        old = [(OLD, store.place(addresses[1]).name)]
        assert kinds(store, older_than=30.0 * day, dry=True) == old == kinds(store, older_than=30.0 * day)
    assert [store.place(address).exists() for address in addresses] == [True, False, True, True]


def test_the_command_says_what_and_how_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    store.remember(ADDRESS, one)
    claim(claim_of(tmp_path / "distillations", ID))
    size = store.place(ADDRESS).stat().st_size
    os.utime(store.place(ADDRESS), (0, 0))
    command = ["runs", "gc", "--runs", str(tmp_path), "--older-than", "1.5d"]
    assert main([*command, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "would remove 1 claims whose owner is gone" in said
    assert f"would remove 1 remembered results not used for so long, {size} B" in said
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["removed"][OLD] == {"count": 1, "bytes": size} and not document["dry_run"]
    assert contents(tmp_path) == {}
    assert main(command) == 0 and "nothing to remove" in capsys.readouterr().out
    assert main([*command[:-1], "1 month"]) == 2
    assert "expected a number of minutes, hours, days or weeks, such as 30d or 12h" in capsys.readouterr().err
    assert main(["runs", "gc", "abc", "--runs", str(tmp_path)]) == 2
    assert "`limbeck runs clean abc` removes a run" in capsys.readouterr().err
