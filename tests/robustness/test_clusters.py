"""Slurm and Ray do what this machine does, to the bit; what is asked of them is checked before any work."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import limbeck
from limbeck.computations.contract import ProbeContext
from limbeck.computations.leave_one_out import whole, without
from limbeck.core.errors import InputError
from limbeck.distilled_set import DistilledSet
from limbeck.runs.executors import AbstractEngine, Batches, batches
from limbeck.runs.executors.batches import State
from limbeck.runs.executors.ray import Ray
from limbeck.runs.executors.slurm import Settings, Slurm, by_slurm, read_settings
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from one_node import cluster, missing
from simulated_slurm import install

NETWORK = "mlp-w16"
LOCAL = "cluster: local\nminutes: 5\n"
needs_submitit = pytest.mark.skipif(
    find_spec("submitit") is None, reason="the package submitit is not installed: pip install limbeck[slurm]"
)
needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="the package ray is not installed: pip install limbeck[ray]"
)


def worked(session: Session, path: Path) -> dict[str, bytes]:
    """What a score, and leaving out each of three items, come to: every file that is remembered."""
    with session:
        limbeck.evaluate(path, repeats=2, baselines=("random",), session=session)
        distilled = DistilledSet.load(path)
        task = limbeck.load("digits")
        context = ProbeContext(session.problem(task, NETWORK), path.name, distilled)
        trainings = [whole(0), *(without(context, item, 0) for item in range(3))]
        Graph([Request(each, context, path) for each in trainings], task.reference).complete(session)
    found = {each.name: each.read_bytes() for each in (session.store.root / "remembered").rglob("*.safetensors")}
    assert found
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("set") / "set.safetensors"
    session = limbeck.Session(made.parent / "made")
    limbeck.distill(limbeck.load("digits"), "random", ipc=1, network=NETWORK, session=session).save(made)
    return made


@pytest.fixture(scope="module")
def here(path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What this machine's own processes come to."""
    return worked(Session(tmp_path_factory.mktemp("here"), device="cpu", workers=2), path)


class Killer:
    """Sends each of some signals to a process of its own, as soon as that has begun a job."""

    def __init__(self, folder: Path, *signals: int) -> None:
        self.folder, self.signals = folder, list(signals)
        self.hit: set[int] = set()
        self.finished: dict[Path, int] = {}

    def __call__(self) -> None:
        for answers in (self.folder / "answers").glob("*.jsonl"):
            lines = [json.loads(line) for line in answers.read_text().split("\n")[:-1]]
            process = lines[0]["began"] if lines else None
            if process in self.hit or "began" not in (lines or [{}])[-1] or not self.signals:
                continue
            self.end(process, self.signals.pop(0))
            self.hit.add(process)
            kept = (self.folder / "remembered").rglob("*.safetensors")
            self.finished.update({each: each.stat().st_mtime_ns for each in kept})

    end = staticmethod(os.kill)
    """How a process is ended."""

    def watch(self, engine: type[AbstractEngine], monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Look whenever the state of a chunk is asked; how many chunks are submitted each time."""
        look, submit, sent = engine.state, engine.submit, list[int]()
        monkeypatch.setattr(engine, "state", lambda one, handle: (self(), look(one, handle))[1])
        monkeypatch.setattr(engine, "submit", lambda one, chunks: sent.append(len(chunks)) or submit(one, chunks))
        return sent

    def undisturbed(self) -> bool:
        """Whether each signal was sent, and whatever was finished by then is as it was."""
        same = all(each.stat().st_mtime_ns == time for each, time in self.finished.items())
        return not self.signals and same


@needs_submitit
def test_jobs_by_submitit_are_the_same_where_one_process_is_killed_and_one_is_stopped(
    path: Path, here: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = Killer(tmp_path / "there", signal.SIGKILL, signal.SIGUSR2)
    sent = killer.watch(Slurm, monkeypatch)
    (tmp_path / "settings.yaml").write_text(LOCAL)
    executor = f"slurm:{tmp_path / 'settings.yaml'}"
    assert worked(Session(tmp_path / "there", device="cpu", workers=2, executor=executor), path) == here
    assert killer.undisturbed() and sum(sent) > 4


@needs_submitit
def test_arrays_of_slurm_are_sent_followed_and_cancelled(
    path: Path, here: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm is simulated: what is sent to it and read of it is as submitit does it, and nothing of it is queued."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'bin')}:{os.environ['PATH']}")
    (tmp_path / "settings.yaml").write_text("partition: short\nmemory: 2\nminutes: 7\nsetup: [export MADE=ready]\n")
    asked = f"slurm:{tmp_path / 'settings.yaml'}"
    session = Session(tmp_path / "there", device="cpu", workers=2, executor=asked)
    assert isinstance(session.executor, Batches)
    engine = session.executor.engine
    engine.every, engine.settled = 0.1, 0.0
    killer = Killer(tmp_path / "there", signal.SIGKILL)
    killer.watch(Slurm, monkeypatch)
    assert worked(session, path) == here and killer.undisturbed()
    scripts = sorted((tmp_path / "bin" / "jobs").glob("*.sh"))
    first = scripts[0].read_text()
    for line in ("--array=0-1%2", "--partition=short", "--mem=2GB", "--time=7", "--cpus-per-task=1"):
        assert f"#SBATCH {line}\n" in first
    assert "export MADE=ready" in first

    def interrupted(index: int, share: float) -> None:
        raise KeyboardInterrupt

    jobs = [json.loads(line) for line in next((tmp_path / "there" / "chunks").iterdir()).read_text().splitlines()]
    with pytest.raises(KeyboardInterrupt):
        session.executor.run(jobs, interrupted)
    cancelled = [each.stem.partition("_")[0] for each in (tmp_path / "bin" / "jobs").glob("*.cancelled")]
    assert set(cancelled) == {str(100 + len(scripts))}


@needs_submitit
@pytest.mark.skipif(bool(missing()), reason=f"needs {', '.join(missing())}: apt install slurmctld slurmd munge")
def test_a_slurm_of_one_node_does_the_same_where_an_element_is_cancelled_and_no_accounts_tell(
    path: Path, here: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.yaml").write_text("partition: short\njobs: 2\n")
    with cluster(tmp_path / "node") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        asked = f"slurm:{tmp_path / 'settings.yaml'}"
        session = Session(tmp_path / "there", device="cpu", workers=2, executor=asked)
        killer = Killer(tmp_path / "there", signal.SIGTERM)
        # By the queue alone: whatever the process says of being told to stop is not waited for.
        monkeypatch.setattr(
            killer, "end", lambda process, _: subprocess.run(["scancel", element_of(process)], check=True)
        )
        killer.watch(Slurm, monkeypatch)
        assert worked(session, path) == here and killer.undisturbed()


def element_of(process: int) -> str:
    """The element of an array that a process is of."""
    said = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    known = dict(line.split("=", 1) for line in said if "=" in line)
    return f"{known['SLURM_ARRAY_JOB_ID']}_{known['SLURM_ARRAY_TASK_ID']}"


@needs_submitit
def test_a_job_by_submitit_that_breaks_tells_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(LOCAL)
    executor = by_slurm(str(tmp_path / "settings.yaml"), tmp_path, 2, "cpu")
    (tmp_path / "chunks").mkdir()
    look = executor.engine.state

    def gone(handle: Any) -> State:
        shutil.rmtree(tmp_path / "chunks", ignore_errors=True)
        return look(handle)

    executor.engine.state = gone  # type: ignore[method-assign]
    with pytest.raises(batches.WorkerFailedError, match=r"No such file or directory: '.*chunks"):
        executor.run([{"job": 0}], lambda index, share: None)


@needs_ray
def test_tasks_of_ray_are_the_same_where_a_process_is_killed(
    path: Path, here: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = Killer(tmp_path / "there", signal.SIGKILL)
    sent = killer.watch(Ray, monkeypatch)
    session = Session(tmp_path / "there", device="cpu", workers=2, executor="ray")
    assert isinstance(session.executor, Batches) and session.workers == 2
    assert worked(session, path) == here
    assert killer.undisturbed() and sum(sent) > 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("partion: gpu", "unknown setting in .*: did you mean 'partition'?"),
        ("minutes: long", "minutes: found long, expected a whole number"),
        ("minutes: 1", "minutes: found 1, expected a number of at least 5"),
        ("memory: -1", "memory: found -1.0, expected a number above 0"),
        ("cluster: pbs", "cluster: found pbs, expected one of slurm, local"),
        ("setup: module load cuda", "setup: .*expected a list such as"),
        ("[gpu]", "found list, expected a mapping such as `partition: gpu`"),
        ("a: [", "found no YAML, expected a mapping"),
    ],
)
def test_settings_that_cannot_be_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_settings(str(tmp_path / "settings.yaml"))


def test_settings_are_read_and_have_values_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("partition: gpu\nmemory: 4\nsetup: [module load cuda]\n")
    found = read_settings(str(tmp_path / "settings.yaml"))
    assert found == Settings(partition="gpu", memory=4.0, setup=("module load cuda",))
    assert read_settings("") == Settings()
    with pytest.raises(InputError, match="cannot be read"):
        read_settings(str(tmp_path / "nothing.yaml"))


@pytest.mark.parametrize(("executor", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_a_package_that_is_missing_is_named(
    executor: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"{package} is not installed; run pip install 'limbeck\[{executor}\]'"):
        Session(tmp_path, executor=executor)


@pytest.mark.parametrize("executor", ["local:x.yaml", "print:x", "ray:here"])
def test_settings_are_for_slurm_alone(executor: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="slurm alone takes a file of settings"):
        Session(tmp_path, executor=executor)


@needs_submitit
def test_without_slurm_it_is_said_how_to_try_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="found no srun, expected a machine of the cluster; .*cluster: local"):
        Session(tmp_path, executor="slurm")
