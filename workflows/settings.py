"""The server's settings: one frozen, validated object, made from `STEPWELL_*` variables. The command line sets the same variables.

Knows what each setting means and what is allowed; reads nothing but the environment.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from environs import Env, EnvError

import definitions

MEBIBYTE = 1024 * 1024

EXAMPLES = "task_functions.examples"


class SettingsError(ValueError):
    """A setting that cannot be: which, what it is, what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`functions`: modules and directories of task functions, besides the built-ins. `task_workers`: attempts at once.
    `max_jobs`: executions with something to run at once. `grace_s`: what running attempts get when the server stops, in seconds.
    `max_body_bytes`: a longer request is refused. `threads`: requests at once. `insecure`: any address may be listened on without keys.
    `secrets`: a directory with a file per secret."""

    host: str = "127.0.0.1"
    port: int = 8080
    store: str = "data/Data.fs"
    definitions: Path = field(default_factory=lambda: definitions.DIRECTORY)
    functions: tuple[str, ...] = (EXAMPLES,)
    max_jobs: int = 10
    task_workers: int = 16
    insecure: bool = False
    grace_s: float = 10.0
    max_body_bytes: int = 8 * MEBIBYTE
    threads: int = 64
    secrets: Path | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Where functions come from: `functions`, and the examples wherever the shipped definitions are loaded, which call them."""
        shipped = (EXAMPLES,) if self.definitions == definitions.DIRECTORY else ()
        return tuple(dict.fromkeys((*self.functions, *shipped)))

    def __post_init__(self) -> None:
        for name, low, high in (
            ("port", 0, 65_535),
            ("max_jobs", 1, 100_000),
            ("task_workers", 1, 1_000),
            ("grace_s", 0, 3_600),
            ("max_body_bytes", 1_024, 256 * MEBIBYTE),
            ("threads", 4, 1_000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"STEPWELL_{name.upper()} is {value}: it must be between {low:,} and {high:,}")
        if not self.insecure and not is_loopback(self.host):
            raise SettingsError(
                f"refusing to listen on {self.host}: anybody who reaches that address could run jobs, and there are no keys yet. "
                "Listen on 127.0.0.1, or say --insecure (STEPWELL_INSECURE=true) if the network is trusted"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def from_environment() -> Settings:
    """The settings that the `STEPWELL_*` variables say. Raises SettingsError. `STEPWELL_FUNCTIONS` is a comma-separated list."""
    env, default = Env(prefix="STEPWELL_"), Settings()
    try:
        return Settings(
            host=env.str("HOST", default.host),
            port=env.int("PORT", default.port),
            store=env.str("STORE", default.store),
            definitions=env.path("DEFINITIONS", default.definitions),
            functions=tuple(env.list("FUNCTIONS", list(default.functions))),
            max_jobs=env.int("MAX_JOBS", default.max_jobs),
            task_workers=env.int("TASK_WORKERS", default.task_workers),
            insecure=env.bool("INSECURE", default.insecure),
            grace_s=env.float("GRACE_S", default.grace_s),
            max_body_bytes=env.int("MAX_BODY_BYTES", default.max_body_bytes),
            threads=env.int("THREADS", default.threads),
            secrets=env.path("SECRETS", default.secrets),
        )
    except EnvError as error:
        raise SettingsError(str(error)) from error
