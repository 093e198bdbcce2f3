"""Seeded worlds: the engine, its store and its executor with crashes between any two effects. A failing seed is printed and replays.

STEPWELL_SEED=1234 pytest tests/simulation            that world alone
STEPWELL_ROUNDS=100000 pytest -n 2 tests/simulation   a soak
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from storage.memory import MemoryStore
from storage.zodb import ZodbStore
from tests.simulation.definitions import random_dag
from tests.simulation.world import World
from workflows.runtime import engine, execution, stepper, timers

ROUNDS = int(os.environ.get("STEPWELL_ROUNDS", "2000"))
ONLY = os.environ.get("STEPWELL_SEED")
RANGES = 20
ACTS = 40


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that small worlds reach: pages of a few frames, chunks of a few entries, windows of a few deadlines."""
    monkeypatch.setattr(engine, "RECOVERED", 2)
    monkeypatch.setattr(engine, "FIRED", 3)
    monkeypatch.setattr(stepper, "LIVE", 3)
    monkeypatch.setattr(timers, "WINDOW", 2)
    monkeypatch.setattr(execution, "PAGE_BYTES", 700)
    monkeypatch.setattr(execution, "CHUNK_ENTRIES", 8)
    monkeypatch.setattr(execution, "CHUNK_BYTES", 2_000)


@contextmanager
def replayable(seed: int, world: World) -> Iterator[None]:
    try:
        yield
    except BaseException:
        print("\n".join(world.log))
        print(f"replay: STEPWELL_SEED={seed} python -m pytest tests/simulation -k {world.__class__.__name__.lower()}")
        raise


def dag_world(seed: int, store: MemoryStore | ZodbStore | None = None) -> World:
    rnd = random.Random(~seed)
    definitions = {f"d{index}": random_dag(rnd, f"d{index}") for index in range(rnd.randint(1, 3))}
    return World(seed, store or MemoryStore(), definitions)


def run(seed: int, world: World, *, calm: bool = False) -> None:
    with replayable(seed, world):
        world.live(ACTS, calm=calm)
        world.run_out()


def seeds(part: int, base: int) -> list[int]:
    """The seeds of one part; all parts together make STEPWELL_ROUNDS worlds. With STEPWELL_SEED: that one alone."""
    if ONLY is not None:
        return [int(ONLY)] if part == 0 else []
    return list(range(base + part, base + ROUNDS, RANGES))


@pytest.mark.parametrize("part", range(RANGES))
def test_dags_in_a_world_of_faults(part: int) -> None:
    for seed in seeds(part, 0):
        run(seed, dag_world(seed))
