"""The files of a new project, small but whole: one job that goes well, or fails where its input makes it, its functions, a test of both."""

from __future__ import annotations

SETTINGS = """\
# The settings of `stepwell serve`, and of all commands that need them. `stepwell config` lists all there are.
store = "data/Data.fs"
definitions = "definitions"
functions = ["functions"]
max_jobs = 10
"""

DEFINITION = """\
{
  "id": "order",
  "name": "An order",
  "description": "Reserves what was ordered, charges for it and writes the receipt.",
  "tasks": [
    {"id": "reserve", "functionName": "reserve"},
    {
      "id": "charge",
      "functionName": "charge",
      "parameters": {"total.$": "$.results.reserve.total", "limit.$": "$.input.limit"},
      "maxRetry": 3,
      "retryDelay": {"type": "exponential", "initialSeconds": 0.2},
      "doNotRetryOn": ["CardDeclined"],
      "timeoutSeconds": 30
    },
    {
      "id": "receipt",
      "functionName": "receipt",
      "parameters": {"name.$": "$.input.name", "charged.$": "$.results.charge.charged"}
    }
  ],
  "output": {"receipt.$": "$.results.receipt.text"}
}
"""

FUNCTIONS = '''\
"""What the tasks of `definitions/order.json` call. A function takes the task's data, and `ctx` if it wants to know more."""

from task_functions import task_function

PRICES = {"tea": 4, "cup": 9}


class CardDeclined(Exception):
    """An error's type is its class name: `doNotRetryOn` in the definition names this one."""


@task_function
def reserve(data):
    return {"total": sum(PRICES[item] * count for item, count in data["items"].items())}


@task_function
def charge(data, ctx):
    if data["total"] > data["limit"]:
        raise CardDeclined(f"{data['total']} is more than the limit, {data['limit']}")
    if ctx.attempt == 1:
        raise ConnectionError("the bank did not answer")  # it is tried again; the key below stays the same
    return {"charged": data["total"], "key": ctx.idempotency_key}


@task_function
def receipt(data):
    return {"text": f"{data['name']} paid {data['charged']}"}
'''

TESTS = '''\
"""Runs the job on a real server, which keeps nothing: `pytest` in the directory of the project."""

from pathlib import Path

import pytest

from workflows.testing import run, server

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def client():
    with server(PROJECT) as client:
        yield client


def test_an_order_is_paid(client):
    state = run(client, "order", {"name": "Ada", "items": {"tea": 2, "cup": 1}, "limit": 50})
    assert state["status"] == "COMPLETED", state["error"]
    assert state["output"] == {"receipt": "Ada paid 17"}
    assert {task["id"]: task["attempts"] for task in state["tasks"]} == {"reserve": 1, "charge": 2, "receipt": 1}


def test_a_card_that_is_declined_fails_the_order_at_once(client):
    state = run(client, "order", {"name": "Ada", "items": {"cup": 9}, "limit": 50})
    assert state["status"] == "FAILED"
    assert state["error"]["type"] == "CardDeclined"
    assert state["error"]["task"] == "charge"
'''

README = """\
# A Stepwell project

| | |
|---|---|
| `definitions/order.json` | the job: what is to be done, in which order, on what |
| `functions/shop.py` | the functions that its tasks call |
| `tests/test_order.py` | runs the job on a real server |
| `stepwell.toml` | the settings; `stepwell config` explains them |

Check the job, and start a server (again after each change; no work is lost):

```sh
stepwell lint definitions
stepwell serve
```

In another terminal, in this directory:

```sh
stepwell run order --input '{"name": "Ada", "items": {"tea": 2, "cup": 1}, "limit": 50}' --watch
stepwell run order --input '{"name": "Ada", "items": {"cup": 9}, "limit": 50}' --watch
stepwell system
```

The first run completes, after one attempt that fails on purpose; the second fails, because the limit is too low. Run the tests with
`pip install pytest`, then `pytest`.
"""

FILES = {
    "stepwell.toml": SETTINGS,
    "definitions/order.json": DEFINITION,
    "functions/shop.py": FUNCTIONS,
    "tests/test_order.py": TESTS,
    "README.md": README,
    ".gitignore": "data/\n__pycache__/\n",
}
"""Path → text."""

RUN = 'stepwell run order --input \'{"name": "Ada", "items": {"tea": 2, "cup": 1}, "limit": 50}\' --watch'
"""A command that goes well."""
