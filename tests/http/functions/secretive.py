"""Functions that are given a secret: one keeps it, the other tells it in every way. Both note what they got in a file of the test's."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from task_functions import Context, task_function


def noted(data: Any) -> None:
    with open(os.environ["RECEIVED"], "a", encoding="utf-8") as file:
        file.write(json.dumps(data) + "\n")


def quiet(data: Any) -> str:
    noted(data)
    return "done"


def chatty(data: Any, ctx: Context) -> None:
    noted(data)
    ctx.logger.warning("logging in with %s", data["password"])
    logging.getLogger("a.library").warning("%r", data)
    print("printed:", data["password"])
    try:
        raise KeyError(data["password"])
    except KeyError as error:
        raise RuntimeError(f"login failed with {data!r}") from error


@task_function
def variables(data: Any) -> list[str]:
    return sorted(name for name in os.environ if name.startswith(data["prefix"]))


for function in (quiet, chatty):
    task_function(function.__name__)(function)
    task_function(f"{function.__name__}-inline", executor="inline")(function)
