"""Hands ready attempts to executors that have room, and takes back what still runs when the server stops. Belongs to the engine's thread.

Each executor is a lane of the gate, so that one that is full holds nobody up in another. A pick is admission and `Taken` at once; what is
taken reaches its executor after the commit.
"""

from __future__ import annotations

from workflows.events import Interrupted, Taken
from workflows.runtime.executor import Identity
from workflows.runtime.flight import Flight
from workflows.runtime.gates import Gates
from workflows.runtime.held import Held
from workflows.runtime.stepper import Round, Stepper


class Handout:
    def __init__(self, gate: Gates, stepper: Stepper, flight: Flight, held: Held) -> None:
        self._gate = gate
        self._stepper = stepper
        self._flight = flight
        self._held = held

    def hand_out(self, round: Round) -> None:
        """Have ready attempts taken while their executors have room. An executor without any hears that somebody waits."""
        for lane in self._flight.lanes:
            free = self._flight.free(round, lane)
            while free > 0 and (pick := self._gate.pick(lane)) is not None:
                free -= self._take(round, lane, *pick)
            if free <= 0 and self._gate.wants(lane):
                self._flight.prepare(lane)

    def give_back(self, round: Round) -> None:
        """What still runs is to be issued again by the next server, and that is not held against it."""
        for identity in [identity for identity in self._flight if identity not in round.reported]:
            self._stepper.step(round, identity.number, Interrupted, identity.path, identity.visit, True)

    def _take(self, round: Round, lane: str, number: int, path: str) -> int:
        """How many attempts were taken: one, or none where the function is missing or the execution broke."""
        found = self._stepper.function(round, number, path)
        if found is None:
            return 0
        function, visit = found
        if not self._flight.takes(function):
            self._stepper.hold(round, number, path)
            self._held.add(number, path, function)
            return 0
        self._stepper.step(round, number, Taken, path, visit, lane)
        round.lanes[Identity(number, path, visit)] = lane
        return 1
