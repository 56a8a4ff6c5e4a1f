"""One graph of computations: what is asked for and all that it needs, each once, by whatever executor does it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from limbeck.computations.contract import AbstractComputation, Asked, ProbeContext
from limbeck.core.family import spec_id, to_spec
from limbeck.core.progress import part
from limbeck.core.tree import Tree
from limbeck.distillation import Distillation
from limbeck.learn.compiled import pays
from limbeck.runs.executors import Job, Local
from limbeck.runs.pace import ALONE, COMPILING, GAIN, STARTING, Pace, measured, side_by_side
from limbeck.runs.room import Told, within_room, workers_for
from limbeck.runs.session import Session
from limbeck.runs.store import KEEPS, REMEMBERED, Store
from limbeck.state import State

Item = TypeVar("Item")


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


class Stage(NamedTuple):
    """Computations that need none of one another, in chunks: the longest first."""

    chunks: list[list[Node]]
    lasting: list[float]
    """About how many seconds each chunk takes one worker."""
    seconds: float
    """About how many seconds all of them take all workers."""


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
                needs = request.computation.needs_in(request.context)
                depth = max((1 + add(request._replace(computation=need)) for need in needs), default=0)
                nodes[name] = Node(request, address, request.computation.flops(request.context), depth)
            return nodes[name].depth

        for request in self.requests:
            add(request)
        return nodes

    def missing(self, session: Session) -> list[Node]:
        """What is not in the session's store."""
        return [node for node in self.nodes.values() if not session.store.holds(node.address)]

    def seconds(self, session: Session, before: Graph | None = None) -> float:
        """About how long what is missing will take, by a short measurement; InputError where it has no room.

        What is of a graph `before` is done by then, by workers that live on.
        """
        done = {} if before is None else before.nodes
        missing = [node for node in self.missing(session) if spec_id(node.address) not in done]
        if not missing:
            return 0.0
        stages, _ = self._stages(missing, session)
        began = before is not None and bool(before.missing(session))
        return self._before(session, began) + sum(stage.seconds for stage in stages)

    def complete(self, session: Session) -> None:
        """Do the computations that are missing, each kept as soon as it is done.

        The session's progress is told first about how long they will take and, where it is much, how much memory: there
        are fewer workers where all have no room, and InputError where one has none. Whether they run as compiled code
        is decided by all there are, so that work that was interrupted goes on as it began.
        """
        missing = self.missing(session)
        session.computed += len(missing)
        if not missing:
            latest = max((session.store.made(node.address) for node in self.nodes.values()), default=0.0)
            session.latest = max(session.latest, latest)
            return
        stages, told = self._stages(missing, session)
        working = sum(stage.seconds for stage in stages)
        seconds = self._before(session) + working
        session.progress.estimate(seconds)
        if session.executor.waits:
            session.allowance.admit(seconds)
        clock, compiled = _Clock(session, working), self._compiled(session)
        with within_room(session, told):
            for stage in stages:
                jobs = [self._job(chunk, session, compiled) for chunk in stage.chunks]
                session.executor.run(jobs, clock.hearing(stage), stage.lasting)

    def _compiled(self, session: Session) -> bool:
        if session.compile is not None:
            return session.compile
        return pays(sum(node.flops for node in self.nodes.values()), session.device)

    def _before(self, session: Session, began: bool = False) -> float:
        """About how many seconds go by before work begins, for which workers may have been begun."""
        began = began or (isinstance(session.executor, Local) and session.executor.idle > 0)
        starting = 0.0 if began else ALONE if session.workers == 1 else STARTING
        return starting + (COMPILING if self._compiled(session) else 0.0)

    def _stages(self, nodes: Sequence[Node], session: Session) -> tuple[list[Stage], Told]:
        """The nodes by how many must be done before them, and how many workers there is memory for."""
        depths = sorted({node.depth for node in nodes})
        parts = [self._chunks([node for node in nodes if node.depth == depth], session) for depth in depths]
        # Before any pace is measured, which trains the networks.
        told, compiled, found = _room(parts, session), self._compiled(session), list[Stage]()
        for chunks in parts:
            lasting = [_lasting(chunk, session, compiled) for chunk in chunks]
            found.append(Stage(chunks, lasting, side_by_side(lasting, told.workers)))
        return found, told

    def _chunks(self, unordered: Sequence[Node], session: Session) -> list[list[Node]]:
        """The nodes of a stage in chunks of one network, those together that are best done together; longest first."""
        stage = sorted(unordered, key=lambda node: -node.flops)

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
            "basis": context.problem.basis,
            "evaluation": [context.split, context.evaluation_size],
            KEEPS: [[REMEMBERED, spec_id(node.address)] for node in chunk],
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


def _room(parts: Sequence[Sequence[Sequence[Node]]], session: Session) -> Told:
    """How many workers there is memory for, whichever chunks of a part fall together; InputError where one has none."""
    found = Told(session.workers, "")
    for chunks in parts:
        needs = [_taken(chunk) for chunk in chunks]
        largest = chunks[max(range(len(needs)), key=needs.__getitem__)][0].request.computation
        told = workers_for(session, needs, largest.doing)
        found = told if (-told.workers, bool(told.note)) > (-found.workers, bool(found.note)) else found
    return found


def _taken(chunk: Sequence[Node]) -> float:
    """The bytes of a chunk."""
    computation, context, _ = chunk[0].request
    return computation.bytes(context, len(chunk))


class _Clock:
    """Tells progress in about seconds how far work is that takes so many."""

    def __init__(self, session: Session, total: float) -> None:
        self.session, self.total, self.done = session, total, 0.0

    def hearing(self, stage: Stage) -> Callable[[int, float], None]:
        """What hears of the chunks of a stage, by index, which share of each is done."""
        shares = [0.0] * len(stage.chunks)
        whole = sum(stage.lasting)

        def hear(index: int, share: float) -> None:
            # A job that is given out once more begins anew; what was told of it stays.
            more, shares[index] = max(0.0, share - shares[index]), max(share, shares[index])
            self.done += more * stage.lasting[index] / whole * stage.seconds
            doing = stage.chunks[index][0].request.computation.doing
            self.session.progress.update(self.done, self.total, doing)

        return hear


def _lasting(chunk: Sequence[Node], session: Session, compiled: bool) -> float:
    """About how many seconds a chunk takes one worker: what is done together shares its passes."""
    request = chunk[0].request
    gain = GAIN if compiled and not request.computation.other_network else 1.0
    passes = request.computation.passes(request.context)
    return pace_of(request, session).seconds(sum(node.flops for node in chunk), passes) / gain


def seconds_alone(requests: Iterable[Request], session: Session) -> float:
    """About how many seconds one thread takes over computations, one after the other and eagerly."""
    return sum(
        pace_of(each, session).seconds(each.computation.flops(each.context), each.computation.passes(each.context))
        for each in requests
    )


def checking(run: Distillation, state: State, session: Session) -> float:
    """About how many seconds the checks of a distillation take that are to come after a state."""
    return seconds_alone((Request(*each) for each in run.to_check(state)), session)


def pace_of(request: Request, session: Session) -> Pace:
    """How fast the network of a computation is trained here."""
    return network_pace(request.context.under(request.computation.other_network), session)


def network_pace(context: ProbeContext, session: Session) -> Pace:
    """How fast the network of a context is trained here; a session measures it once."""
    network = context.problem.network.name
    if network not in session.paces:
        session.paces[network] = measured(context)
    return session.paces[network]
