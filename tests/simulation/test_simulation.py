"""Seeded worlds: the engine, its store and its executor with crashes between any two effects. A failing seed is printed and replays.

STEPWELL_SEED=1234 pytest tests/simulation            that world alone
STEPWELL_ROUNDS=100000 pytest -n 2 tests/simulation   a soak
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.memory import MemoryStore
from storage.protocol import Store
from storage.zodb import ZodbStore
from tests.simulation.definitions import make_dialect, random_dag, random_machine
from tests.simulation.machines import random_states
from tests.simulation.world import World
from workflows.core import machine
from workflows.model import Definition
from workflows.runtime import engine, execution, stepper, timers

ROUNDS = int(os.environ.get("STEPWELL_ROUNDS", "4000"))
ONLY = os.environ.get("STEPWELL_SEED")
PARTS = 16
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
    monkeypatch.setattr(machine, "TURN", 16)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What is made to fail here is logged by the thousand."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def world_of(seed: int, store: Store | None = None) -> World:
    """Up to three definitions, of one dialect or of several."""
    rnd = random.Random(~seed)
    makers: list[Callable[[random.Random, str], Definition]] = [random_dag, random_machine, random_states]
    makers = rnd.choice([makers[:1], makers[1:2], makers[2:], makers])
    definitions: dict[str, Definition] = {name: rnd.choice(makers)(rnd, name) for name in ("a", "b", "c")[: rnd.randint(1, 3)]}
    return World(seed, store or MemoryStore(), definitions, make_dialect)


def run(world: World, *, acts: int = ACTS, calm: bool = False) -> None:
    with replayable(world):
        world.live(acts, calm=calm)
        world.run_out()


@contextmanager
def replayable(world: World) -> Iterator[None]:
    try:
        yield
    except BaseException:
        print("\n".join(world.log))
        print(f"replay: STEPWELL_SEED={world.seed} python -m pytest tests/simulation")
        raise


def seeds(part: int, rounds: int = ROUNDS) -> list[int]:
    """The seeds of one part; all parts together make so many worlds. With STEPWELL_SEED: that one alone."""
    if ONLY is not None:
        return [int(ONLY)] if part == 0 else []
    return list(range(part, rounds, PARTS))


@pytest.mark.parametrize("part", range(PARTS))
def test_a_world_of_faults(part: int) -> None:
    for seed in seeds(part):
        run(world_of(seed))


@pytest.mark.parametrize("part", range(4))
def test_a_calm_world(part: int) -> None:
    """No faults: orders and times are drawn at random, and that is all."""
    for seed in seeds(part, ROUNDS // 4):
        run(world_of(seed), calm=True)


def test_a_world_on_a_file(tmp_path: Path) -> None:
    for seed in seeds(0, max(PARTS, ROUNDS // 10)):
        run(world_of(seed, ZodbStore(tmp_path / f"{seed}.fs", "group")))


def test_a_long_life() -> None:
    for seed in seeds(0, max(PARTS, ROUNDS // 40)):
        world = world_of(seed)
        world.starts = -30
        run(world, acts=500)
