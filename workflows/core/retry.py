"""Whether and when an attempt that failed is tried again: a decision returned, never a sleep.

Matching of error names is that of the states language (specification, "Errors"; ASL.md rows P.1 to P.8) in both dialects.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, repeat

import backoff

from workflows.model import (
    ALL,
    DATA_LIMIT_EXCEEDED,
    HEARTBEAT_TIMEOUT,
    RUNTIME,
    TASK_FAILED,
    TIMEOUT,
    Delay,
    Retrier,
)

_NEVER_BY_WILDCARD = frozenset({RUNTIME, DATA_LIMIT_EXCEEDED})
_EXPONENT_LIMIT = 1_000
"""Delays grow no further after so many retries: the generator is walked from its start each time."""


def matches(error: str, names: tuple[str, ...]) -> bool:
    """Whether an error of this type is meant by one of these names. States.Timeout also stands for a missed heartbeat,
    States.TaskFailed for all but a time-out, States.ALL for all but States.Runtime and States.DataLimitExceeded."""
    for name in names:
        if name == error:
            return True
        if name == TIMEOUT and error == HEARTBEAT_TIMEOUT:
            return True
        if name == TASK_FAILED and error not in (TIMEOUT, HEARTBEAT_TIMEOUT) and error not in _NEVER_BY_WILDCARD:
            return True
        if name == ALL and error not in _NEVER_BY_WILDCARD:
            return True
    return False


def choose(retriers: tuple[Retrier, ...], error: str, used: tuple[int, ...]) -> int | None:
    """Index of the first retrier that answers this error, if it has retries left; else None. `used`: retries spent, per retrier.

    The first that matches decides: a later one is not asked when it is spent (specification, "Retrying after error"). States.Runtime is
    never retried, not even by name (ASL.md row P.3).
    """
    if error == RUNTIME:
        return None
    for index, retrier in enumerate(retriers):
        if matches(error, retrier.errors) and not matches(error, retrier.excluded):
            spent = used[index] if index < len(used) else 0
            return index if spent < retrier.attempts else None
    return None


def seconds(delay: Delay, n: int, draw: float) -> float:
    """Seconds to wait before retry n (n from 0). `draw` in [0, 1) is used by full jitter only."""
    full = _nth(delay, n)
    return full * draw if delay.jitter else full


def _nth(delay: Delay, n: int) -> float:
    """`initial * multiplier**n`, at most `maximum`. The first value of a backoff generator is a placeholder."""
    if delay.multiplier == 1.0 or delay.initial == 0.0:
        generator: Iterator[float] = backoff.constant(repeat(min(delay.initial, delay.maximum)))
    else:
        generator = backoff.expo(base=delay.multiplier, factor=delay.initial, max_value=delay.maximum)
    return float(next(islice(generator, min(n, _EXPONENT_LIMIT) + 1, None)))
