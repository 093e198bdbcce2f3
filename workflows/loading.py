"""What a server reads at start-up: function files and definition files. Bad ones are logged, left out, and told of as long as it runs."""

from __future__ import annotations

import logging
from pathlib import Path

from storage.protocol import StoreError
from task_functions.registry import load
from workflows.errors import Invalid, Problem, StepwellError
from workflows.runtime.catalogue import Registration
from workflows.service.definitions import Definitions
from workflows.settings import BUILT_IN, Settings

log = logging.getLogger("workflows.server")


class Loading:
    def __init__(self, settings: Settings, definitions: Definitions) -> None:
        self._settings = settings
        self._definitions = definitions
        self._troubles: list[str] = []

    def troubles(self) -> list[str]:
        """What was left out, in sentences."""
        return list(self._troubles)

    def load_functions(self) -> None:
        self._troubles.clear()
        for source in (BUILT_IN, *self._settings.sources):
            loaded = load(source)
            for error in loaded.errors:
                log.error("functions: %s", error)
                self._troubles.append(f"functions were not loaded at start-up: {error}")
            log.info("functions: %s from %s", ", ".join(loaded.names) or "none", source)

    def load_definitions(self) -> None:
        directory = self._settings.definitions
        if not directory.is_dir():
            self._left_out(f"{directory} is not a directory")
            return
        files: dict[str, Path] = {}
        for path in sorted(directory.glob("*.json")):
            done = self._load(path)
            if done is not None and (first := files.setdefault(done.id, path)) != path:
                told = f"{path}: the id {done.id!r} is that of {first}, too: what was read last is the newest revision"
                log.warning("definitions: %s", told)
                self._troubles.append(f"definitions of one id: {told}")

    def _load(self, path: Path) -> Registration | None:
        try:
            done = self._definitions.load_file(path)
        except Invalid as invalid:
            for problem in invalid.problems:
                log.error("definitions: %s", _placed(path, problem))
            number = len(invalid.problems)
            more = f", and {number - 1} more problem{'s' * (number > 2)}" if number > 1 else ""
            self._troubles.append(f"a definition was refused at start-up: {_placed(path, invalid.problems[0])}{more}")
        except (StepwellError, StoreError) as error:
            self._left_out(f"{path}: {error}")
        else:
            for warning in done.warnings:
                log.warning("definitions: %s", _placed(path, warning))
            log.info("definitions: %s, revision %d%s", done.id, done.revision, _became(done))
            return done
        return None

    def _left_out(self, why: str) -> None:
        log.error("definitions: %s", why)
        self._troubles.append(f"a definition was refused at start-up: {why}")


def _placed(path: Path, problem: Problem) -> str:
    place = "" if problem.line is None else f":{problem.line}:{problem.column}"
    return f"{path}{place}: {problem}"


def _became(done: Registration) -> str:
    if done.deleted:
        return " was deleted, and stays so while its file is as it was"
    return "" if done.created else " (unchanged)"
