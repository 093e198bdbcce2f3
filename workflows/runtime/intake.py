"""What each item of the inbox does to a round: which event it is, of which execution. Reports of attempts nobody waits for do nothing."""

from __future__ import annotations

from typing import Any

from storage.protocol import StoreUnavailable
from workflows.model import Continue, Failed, Heartbeat, Interrupted, Succeeded
from workflows.runtime.executor import Beat, Done, Erred, Identity, Lost, Outcome
from workflows.runtime.flight import Flight
from workflows.runtime.inbox import Item, Reported, Request, TurnOf
from workflows.runtime.requests import Desk
from workflows.runtime.stepper import Round, Stepper

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
            if item.identity in self._flight and item.identity not in round.reported:
                self._reported(round, item.identity, item.outcome)
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

    def _reported(self, round: Round, identity: Identity, outcome: Outcome) -> None:
        if not isinstance(outcome, Beat):
            round.reported[identity] = None
        number, path, visit = identity.number, identity.path, identity.visit
        match outcome:
            case Done(output):
                self._stepper.step(round, number, Succeeded, path, visit, output)
            case Erred(error):
                self._stepper.step(round, number, Failed, path, visit, error)
            case Lost():
                self._stepper.step(round, number, Interrupted, path, visit, self.closing)
            case Beat():
                self._stepper.step(round, number, Heartbeat, path, visit)
