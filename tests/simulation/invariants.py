"""DESIGN.md's invariants, as far as they show from outside the core, each named by its number.

`Model` is the naive picture of what has been committed: it is told of each batch that really landed, and of nothing else. What the
engine does is held against it at that moment; what the engine has in memory is held against it after every turn.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from storage.protocol import Batch, Key
from storage.records import decode
from tests.simulation.feed import FeedModel
from workflows.core.dialect import Dialect
from workflows.core.waits import due, work
from workflows.model import ENDED, At, Frame, Header, Status
from workflows.runtime.engine import Engine
from workflows.runtime.execution import Execution, history
from workflows.runtime.executor import Identity, Run
from workflows.runtime.lines import rank
from workflows.runtime.tallies import ALL, count_of

OURS = ("execution", "page", "history", "payload")


@dataclass(slots=True)
class Facts:
    """One execution as committed."""

    header: Header
    frames: dict[str, Frame]
    rows: list[list[Any]]

    @property
    def given(self) -> Any:
        """What it was started with; a redrive may have changed its input since."""
        return self.rows[0][4]["input"]


@dataclass(slots=True)
class Model:
    dialects: dict[str, Dialect]
    records: dict[tuple[str, Key], bytes] = field(default_factory=dict)
    indexes: dict[str, set[Key]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    earlier: bool = False
    number: int = 0
    audited: int = 0
    facts: dict[int, Facts] = field(default_factory=dict)
    over: set[Identity] = field(default_factory=set)
    owed: set[Identity] = field(default_factory=set)
    lost: set[Identity] = field(default_factory=set)
    submits: Counter[Identity] = field(default_factory=Counter)
    keys: dict[tuple[int, str, int], str] = field(default_factory=dict)
    disturbed: set[int] = field(default_factory=set)
    done: set[tuple[int, str]] = field(default_factory=set)
    feed: FeedModel = field(default_factory=FeedModel)

    def read(self, kind: str, key: Key) -> Any:
        raw = self.records.get((kind, key))
        return None if raw is None else decode(raw)

    # ------------------------------------------------------------------------------------------------------- what landed

    def landed(self, batch: Batch) -> None:
        assert batch.number == self.number + 1, "invariant 1: one number per batch"
        self.number = batch.number
        for key, raw in batch.records.items():
            if raw is None:
                self.records.pop(key, None)
            else:
                self.records[key] = raw
        for name, changes in batch.indexes.items():
            entries = self.indexes.setdefault(name, set())
            for entry, present in changes.items():
                (entries.add if present else entries.discard)(entry)
        self.counts.update(batch.counts)
        before = {number: (facts.header, facts.frames) for number, facts in self.facts.items()}
        for number in {int(key[0]) for kind, key in batch.records if kind in OURS}:
            self._changed(number)
        self.feed.landed(batch, before, {number: (facts.header, facts.frames) for number, facts in self.facts.items()})
        self._audited(batch, {number: header for number, (header, _) in before.items()})
        self._indexes()
        runs = Counter(facts.header.definition for facts in self.facts.values() if facts.header.status is Status.RUNNING)
        for name, count in runs.items():
            limit = self.dialects[name].definition.max_active_runs
            assert limit is None or count <= limit, f"the gate: {count} active runs of {name}, the limit is {limit}"

    def _audited(self, batch: Batch, before: dict[int, Header]) -> None:
        """Every change that was asked for is in the audit log by the very commit that made it, and nothing else is."""
        sequences = sorted(-int(key[0]) for kind, key in batch.records if kind == "audit")
        assert sequences == list(range(self.audited + 1, self.audited + 1 + len(sequences))), "the audit log has no gaps"
        self.audited += len(sequences)
        records = [self.read("audit", (-sequence,)) for sequence in sequences]
        changed = [facts.header for number, facts in self.facts.items() if before.get(number) != facts.header]
        started = [header.id for header in changed if header.id not in {one.id for one in before.values()}]
        cancelled = [header.id for header in changed if header.status is Status.CANCELLED]
        assert sorted(record["target"] for record in records if record["action"] == "execute") == sorted(started)
        assert {record["target"] for record in records if record["action"] == "cancel"} >= set(cancelled)
        assert {record["target"] for record in records} <= {header.id for header in changed}

    def _changed(self, number: int) -> None:
        loaded = Execution.load(number, self.read)
        assert loaded is not None
        assert loaded.header is not None
        old = self.facts.get(number)
        new = self.facts[number] = Facts(loaded.header, loaded.frames, list(history(number, self.read)))
        self._history(old, new)
        self._identities(number, old, new)
        self._finished(number, old, new)
        self._ended(new)

    def _history(self, old: Facts | None, new: Facts) -> None:
        assert [row[0] for row in new.rows] == list(range(1, new.header.entries + 1)), "history ids are contiguous"
        if old is not None:
            assert new.rows[: len(old.rows)] == old.rows, "history is only appended to"
            again = new.header.redrives > old.header.redrives and old.header.status is not Status.COMPLETED
            assert old.header.status not in ENDED or new.header == old.header or again, "only a redrive leaves an end without success"

    def _identities(self, number: int, old: Facts | None, new: Facts) -> None:
        """Invariants 5 and 6: what becomes of the attempts that were running."""
        for path, before in (old.frames if old is not None else {}).items():
            if before.status is not At.RUNNING:
                continue
            identity, after = Identity(number, path, before.visit), new.frames.get(path)
            same = after is not None and after.visit == before.visit and after.status in (At.READY, At.RUNNING)
            if not same:
                self.over.add(identity)
                self.owed.discard(identity)
                self.lost.discard(identity)
                continue
            assert after is not None
            counted = after.interruptions - before.interruptions
            if identity in self.lost and counted:
                self.lost.discard(identity)
            elif identity in self.owed and counted:
                self.owed.discard(identity)
            else:
                assert counted == 0, f"invariant 6: {identity} counts an interruption that was none"
            assert counted <= 1, f"invariant 6: {identity} counts one interruption {counted} times"
            assert after.interruptions <= 3, "invariant 6: the fourth fails the attempt"

    def _finished(self, number: int, old: Facts | None, new: Facts) -> None:
        """Invariant 6, across redrives too: what has succeeded keeps its result."""
        for path, before in (old.frames if old is not None else {}).items():
            after = new.frames.get(path)
            assert before.status is not At.SUCCEEDED or after in (None, before), f"invariant 6: {number}{path} was finished"
        self.done |= {(number, path) for path, frame in new.frames.items() if frame.status is At.SUCCEEDED}

    def _ended(self, new: Facts) -> None:
        """Invariant 7."""
        waits = {path for path, frame in new.frames.items() if work(frame) is not None}
        assert not (new.header.paused and new.header.status in ENDED), "what has ended is not paused"
        assert new.header.work == len(waits), "the header counts frames that wait for work"
        if new.header.status in ENDED:
            timers = {path for path, frame in new.frames.items() if due(frame) is not None}
            assert not waits | timers, f"invariant 7: {waits | timers} still wait beneath a finished root"

    def _indexes(self) -> None:
        """Invariant 4: what recovery reads is what the frames say."""
        dues = {(due(frame, f.header.paused), n, path) for n, f in self.facts.items() for path, frame in f.frames.items()}
        assert self.indexes.get("due", set()) == {key for key in dues if key[0] is not None}
        assert self.indexes.get("busy", set()) == {(n,) for n, f in self.facts.items() if f.header.work > 0}
        assert self.indexes.get("created", set()) == {(-n,) for n in self.facts}
        for status in Status:
            assert self.indexes.get(f"status/{status}", set()) == {(-n,) for n, f in self.facts.items() if f.header.status is status}
        chosen = [(f.header.id, n) for n, f in self.facts.items() if not f.header.id.startswith("exec-")]
        keys = [(f.header.definition, f.header.key, n) for n, f in self.facts.items() if f.header.key]
        assert self.indexes.get("id", set()) == set(chosen)
        assert self.indexes.get("key", set()) == set(keys)
        assert len({name for name, _ in chosen}) == len(chosen), "a chosen id was started twice"
        assert len({key[:2] for key in keys}) == len(keys), "an idempotency key was started twice"
        for name in self.dialects:
            those = {(-n,) for n, f in self.facts.items() if f.header.definition == name}
            assert self.indexes.get(f"definition/{name}", set()) == those
            assert self.indexes.get(f"revision/{name}/1", set()) == those
        self._tallies()

    def whole(self) -> bool:
        return self.counts[ALL] == sum(facts.header.status in ENDED for facts in self.facts.values())

    def _tallies(self) -> None:
        """What is counted is what a walk finds; in a store that an earlier version began, as soon as the counts say so themselves."""
        assert self.whole() or self.earlier, "every end is counted in the commit that says so"
        ends = Counter((f.header.status, f.header.definition) for f in self.facts.values() if f.header.status in ENDED)
        kept = {name: count for name, count in self.counts.items() if count and name != ALL}
        assert not self.whole() or kept == {count_of(*key): count for key, count in ends.items()}

    # ---------------------------------------------------------------------------------------------------- what is done

    def taken(self, definition: str, name: str, key: str) -> bool:
        """Whether an execution has this id, or one of the definition this key."""
        ids = {facts.header.id for facts in self.facts.values()}
        return name in ids or (bool(key) and (definition, key) in {(f.header.definition, f.header.key) for f in self.facts.values()})

    def submitted(self, run: Run) -> None:
        """Invariant 1, 5 and 6 at the moment of a submit."""
        number, path, visit = run.identity
        facts = self.facts.get(number)
        frame = facts.frames.get(path) if facts is not None else None
        assert frame is not None, f"invariant 1: {run.identity} is submitted before its commit"
        assert facts is not None
        assert (frame.status, frame.visit) == (At.RUNNING, visit), f"invariant 1: {run.identity} is submitted, its frame is {frame}"
        assert not facts.header.paused, f"a paused execution starts nothing, and {run.identity} is submitted"
        assert run.identity not in self.over, f"invariant 6: {run.identity} is issued again"
        assert (number, path) not in self.done, f"invariant 6: {run.identity} is issued, and its task is finished"
        assert run.identity not in self.owed, f"invariant 6: {run.identity} is issued again and its interruption was not counted"
        assert run.attempt == frame.attempt
        spec = self.dialects[run.job_id].resolve(frame)
        assert not (spec.fail_on_interrupt and self.submits[run.identity]), "invariant 6: an attempt not to be run again is"
        key = self.keys.setdefault((number, path, frame.entry), run.idempotency_key)
        assert run.idempotency_key == key, "invariant 5: one idempotency key per entry into a task"
        assert list(self.keys.values()).count(key) == 1, "invariant 5: another entry has another idempotency key"
        self.submits[run.identity] += 1

    def cancelled(self, identity: Identity) -> None:
        facts = self.facts[identity.number]
        frame = facts.frames.get(identity.path)
        running = frame is not None and frame.visit == identity.visit and frame.status is At.RUNNING
        assert not running, f"invariant 1: {identity} is stopped, and is to run"

    def crashed(self) -> None:
        """Whatever is taken now was interrupted."""
        self.lost.clear()
        self.owed = {
            Identity(n, path, f.visit) for n, facts in self.facts.items() for path, f in facts.frames.items() if f.status is At.RUNNING
        }

    # ----------------------------------------------------------------------------------------------- what is in memory

    def compare(self, engine: Engine) -> None:
        """Memory equals store, and the gate, the attempts in flight and the timers are the projection of the frames (after a turn that
        could commit, when recovery is over)."""
        stepper, held = engine._stepper, _held(engine)
        for number, execution in stepper._live.items():
            facts = self.facts[number]
            assert execution.header == facts.header, "memory equals store"
            assert execution.frames == facts.frames, "memory equals store"
        running: set[Identity] = set()
        for number, facts in self.facts.items():
            mine = {path: frame for path, frame in facts.frames.items() if frame.status is At.RUNNING}
            running |= {Identity(number, path, frame.visit) for path, frame in mine.items()}
            ready = {path for path, frame in facts.frames.items() if frame.status is At.READY and not facts.header.paused}
            self._gate(engine, number, facts.header.status, ready, held, len(mine))
        assert set(engine._flight) == running, "what is in flight is what is taken"
        self._timers(engine)
        self._limits(engine, running)
        assert self.feed.heard == self.number, "what is committed is published"

    def _gate(self, engine: Engine, number: int, status: Status, ready: set[str], held: set[tuple[int, str]], running: int) -> None:
        gate = engine._gate.others
        standing = gate._standing.get(number)
        assert {path for n, path in held if n == number} <= ready, "what is held is ready"
        offered = {path for path in ready if (number, path) not in held}
        if number in gate._new:
            assert standing is None
            assert status is Status.QUEUED
            header = self.facts[number].header
            assert gate._new.place(number) == (rank(header.priority, header.created), number), "who waits is where its priority puts it"
        elif standing is None:
            assert not offered, f"execution {number}: nobody knows that {offered} are ready"
            assert not running
        else:
            assert set(standing.ready) == offered, f"execution {number}: the gate offers what is not ready, or not what is"
            assert standing.running == running
            assert standing.admitted or not running

    def _timers(self, engine: Engine) -> None:
        timers = engine._timers
        for key in self.indexes.get("due", ()):
            beyond = not timers._whole and (timers._beyond is None or key > timers._beyond)
            assert beyond or key in timers._heap, f"the timers have lost {key}"

    def _limits(self, engine: Engine, running: set[Identity]) -> None:
        gate = engine._gate.others
        assert gate.admitted == sum(standing.admitted for standing in gate._standing.values())
        assert gate.admitted <= gate.max_jobs
        assert len({identity.number for identity in running}) <= gate.max_jobs
        assert len(running) <= sum(executor.capacity for executor in engine._flight._executors.values())
        for number, count in Counter(identity.number for identity in running).items():
            limit = self.dialects[self.facts[number].header.definition].definition.max_concurrency
            assert limit is None or count <= limit, f"execution {number}: {count} attempts at once, the limit is {limit}"


def _held(engine: Engine) -> set[tuple[int, str]]:
    """And what is held is ready."""
    return {(number, path) for number, paths in engine._held.items() for path in paths}
