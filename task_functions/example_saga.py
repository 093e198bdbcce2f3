"""The functions of the example `order-saga`: reserve stock, charge a card, ship, and what undoes the first two.

They stand for calls to other systems and keep nothing themselves. A receipt follows from the attempt's idempotency key alone, as it would
at a payment provider that takes one: an attempt that is issued again after a crash gets the same. Undoing needs no receipt, only the
order, and does no harm where there is nothing to undo; so it may follow a step of which nobody knows whether it worked.

All take `{"order": {"id", "items": [{"sku", "quantity", "cents"}]}, "fail": [step, ...], "seconds"}`. `fail` names the steps that are to
fail, such as `ship`, or `refund-once` for its first attempt only; `seconds` is how long each takes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

from task_functions.call_log import logged
from task_functions.context import Context
from task_functions.registry import task_function

SECONDS_LIMIT = 60
_SLICE_S = 0.05

Json = dict[str, Any]


class InvalidOrder(ValueError):
    """The order makes no sense; trying again would not help."""


class OutOfStock(Exception):
    """The stock cannot be reserved."""


class CardDeclined(Exception):
    """The card cannot be charged."""


class CannotShip(Exception):
    """No carrier takes the parcel."""


class UndoFailed(Exception):
    """What was done cannot be undone: somebody has to see to it."""


@task_function("orderReserve")
@logged
def reserve(data: Any, ctx: Context) -> Json:
    """`{"reservation", "pieces", "cents"}`: what was put aside and what it costs."""
    order = _order(data)
    _step("reserve", data, ctx, OutOfStock)
    items = order["items"]
    return {
        "reservation": _receipt("R", ctx),
        "pieces": sum(item["quantity"] for item in items),
        "cents": sum(item["quantity"] * item["cents"] for item in items),
    }


@task_function("orderCharge")
@logged
def charge(data: Any, ctx: Context) -> Json:
    """With `cents`, as `orderReserve` gave them. `{"payment", "cents"}`."""
    _order(data)
    _step("charge", data, ctx, CardDeclined)
    return {"payment": _receipt("P", ctx), "cents": data["cents"]}


@task_function("orderShip")
@logged
def ship(data: Any, ctx: Context) -> Json:
    """`{"shipment"}`."""
    _order(data)
    _step("ship", data, ctx, CannotShip)
    return {"shipment": _receipt("S", ctx)}


@task_function("orderRefund")
@logged
def refund(data: Any, ctx: Context) -> Json:
    """Undoes `orderCharge`."""
    return _undo("refund", data, ctx)


@task_function("orderRelease")
@logged
def release(data: Any, ctx: Context) -> Json:
    """Undoes `orderReserve`."""
    return _undo("release", data, ctx)


def _undo(step: str, data: Any, ctx: Context) -> Json:
    order = _order(data)
    _step(step, data, ctx, UndoFailed)
    return {"undone": _receipt("U", ctx), "order": order["id"]}


def _step(name: str, data: Mapping[str, Any], ctx: Context, error: type[Exception]) -> None:
    """Take the time that the data say, and fail if they say so."""
    ends = time.monotonic() + data.get("seconds", 0)
    while (left := ends - time.monotonic()) > 0 and not ctx.cancelled:
        time.sleep(min(left, _SLICE_S))
    ctx.logger.info("%s for order %s", name, data["order"]["id"])
    told = data.get("fail", ())
    if name in told or (ctx.attempt == 1 and f"{name}-once" in told):
        raise error(f"{name} was told to fail for order {data['order']['id']}")


def _receipt(letter: str, ctx: Context) -> str:
    return f"{letter}-{hashlib.sha256(ctx.idempotency_key.encode()).hexdigest()[:10]}"


def _order(data: Any) -> Mapping[str, Any]:
    order = data.get("order") if isinstance(data, Mapping) else None
    items = order.get("items") if isinstance(order, Mapping) else None
    if not isinstance(order, Mapping) or not isinstance(order.get("id"), str) or not isinstance(items, list) or not items:
        raise InvalidOrder(f'expected {{"order": {{"id": text, "items": [...]}}}} with at least one item, not {data!r:.200}')
    for item in items:
        if not isinstance(item, Mapping) or any(type(item.get(key)) is not int or item[key] < 0 for key in ("quantity", "cents")):
            raise InvalidOrder(f'an item has "quantity" and "cents", whole numbers from 0, not {item!r:.200}')
    if not isinstance(data.get("fail", []), list):
        raise InvalidOrder(f'"fail" is a list of steps, not {data["fail"]!r:.200}')
    seconds = data.get("seconds", 0)
    if type(seconds) not in (int, float) or not 0 <= seconds <= SECONDS_LIMIT:
        raise InvalidOrder(f'"seconds" is a number from 0 to {SECONDS_LIMIT}, not {seconds!r:.200}')
    return order
