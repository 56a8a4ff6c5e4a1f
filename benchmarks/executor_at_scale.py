"""What becomes of very many jobs on a cluster, by a simulation in which all but the cluster is limbeck's own code.

    python benchmarks/executor_at_scale.py [--jobs 1000000] [--workers 1000] [--seconds 60] [--out FILE]

The cluster is discrete events: chunks wait for one of the workers, begin after --start seconds, do jobs whose times are
log-normal (--seconds in the middle, --spread; one in a hundred, a straggler, takes --late times as long), each
--latency seconds longer for the store, and are taken away at a rate of --preempted an hour each. Who follows them is
`Batches`, as for Slurm and Ray, by files of chunks and answers in a temporary folder; only its clock is simulated.

Told are: the simulated hours beside those of the work alone, the share of workers' time that was work, how many jobs
were given up, how often chunks were sent, the files that were opened to read answers, and what following costs here, in
processor seconds and GiB.
"""

from __future__ import annotations

import argparse
import heapq
import json
import platform
import random
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from limbeck.runs.executors import batches
from limbeck.runs.executors.batches import AbstractEngine, Batches, Chunk, State

HOUR = 3600.0


@dataclass
class Sent:
    """A chunk that the cluster was given."""

    chunk: Chunk
    jobs: int
    ends: list[float]
    """When each job ends, if nothing comes first."""
    taken: float
    """When its machine is taken away; infinite: never."""
    begun: float
    done: int = 0
    """Jobs of which it has answered."""
    state: State = State.GOING


class Cluster(AbstractEngine):
    """So many workers; time is what the clock says."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.draws, self.now = given, random.Random(given.seed), 0.0
        self.at_once, self.every, self.settled = max(given.workers, given.queued), given.every, 0.0
        self.free = [0.0] * given.workers
        heapq.heapify(self.free)
        self.going: list[Sent] = []
        self.sent, self.worked, self.looked, self.last = 0, 0.0, 0, 0.0

    def sleep(self, seconds: float) -> None:
        """Time passes, and whoever finished something in it has answered."""
        self.now += seconds
        for each in self.going:
            self._answer(each)
        self.going = [each for each in self.going if each.state is State.GOING]

    def submit(self, chunks: Sequence[Chunk]) -> list[Sent]:
        """Each begins when a worker is free."""
        given, sent = self.given, []
        for chunk in chunks:
            jobs = len(chunk.path.read_text().splitlines())
            # Nothing reads it again, and a million of them need not stay.
            chunk.path.unlink()
            begun = max(self.now, heapq.heappop(self.free)) + given.start
            at, ends = begun, []
            for _ in range(jobs):
                long = given.late if self.draws.random() < 0.01 else 1.0
                at += long * given.seconds * self.draws.lognormvariate(0, given.spread) + given.latency
                ends.append(at)
            taken = begun + self.draws.expovariate(given.preempted / HOUR) if given.preempted else float("inf")
            heapq.heappush(self.free, min(ends[-1], taken))
            sent.append(Sent(chunk, jobs, ends, taken, begun))
            self.sent += 1
        self.going += sent
        return sent

    def _answer(self, each: Sent) -> None:
        """The lines that it has written since."""
        lines, until = [], min(self.now, each.taken)
        while each.done < each.jobs and each.ends[each.done] <= until:
            before = each.ends[each.done - 1] if each.done else each.begun
            self.worked += each.ends[each.done] - before
            lines += [{"job": each.done, "began": 1}, {"job": each.done, "done": True}]
            self.last = max(self.last, each.ends[each.done])
            each.done += 1
        if each.done == each.jobs:
            each.state = State.ENDED
        elif each.taken <= self.now:
            lines += [{"job": each.done, "began": 1}, {"stopped": True}]
            each.state = State.STOPPED
        if lines:
            each.chunk.answers.parent.mkdir(parents=True, exist_ok=True)
            with each.chunk.answers.open("a") as opened:
                opened.writelines(json.dumps(line) + "\n" for line in lines)

    def state(self, handle: Sent) -> State:
        """As it is by now."""
        self.looked += 1
        return handle.state

    def said(self, handle: Sent) -> str:
        """Nothing."""
        return ""

    def cancel(self, handles: Sequence[Sent]) -> None:
        """Nothing is to be ended."""


def simulated(given: argparse.Namespace) -> dict[str, Any]:
    """All jobs, from the first to the last."""
    cluster = Cluster(given)
    clock = mock.Mock(monotonic=lambda: cluster.now, sleep=cluster.sleep)
    begun, jobs = time.process_time(), [{"job": number} for number in range(given.jobs)]
    failed = ""
    with tempfile.TemporaryDirectory() as where, mock.patch.object(batches, "time", clock):
        try:
            about = [given.seconds] * given.jobs if given.dealt == "time" else []
            Batches(cluster, Path(where), given.workers, given.most).run(jobs, lambda index, share: None, about)
        except Exception as error:
            failed = str(error)[:300]
    hours, ideal = cluster.last / HOUR, cluster.worked / given.workers / HOUR
    return {
        **{name: value for name, value in vars(given).items() if name != "out"},
        "hours": round(hours, 3), "hours of the work alone": round(ideal, 3), "share at work": round(ideal / hours, 3),
        "chunks sent": cluster.sent, "looks at answers": cluster.looked, "failed": failed,
        "processor s": round(time.process_time() - begun, 1),
        "GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "hardware": platform.machine(),
    }  # fmt: skip


def main() -> None:
    """Simulate one cluster."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--jobs", type=int, default=1_000_000)
    options.add_argument("--workers", type=int, default=1000)
    options.add_argument("--most", type=int, default=50, help="jobs of a chunk")
    options.add_argument("--queued", type=int, default=1000, help="chunks that wait or are at work at most")
    options.add_argument("--dealt", choices=("time", "count"), default="time", help="what chunks are made by")
    options.add_argument("--seconds", type=float, default=60.0, help="of a job, in the middle")
    options.add_argument("--spread", type=float, default=0.5, help="the deviation of the logarithm of a job's time")
    options.add_argument("--late", type=float, default=4.0, help="how many times as long one job in a hundred takes")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--start", type=float, default=10.0, help="seconds until a chunk begins its first job")
    options.add_argument("--latency", type=float, default=0.05, help="seconds that the store takes for a job")
    options.add_argument("--preempted", type=float, default=0.05, help="how often an hour a worker is taken away")
    options.add_argument("--every", type=float, default=2.0, help="seconds between two looks at all answers")
    options.add_argument("--out", type=Path, help="a file that takes a line")
    given = options.parse_args()
    row = simulated(given)
    print(json.dumps(row, indent=1))
    if given.out is not None:
        with given.out.open("a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
