"""One graph of computations: what is asked for and all that it needs, each once, by whatever executor does it."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from limbeck.computations import AllReal, Steps, Training
from limbeck.computations.contract import AbstractComputation, Asked, ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.family import spec_id, to_spec
from limbeck.core.progress import part
from limbeck.core.threads import computing_by
from limbeck.core.tree import Tree
from limbeck.learn.compiled import pays
from limbeck.runs.executors import Job
from limbeck.runs.session import Session
from limbeck.runs.store import Store

Item = TypeVar("Item")

GAIN = 2.0
"""How much faster compiled training is than eager, about: 2.6 times at ConvNet width 16 and 1.4 at width 32."""
STARTING, COMPILING = 5.0, 35.0
"""About how many seconds a worker takes to start, and to compile."""
TRIAL = Training(AllReal(), protocol=Steps(3, REAL_BATCH), reads=())
"""What the speed of this machine is measured by."""


class Request(NamedTuple):
    """A computation that is asked for in a context, and the file of its set, where there is one.

    Of a control it is the file of the set that it is the control of.
    """

    computation: AbstractComputation
    context: ProbeContext
    path: Path | None = None


class Node(NamedTuple):
    """A computation of the graph."""

    request: Request
    address: dict[str, Any]
    flops: float
    depth: int
    """How many computations must be done before it, one after the other."""


@dataclass(frozen=True)
class Graph:
    """Computations that are asked for, on the data of a reference."""

    requests: Sequence[Request]
    reference: dict[str, Any]

    @functools.cached_property
    def nodes(self) -> dict[str, Node]:
        """Every computation that is asked for or needed, once, by the digest of its address."""
        nodes: dict[str, Node] = {}

        def add(request: Request) -> int:
            address = request.context.address(request.computation)
            name = spec_id(address)
            if name not in nodes:
                needs = request.computation.needs()
                depth = max((1 + add(request._replace(computation=need)) for need in needs), default=0)
                nodes[name] = Node(request, address, request.computation.flops(request.context), depth)
            return nodes[name].depth

        for request in self.requests:
            add(request)
        return nodes

    def missing(self, session: Session) -> list[Node]:
        """What is not in the session's store."""
        return [node for node in self.nodes.values() if not session.store.holds(node.address)]

    def seconds(self, session: Session) -> float:
        """About how long what is missing will take, by a short measurement."""
        missing = self.missing(session)
        return self._rated(missing, session)[1] if missing else 0.0

    def complete(self, session: Session) -> None:
        """Do the computations that are missing, each kept as soon as it is done.

        The session's progress is told first about how long they will take. Whether they run as compiled code is decided
        by all there are, so that work that was interrupted goes on as it began.
        """
        missing = self.missing(session)
        session.computed += len(missing)
        if not missing:
            latest = max((session.store.made(node.address) for node in self.nodes.values()), default=0.0)
            session.latest = max(session.latest, latest)
            return
        rate, seconds = self._rated(missing, session)
        session.progress.estimate(seconds)
        if session.executor.waits:
            session.allowance.admit(seconds)
        stages = [
            [node for node in missing if node.depth == depth] for depth in sorted({each.depth for each in missing})
        ]
        clock = _Clock(session, sum(node.flops for node in missing), rate)
        for stage in stages:
            self._complete_stage(stage, session, self._compiled(session), clock)

    def _compiled(self, session: Session) -> bool:
        if session.compile is not None:
            return session.compile
        return pays(sum(node.flops for node in self.nodes.values()), session.device)

    def _rated(self, missing: Sequence[Node], session: Session) -> tuple[float, float]:
        """The operations a second of all workers, and about how many seconds those nodes take."""
        compiled = self._compiled(session)
        rate = speed(missing[0].request.context, session) * (GAIN if compiled else 1) * session.workers
        before = STARTING + (COMPILING if compiled else 0)
        return rate, sum(node.flops for node in missing) / rate + before

    def _complete_stage(self, stage: Sequence[Node], session: Session, compiled: bool, clock: _Clock) -> None:
        """Do computations that need none of one another, the longest first."""
        chunks = self._chunks(sorted(stage, key=lambda node: -node.flops), session)
        jobs = [self._job(chunk, session, compiled) for chunk in chunks]
        session.executor.run(jobs, clock.hearing(chunks))

    def _chunks(self, stage: Sequence[Node], session: Session) -> list[list[Node]]:
        """The nodes of a stage in chunks of one network, those together that are best done together."""

        def stack(node: Node) -> tuple[Hashable, int]:
            computation, context, _ = node.request
            key, most = computation.stack(context)
            return (key, context.problem.network.name, context.split, context.evaluation_size), most

        chunks, total = [], sum(node.flops for node in stage)
        for most, nodes in _grouped(stage, stack):
            # A group that would leave workers idle is split: one that is more than half of what falls to a worker.
            halves = math.ceil(2 * session.workers * sum(node.flops for node in nodes) / total)
            size = max(1, min(most, math.ceil(len(nodes) / min(session.workers, halves))))
            chunks += [nodes[start : start + size] for start in range(0, len(nodes), size)]
        return chunks

    def _job(self, chunk: Sequence[Node], session: Session, compiled: bool) -> Job:
        context = chunk[0].request.context
        return {
            "store": str(session.store.root.absolute()),
            "since": session.store.since,
            "device": str(session.device),
            "compiled": compiled,
            "data": self.reference,
            "data_root": None if session.data_root is None else str(session.data_root.absolute()),
            "network": context.problem.network.name,
            "evaluation": [context.split, context.evaluation_size],
            "computations": [
                {
                    "set": None if path is None else str(path.absolute()),
                    "name": its.name,
                    "draw": its.draw,
                    "computation": to_spec(computation),
                }
                for computation, its, path in (node.request for node in chunk)
            ],
        }


def compute(asked: Sequence[Asked], store: Store) -> None:
    """Do the computations that are missing in the store and keep them, those of one `stack` key together.

    Whoever listens is told which share of their operations is done.
    """
    missing = [(each, context) for each, context in asked if not store.holds(context.address(each))]
    groups = [group for _, group in _grouped(missing, lambda one: one[0].stack(one[1]))]
    sizes = [sum(each.flops(context) for each, context in group) for group in groups]
    for index, group in enumerate(groups):
        with part(sum(sizes[:index]), sizes[index], sum(sizes)):
            _compute_group(group, store)


def _compute_group(group: Sequence[Asked], store: Store) -> None:
    """Do computations that are done together, and keep them."""
    (first, context), *others = group
    if not others:
        context.outcome(first)
        return
    for (each, its), outcome in zip(group, first.run_together(context, others), strict=True):
        _keep(store, its.address(each), outcome)


def _grouped(items: Sequence[Item], stack: Callable[[Item], tuple[Hashable, int]]) -> list[tuple[int, list[Item]]]:
    """The items of one key together where they are best done so, each group with how many are best at most."""
    groups: dict[Hashable, tuple[int, list[Item]]] = {}
    for index, item in enumerate(items):
        key, most = stack(item)
        groups.setdefault((key,) if most > 1 else index, (most, []))[1].append(item)
    return list(groups.values())


def _keep(store: Store, address: dict[str, Any], outcome: Tree) -> None:
    store.remember(address, lambda: outcome)


class _Clock:
    """Tells progress in about seconds how far work of so many operations is."""

    def __init__(self, session: Session, total: float, rate: float) -> None:
        self.session, self.total, self.rate, self.done = session, total, rate, 0.0

    def hearing(self, chunks: Sequence[Sequence[Node]]) -> Callable[[int, float], None]:
        """What hears of some chunks, by index, which share of each is done."""
        shares = [0.0] * len(chunks)

        def hear(index: int, share: float) -> None:
            # A job that is given out once more begins anew; what was told of it stays.
            more, shares[index] = max(0.0, share - shares[index]), max(share, shares[index])
            self.done += more * sum(node.flops for node in chunks[index])
            doing = chunks[index][0].request.computation.doing
            self.session.progress.update(self.done / self.rate, self.total / self.rate, doing)

        return hear


def speed(context: ProbeContext, session: Session) -> float:
    """The floating point operations a second of training on real data, eagerly, by one thread: a short measurement.

    A session measures it once for a network.
    """
    network = context.problem.network.name
    if network not in session.speeds:
        eager = replace(context, problem=replace(context.problem, compiled=False))
        with computing_by(1):
            for _ in range(2):  # The first time is to warm up.
                begun = time.perf_counter()
                TRIAL.run(eager)
                seconds = time.perf_counter() - begun
        session.speeds[network] = TRIAL.flops(eager) / seconds
    return session.speeds[network]
