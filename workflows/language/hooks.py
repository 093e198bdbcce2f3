"""The `hooks` of a job: JSON in, frozen Hooks out, or every problem they have.

A hook's secrets are named, never written down: a definition is shown to whoever may look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError, fields

from workflows.errors import Problem
from workflows.expressions import DATA, Path, Template
from workflows.hooks import GITHUB, STANDARD, Hook, Scheme, Signed
from workflows.language.expressions import paths_of
from workflows.language.findings import Known
from workflows.language.secrets import named, references, unknown
from workflows.language.shapes import Choice, Many, Object, Payload, Shape, Strict, Text, closest, shown, to_problems

MAX_HOOKS = 20
"""Of one job."""

MAX_SECRETS = 5
"""Of one hook."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""Without a dot, which is between the name and the event in the id of an execution."""

HEADER = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$"

SCHEMES: Mapping[str, Scheme] = {"standard": STANDARD, "github": GITHUB}

ROOTS = ("body", "headers", "id")
"""What an input is made of."""


def about(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "example": example}


def _name(value: str) -> None:
    if not re.fullmatch(NAME.strip("^$"), value):
        what = "the name of a hook is 1 to 64 of the characters A-Z a-z 0-9 _ - and starts with a letter or digit"
        raise ValidationError(f"{what}, not {shown(value)}")


def _header(value: str) -> None:
    if not re.fullmatch(HEADER.strip("^$"), value):
        raise ValidationError(f"this must be the name of a header, such as X-Signature, not {shown(value)}")


def _input(template: Template) -> None:
    problems = [one for place, path in paths_of(template, "") for one in _path(place, path)]
    problems += [Problem(place, "an input holds no secrets; only the parameters of a task may name one") for place in references(template)]
    if problems:
        raise ValidationError(problems)


def _path(place: str, path: Path) -> Iterator[Problem]:
    root, name = (*path.steps, None, None)[:2]
    if path.root != DATA:
        yield Problem(place, "a hook has no context object; its data are $.body, $.headers and $.id")
    elif isinstance(root, str) and root not in ROOTS:
        yield Problem(place, f"the data has body, headers and id, not {shown(root)}", closest(root, ROOTS))
    elif root == "headers" and isinstance(name, str) and name != name.lower():
        yield Problem(place, "the names of headers are in small letters here", name.lower())


class SignatureShape(Shape):
    """A signature over the body: its HMAC-SHA256, in a header."""

    header = Text(
        required=True, validate=_header, metadata=about("The header that holds the signature.", "X-Signature") | {"pattern": HEADER}
    )
    prefix = Text(empty=True, load_default="", metadata=about("What stands before it there.", "sha256="))
    encoding = Choice(("hex", "base64"), load_default="hex", metadata=about("How it is written.", "hex"))
    id_header = Text(
        data_key="idHeader",
        validate=_header,
        metadata=about("The header that names the event. If absent, equal bodies are one event.", "X-Event-Id") | {"pattern": HEADER},
    )


_SIGNATURE = SignatureShape()


class Signature(Strict, fields.Raw):
    """The name of a scheme, or a signature of another form; a Scheme is given."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Scheme:
        if isinstance(value, dict):
            try:
                return Signed(**_SIGNATURE.load(value))
            except ValidationError as error:
                raise ValidationError(to_problems(error.messages)) from None
        if isinstance(value, str) and value in SCHEMES:
            return SCHEMES[value]
        near = closest(value, SCHEMES) if isinstance(value, str) else None
        raise ValidationError([Problem("", f"this must be standard, github or an object with a header, not {shown(value)}", near)])


class SecretNames(Strict, fields.Raw):
    """A reference to a secret, or a list of some; their names are given, by place. What is none is never shown: it may be the secret."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        members = {f"/{n}": one for n, one in enumerate(value)} if isinstance(value, list) else {"": value}
        if not 1 <= len(members) <= MAX_SECRETS:
            raise ValidationError(f"a hook has from 1 to {MAX_SECRETS} secrets, not {len(members)}")
        found, problems = {}, []
        for place, one in members.items():
            try:
                found[place] = named(one)
            except ValueError as error:
                problems.append(Problem(place, str(error)))
        if problems:
            raise ValidationError(problems)
        return found


class HookShape(Shape):
    """A request from outside that starts the job."""

    name = Text(
        required=True,
        validate=_name,
        metadata=about("Names the hook in the whole server: requests are sent to `/hooks/{name}`.", "github-push") | {"pattern": NAME},
    )
    secret = SecretNames(
        required=True,
        metadata=about(
            "What requests are signed with; several while it is being changed. Named, not written down.", {"$secret": "GITHUB_HOOK"}
        ),
    )
    signature = Signature(
        load_default=lambda: STANDARD,
        metadata=about("How requests are signed. If absent, `standard`: by Standard Webhooks.", "github"),
    )
    input = Payload(
        validate=_input,
        metadata=about(
            "The input of its executions: a template over `body`, `headers` (names in small letters) and `id`. If absent, the body.",
            {"commit.$": "$.body.after", "event.$": "$.headers['x-github-event']"},
        ),
    )


class Hooks(Many):
    """Those of a job."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Object(HookShape), **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > MAX_HOOKS:
            raise ValidationError(f"a job has at most {MAX_HOOKS} hooks, not {len(value)}")
        return super()._deserialize(value)


def hook_problems(job: Mapping[str, Any]) -> list[Problem]:
    """A problem for each hook of a loaded job whose name another one has already."""
    names = [one.get("name") if isinstance(one, Mapping) else None for one in job.get("hooks") or ()]
    return [
        Problem(f"/hooks/{n}/name", f"another hook has the name {name!r}; give this one another")
        for n, name in enumerate(names)
        if name is not None and name in names[:n]
    ]


def secret_places(job: Mapping[str, Any]) -> dict[str, str]:
    """The names of the secrets that a loaded job's hooks have, by place."""
    loaded = [one if isinstance(one, Mapping) else {} for one in job.get("hooks") or ()]
    return {f"/hooks/{n}/secret{place}": name for n, one in enumerate(loaded) for place, name in (one.get("secret") or {}).items()}


def hook_warnings(job: Mapping[str, Any], known: Known | None) -> list[Problem]:
    return list(unknown(secret_places(job), known, "until it is there, the hook answers nobody it could check"))


def hooks_of(job: Mapping[str, Any]) -> tuple[Hook, ...]:
    """Of a job that was loaded without a problem."""
    return tuple(Hook(one["name"], tuple(one["secret"].values()), one["signature"], one.get("input")) for one in job.get("hooks", ()))
