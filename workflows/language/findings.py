"""What reading a state machine has found so far: problems, each with its place and Step Functions' name for the kind of finding, and which
variables are given and read where.

Texts that were recorded from the real service are used as recorded ("These fields are required: [StartAt]"); the others are ours. Nothing
here knows what a state is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from workflows.errors import Problem
from workflows.language.names import closest
from workflows.language.shapes import shown

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TRANSITION = "MISSING_TRANSITION_TARGET"
DUPLICATE = "DUPLICATE_STATE_NAME"

COMPARISONS = 20_000
"""Of names, for suggestions, in one document."""

Known = Callable[[str], bool]
"""Whether a function of that name is registered."""

Cautions = Callable[[str], str | None]
"""What should be known before a function of that name is called, such as that it cannot work here; None: nothing."""


def no_caution(_: str) -> None:
    return None


@dataclass(slots=True)
class Sight:
    """The variables of one scope: where each is first given, and every place where one is read. `outer` is the scope around it."""

    outer: Sight | None = None
    given: dict[str, str] = field(default_factory=dict)
    read: list[tuple[str, str]] = field(default_factory=list)

    def around(self) -> Iterator[Sight]:
        """The scopes around it, inner ones first."""
        sight = self.outer
        while sight is not None:
            yield sight
            sight = sight.outer


class Findings:
    """`functions` says whether a function of that name is registered (None: not asked); `names` are those to suggest; `cautions` become
    warnings. `secrets`: names of the secrets that are put somewhere, by place. `jsonata`: that is the language of the whole machine. Only
    what both languages share is looked at then."""

    def __init__(self, functions: Known | None = None, names: Iterable[str] = (), cautions: Cautions = no_caution) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.secrets: dict[str, str] = {}
        self.jsonata = False
        self.sight = Sight()
        self.sights: list[Sight] = []
        self._functions = functions
        self._names = tuple(names)
        self._cautions = cautions
        self._known: dict[str, bool] = {}
        self.comparisons_left = COMPARISONS

    def refuse(self, pointer: str, message: str, suggestion: str | None = None, code: str = SCHEMA) -> None:
        self.problems.append(Problem(pointer, message, suggestion, code=code))

    def warn(self, pointer: str, message: str, suggestion: str | None = None, code: str = SCHEMA) -> None:
        self.warnings.append(Problem(pointer, message, suggestion, "warning", code))

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is given and read meanwhile belongs to a scope inside the present one."""
        around = self.sight
        self.sight = Sight(around)
        self.sights.append(self.sight)
        yield
        self.sight = around

    def function(self, name: str, pointer: str) -> None:
        """`name` is called at `pointer`. Whether it exists may change until it is called, so this is only worth a warning."""
        if caution := self._cautions(name):
            self.warn(pointer, caution)
        if self._functions is None:
            return
        if name not in self._known:
            self._known[name] = self._functions(name)
        if not self._known[name]:
            self.warn(pointer, f"there is no function {shown(name)}", self.nearest(name, self._names))

    def nearest(self, name: object, names: Collection[str]) -> str | None:
        """The one of `names` that `name` was most likely meant to be. A document full of wrong names gets suggestions for the first few,
        not minutes later."""
        self.comparisons_left -= max(len(names), 40)
        if self.comparisons_left < 0 or not isinstance(name, str):
            return None
        return closest(name, names)
