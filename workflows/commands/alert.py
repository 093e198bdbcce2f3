"""`alert`: who is told when something went wrong, and whether it reaches them."""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import COMPLETED, EXIT_CODES, FAILED, USAGE, client_of, confirmed, fail, json_option, server_option
from workflows.commands.complete import jobs as job_ids
from workflows.commands.output import as_json as print_json
from workflows.commands.output import coloured, excerpt, finding, note, table
from workflows.commands.receivers import KINDS, definition, delivery, email, slack, webhook
from workflows.commands.times import local

if TYPE_CHECKING:
    from workflows.client import Client, Json

POLL_S = 0.2

LISTED = 20
"""Alerts that `list` shows unless told otherwise."""

name_argument = click.argument("name", shell_complete=job_ids)


@click.group()
def alert() -> None:
    """Say who hears of failed, missed and late runs, and try it.

    Whoever hears alerts is a job: each alert starts an execution of it, which is retried until it is delivered.

    \b
    stepwell alert add ops --slack secret:OPS_CHAT --on failed,missed
    stepwell alert test ops
    \b
    Exit codes: 0 done, 1 refused or not delivered, 2 wrong usage, 4 no server reached.
    """


def _kinds(_ctx: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Kinds, separated by commas or given one by one."""
    words = [word.strip() for one in given for word in one.split(",") if word.strip()]
    for word in words:
        if word not in KINDS:
            near = difflib.get_close_matches(word, KINDS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.BadParameter(f"{word!r} is no kind of alert: {', '.join(KINDS)}{hint}")
    return tuple(dict.fromkeys(words))


@alert.command(epilog=EXIT_CODES)
@click.argument("name")
@click.option(
    "--webhook", "webhook_url", metavar="URL", help="Send signed webhooks there. secret:NAME: the secret of that name is the URL."
)
@click.option("--slack", "slack_url", metavar="URL", help="Post to a chat's incoming webhook: Slack, Mattermost, Discord's /slack.")
@click.option("--email", "to", metavar="ADDRESS", multiple=True, help="Send mail; may be given again.")
@click.option("--smtp", metavar="HOST[:PORT]", help="The mail server that takes it.")
@click.option("--tls", type=click.Choice(("starttls", "tls", "none")), help="How that is encrypted.  [default: starttls, at port 465 tls]")
@click.option("--from", "sender", metavar="ADDRESS", help="Whom mail is from.  [default: the user name, or the first --email]")
@click.option("--username", metavar="NAME", help="The mail server's user.")
@click.option(
    "--secret", "secrets", metavar="NAME", multiple=True, help="The secret that signs webhooks (again: also by that), or of the mail user."
)
@click.option("--on", "kinds", metavar="KINDS", multiple=True, callback=_kinds, help=f"Any of {','.join(KINDS)}.  [default: all]")
@click.option("--jobs", metavar="PATTERN", multiple=True, help="Only about these jobs, as report-*; may be given again.  [default: all]")
@click.option("--yes", is_flag=True, help="Do not ask before one that is there is replaced.")
@click.option("--print", "only_print", is_flag=True, help="Print the definition and register nothing.")
@server_option
@json_option
def add(
    name: str,
    webhook_url: str | None,
    slack_url: str | None,
    to: tuple[str, ...],
    kinds: tuple[str, ...],
    jobs: tuple[str, ...],
    yes: bool,
    only_print: bool,
    server: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Make a job that tells of alerts, by webhook, chat or mail.

    One of the name that hears alerts already is replaced, after a question.

    \b
    stepwell alert add ops --webhook https://ops.example.com/hooks/stepwell --secret OPS_SIGNING --jobs 'report-*'
    stepwell alert add chat --slack secret:CHAT_URL --on failed,missed
    stepwell alert add mail --email ops@example.com --smtp mail.example.com:587 --username wf --secret MAIL
    """
    if sum(map(bool, (webhook_url, slack_url, to))) != 1:
        raise click.UsageError("say one of --webhook URL, --slack URL and --email ADDRESS")
    mail = {key: value for key, value in more.items() if key != "secrets" and value is not None}
    if mail and not to:
        raise click.UsageError(f"--{'from' if 'sender' in mail else next(iter(mail))} goes with --email only")
    if webhook_url:
        made = definition(name, "alert.webhook", webhook(webhook_url, more["secrets"]), kinds, jobs)
    elif slack_url:
        made = definition(name, "alert.slack", slack(slack_url, more["secrets"]), kinds, jobs)
    else:
        parameters = email(to, more["smtp"], more["tls"], more["sender"], more["username"], more["secrets"])
        made = definition(name, "alert.email", parameters, kinds, jobs)
    if only_print:
        print_json(made)
        return
    with client_of(server) as client:
        former = _document(client, name, missing_ok=True)
        if former not in (None, made):
            by, where = delivery(former)
            confirmed(f"The job {name!r} hears alerts already, and tells of them by {by}{f' ({where})' if where else ''}. Replace it?", yes)
        answer = client.register(made)
    for warning in answer["warnings"]:
        note(finding({"severity": "warning", **warning}))
    click.echo(json.dumps(answer) if as_json else f"{name} hears {', '.join(kinds) or 'all'} alerts; to try it: stepwell alert test {name}")


@alert.command("list", epilog=EXIT_CODES)
@click.option("--limit", type=click.IntRange(0), default=LISTED, metavar="N", help=f"So many alerts at most.  [default: {LISTED}]")
@server_option
@json_option
def list_(limit: int, server: str | None, as_json: bool) -> None:
    """List who hears alerts, and the newest alerts.

    \b
    stepwell alert list
    """
    with client_of(server) as client:
        receivers = [document for one in client.definitions() if one["hearsAlerts"] and (document := _found(client, one["id"]))]
        alerts = list(islice(client.alerts(page=max(1, min(limit, 200))), limit))
        for one in alerts:
            for told in one["executions"]:
                _look(client, told)
    if as_json:
        print_json({"receivers": [{"id": one["id"], "onAlert": one["onAlert"]} for one in receivers], "alerts": alerts})
        return
    if receivers:
        table(("job", "by", "to", "on", "jobs"), map(_receiver_row, receivers))
    else:
        note("nobody hears alerts; `stepwell alert add` makes a job that does")
    if alerts:
        click.echo()
        table(("time", "kind", "message", "deliveries"), map(_alert_row, alerts))


@alert.command(epilog=EXIT_CODES)
@click.argument("name", required=False, shell_complete=job_ids)
@click.option(
    "--wait", type=click.FloatRange(0, 3600), default=30.0, metavar="SECONDS", help="Wait so long for the deliveries.  [default: 30]"
)
@server_option
@json_option
def test(name: str | None, wait: float, server: str | None, as_json: bool) -> None:
    """Raise an alert, to try whether it gets through.

    All who hear alerts hear it, or only NAME. What was not delivered in time is tried on by the server.

    \b
    stepwell alert test ops
    """
    with client_of(server) as client:
        raised = client.test_alert(name)
        told = [_delivery(one) for one in raised["executions"]]
        _follow(client, told, wait)
    if as_json:
        print_json({"alert": raised["id"], "deliveries": [one.as_json() for one in told]})
    elif told:
        table(("job", "execution", "status", "why"), [(one.job, one.execution, one.status, one.why) for one in told])
    if not told:
        note("nobody hears alerts; `stepwell alert add` makes a job that does")
    sys.exit(COMPLETED if told and all(one.status == "COMPLETED" for one in told) else FAILED)


@alert.command(epilog=EXIT_CODES)
@name_argument
@click.option("--yes", is_flag=True, help="Do not ask first.")
@server_option
@json_option
def remove(name: str, yes: bool, server: str | None, as_json: bool) -> None:
    """Delete a job that hears alerts.

    Refused (exit code 1) while it has yet to tell of one.

    \b
    stepwell alert remove ops
    """
    with client_of(server) as client:
        _document(client, name)
        confirmed(f"Delete the job {name!r}, so that it hears no more alerts?", yes)
        answer = client.delete_definition(name)
    click.echo(json.dumps(answer) if as_json else answer["message"])


# ------------------------------------------------------------------------------------------------------------------- the server's side


def _found(client: Client, name: str) -> Json | None:
    """The document of a job; None: it is not there, or no longer."""
    from workflows.client import ClientError

    try:
        document: Json = client.definition(name)["document"]
    except ClientError as error:
        if error.status == 404:
            return None
        raise
    return document


def _document(client: Client, name: str, missing_ok: bool = False) -> Any:
    """The job's document, if there is one. Ends the command where it is one of another kind, which is not to be lost by accident."""
    found = _found(client, name) if missing_ok else client.definition(name)["document"]
    if found is not None and "onAlert" not in found:
        fail(f"the job {name!r} is there and hears no alerts; `stepwell definitions` is for such jobs", USAGE)
    return found


@dataclass(slots=True)
class _Delivery:
    """What a test's alert comes to with one who hears it. `why`: what went wrong so far."""

    job: str
    execution: str
    why: str
    status: str

    @property
    def ended(self) -> bool:
        return self.status in ("NOT STARTED", "COMPLETED", "FAILED", "CANCELLED")

    def look(self, client: Client) -> None:
        from workflows.client import describe_error

        state = client.state(self.execution)
        again = next((task for task in state["tasks"] if task["status"] == "RETRYING"), None)
        self.status = "RETRYING" if again else state["status"]
        self.why = describe_error((again or state).get("error")) or ""

    def as_json(self) -> Json:
        return {"job": self.job, "executionId": self.execution, "status": self.status, "why": self.why or None}


def _delivery(telling: Json) -> _Delivery:
    reason = telling["reason"]
    return _Delivery(telling["job"], telling["executionId"], reason or "", "NOT STARTED" if reason else "QUEUED")


def _look(client: Client, telling: Json) -> None:
    """Add how the delivery stands."""
    from workflows.client import ClientError

    one = _delivery(telling)
    if not one.ended:
        try:
            one.look(client)
        except ClientError as error:
            if error.status != 404:
                raise
            one.status = "NOT STARTED"  # not yet
    telling["status"] = one.status


def _follow(client: Client, told: list[_Delivery], wait: float) -> None:
    """Look until all have ended or the time is over; the first failure of each that is retried is told at once."""
    until, warned = time.monotonic() + wait, set[str]()
    while True:
        for one in told:
            if one.ended:
                continue
            one.look(client)
            if one.status == "RETRYING" and one.job not in warned:
                warned.add(one.job)
                note(f"{one.job}: {coloured('RETRYING', excerpt(one.why, 300))}; it is tried again")
        if all(one.ended for one in told) or time.monotonic() >= until:
            return
        time.sleep(POLL_S)


def _receiver_row(document: Json) -> Iterator[str]:
    heard = document["onAlert"]
    yield document["id"]
    yield from delivery(document)
    yield ", ".join(heard.get("kinds", ["all"]))
    yield ", ".join(heard.get("jobs", ["all"]))


def _alert_row(one: Json) -> Iterator[str]:
    message = one["event"]["data"].get("message", one["event"]["type"])
    yield from (local(one["time"]), one["kind"], excerpt(message))
    yield ", ".join(f"{told['job']} {told['status']}" for told in one["executions"])
