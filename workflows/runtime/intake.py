"""What each item of the inbox does to a round: which event it is, of which execution. Reports of attempts nobody waits for do nothing."""

from __future__ import annotations

import logging
from typing import Any

from storage.protocol import StoreUnavailable, UnencodableRecord
from workflows.events import Continue, Failed, Heartbeat, Interrupted, Succeeded
from workflows.runtime.executor import FINAL, Beat, Done, Erred, Identity, Logged, Lost, Outcome
from workflows.runtime.flight import Flight
from workflows.runtime.inbox import Item, Reported, Request, TurnOf
from workflows.runtime.requests import Desk
from workflows.runtime.stepper import Round, Stepper

log = logging.getLogger(__name__)

Reply = tuple[Request, int | None, Any]
"""A request, the execution it is about, and what is to be answered once it is committed."""


class Intake:
    """Belongs to the engine's thread. `closing`: the executor has been closed, and what it lost is not held against the attempt."""

    def __init__(self, desk: Desk, stepper: Stepper, flight: Flight) -> None:
        self._desk = desk
        self._stepper = stepper
        self._flight = flight
        self.closing = False

    def take(self, round: Round, item: Item) -> Reply | None:
        """Step what it means. The reply, if somebody waits for one. Raises StoreUnavailable."""
        if isinstance(item, Request):
            return self._asked(round, item)
        if isinstance(item, Reported):
            if item.identity not in round.reported:
                self._heard(round, item.identity, item.outcome)
        elif isinstance(item, TurnOf):
            self._stepper.step(round, item.identity.number, Continue, item.identity.path, item.identity.visit)
        return None

    def _asked(self, round: Round, request: Request) -> Reply:
        try:
            return (request, *self._desk.perform(round, request))
        except StoreUnavailable:
            raise
        except Exception as error:
            return request, None, error

    def _heard(self, round: Round, identity: Identity, outcome: Outcome) -> None:
        """Of an attempt that was stopped only what it printed still counts, and that its executor is done with it."""
        if identity in self._flight:
            self._reported(round, identity, outcome)
        elif self._flight.stopped(identity):
            if isinstance(outcome, Logged):
                _keep(round, identity, outcome)
            elif isinstance(outcome, FINAL):
                round.reported[identity] = None

    def _reported(self, round: Round, identity: Identity, outcome: Outcome) -> None:
        number, path, visit = identity.number, identity.path, identity.visit
        if isinstance(outcome, FINAL):
            round.reported[identity] = None
        match outcome:
            case Done(output):
                self._stepper.step(round, number, Succeeded, path, visit, output)
            case Erred(error):
                self._stepper.step(round, number, Failed, path, visit, error)
            case Lost(clean, alone, why):
                self._stepper.step(round, number, Interrupted, path, visit, clean or self.closing, alone, why)
            case Beat():
                self._stepper.step(round, number, Heartbeat, path, visit)
            case Logged():
                _keep(round, identity, outcome)


def _keep(round: Round, identity: Identity, logged: Logged) -> None:
    """What an attempt printed goes into the same commit, beside the execution: no step, no history. One of an attempt that is issued again
    takes the place of its former self's."""
    data = {"path": identity.path, "task": logged.task, "attempt": logged.attempt, "at": round.now}
    key = (identity.number, identity.visit)
    try:
        round.pending.put("log", key, data | {"text": logged.text, "truncated": logged.truncated})
    except UnencodableRecord as error:
        log.warning("what the attempt %s printed cannot be stored: %s", identity, error)
    else:
        round.pending.index("logs", key, True)
