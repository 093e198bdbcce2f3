"""`stepwell alert` against a real server, whose alerts go to real receivers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.cli.servers import JOBS, ended, serve, until, url_of
from tests.cli.terminal import stepwell
from tests.functions.sites import MailServer, Post, Site
from workflows.client import Client
from workflows.commands.receivers import delivery

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[str]:
    """May call receivers nearby; the secrets SIGNING and CHAT are there."""
    variables: dict[str, Any] = {"STEPWELL_SECRET_SIGNING": SECRET, "STEPWELL_SECRET_CHAT": site.on("chat", lambda r: r.reply(200, b"ok"))}
    process = serve(tmp_path_factory.mktemp("alerting"), "--http-private", STEPWELL_GRACE_S="0.2", **variables)
    try:
        for job in JOBS:
            Client(url_of(process)).register(job)
        yield url_of(process)
    finally:
        process.kill()


@pytest.fixture(autouse=True)
def nobody_hears(server: str) -> Iterator[None]:
    """At the end of each test, so that the next has its own receivers."""
    yield
    client = Client(server)
    for one in list(client.definitions()):
        if "onAlert" in client.definition(one["id"])["document"]:
            for execution in list(client.executions()):
                if execution["definitionId"] == one["id"] and execution["status"] in ("RUNNING", "QUEUED"):
                    client.cancel(execution["id"])
            client.delete_definition(one["id"])


def printed(*arguments: str) -> dict[str, Any]:
    result = stepwell("alert", "add", *arguments, "--print")
    assert result.exit_code == 0, result.output
    made: dict[str, Any] = json.loads(result.stdout)
    return made


def parameters(*arguments: str) -> dict[str, Any]:
    [task] = printed("x", *arguments)["tasks"]
    given: dict[str, Any] = task["parameters"]
    assert given.pop("event.$") == "$.input"
    return given


# ---------------------------------------------------------------------------------------------------------------------- add


def test_what_add_makes() -> None:
    made = printed(
        "ops", "--webhook", "https://a.example/h", "--secret", "S", "--on", "failed, missed", "--on", "late", "--jobs", "report-*"
    )
    assert made == {
        "id": "ops",
        "name": "Alerts by webhook",
        "onAlert": {"kinds": ["failed", "missed", "late"], "jobs": ["report-*"]},
        "tasks": [
            {
                "id": "deliver",
                "functionName": "alert.webhook",
                "parameters": {"url": "https://a.example/h", "secret": {"$secret": "S"}, "event.$": "$.input"},
                "maxRetry": 8,
                "retryDelay": {"type": "exponential", "initialSeconds": 5, "multiplier": 3, "maxSeconds": 3600},
                "doNotRetryOn": ["AlertRefused", "HttpNotAllowed", "InvalidInput"],
            }
        ],
    }


def test_addresses_and_secrets() -> None:
    both = parameters("--webhook", "secret:URL", "--secret", "NEW", "--secret", "OLD")
    assert both == {"url": {"$secret": "URL"}, "secret": [{"$secret": "NEW"}, {"$secret": "OLD"}]}
    assert parameters("--slack", "secret:CHAT") == {"url": {"$secret": "CHAT"}}
    plain = parameters("--email", "a@b.example", "--email", "c@d.example", "--smtp", "mail.example")
    assert plain == {"host": "mail.example", "tls": "starttls", "from": "a@b.example", "to": ["a@b.example", "c@d.example"]}
    user = ("--username", "wf@b.example", "--secret", "MAIL")
    assert parameters("--email", "a@b.example", "--smtp", "[::1]:465", *user) == {
        "host": "::1",
        "port": 465,
        "tls": "tls",
        "username": "wf@b.example",
        "password": {"$secret": "MAIL"},
        "from": "wf@b.example",
        "to": ["a@b.example"],
    }
    assert parameters("--email", "a@b.example", "--smtp", "m:25", "--tls", "none", "--from", "x@b.example")["from"] == "x@b.example"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say one of --webhook URL, --slack URL and --email ADDRESS"),
        (("--webhook", "https://a", "--slack", "https://b"), "say one of --webhook URL"),
        (("--webhook", "https://a"), "a webhook is signed: name the secret that it is signed with, --secret NAME"),
        (("--slack", "https://a", "--secret", "S"), "a chat needs no --secret"),
        (("--slack", "https://a", "--from", "a@b.example"), "--from goes with --email only"),
        (("--slack", "https://a", "--smtp", "mail"), "--smtp goes with --email only"),
        (
            ("--slack", "https://a", "--on", "failed,mised"),
            "'mised' is no kind of alert: failed, missed, late, queueDepth; did you mean 'missed'?",
        ),
        (("--webhook", "foo", "--secret", "S"), "--webhook is an address that begins with http:// or https://, or secret:NAME"),
        (("--slack", "https://"), "--slack is an address that begins with http:// or https://"),
        (("--slack", "secret:a b"), "--slack: 'a b' is no name of a secret"),
        (("--webhook", "https://a", "--secret", "whsec_a+b="), "--secret: 'whsec_a+b=' is no name of a secret"),
        (("--email", "ada", "--smtp", "mail"), "--email is a mail address, as ops@example.com, not 'ada'"),
        (("--email", "a@b.example", "--smtp", "mail", "--from", "x"), "--from is a mail address"),
        (("--email", "a@b.example"), "mail goes by a server: --smtp HOST:PORT"),
        (("--email", "a@b.example", "--smtp", "smtp://mail"), "--smtp is the name of a mail server and its port"),
        (("--email", "a@b.example", "--smtp", "mail:70000"), "--smtp is the name of a mail server and its port"),
        (("--email", "a@b.example", "--smtp", "mail", "--secret", "S"), "--username and --secret"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], said: str) -> None:
    result = stepwell("alert", "add", "x", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_job_of_another_kind_is_not_replaced_or_removed(server: str) -> None:
    for command in (("add", "good", "--slack", "https://a.example/"), ("remove", "good", "--yes")):
        result = stepwell("alert", *command, server=server)
        assert result.exit_code == 2
        assert "the job 'good' is there and hears no alerts" in result.stderr
    assert stepwell("alert", "remove", "nobody", "--yes", server=server).exit_code == 2


def test_one_that_is_there_is_not_replaced_without_a_question(server: str) -> None:
    first = ("alert", "add", "twice", "--slack", "https://a.example/key")
    assert stepwell(*first, server=server).exit_code == 0
    assert stepwell(*first, server=server).exit_code == 0, "it is the same"
    other = ("alert", "add", "twice", "--slack", "secret:CHAT")
    result = stepwell(*other, server=server, stdin="n\n")
    assert (result.exit_code, "by chat (a.example). Replace it?" in result.stderr) == (2, True)
    assert Client(server).definition("twice")["revision"] == 1
    assert stepwell(*other, "--yes", server=server).exit_code == 0
    assert Client(server).definition("twice")["revision"] == 2


# ----------------------------------------------------------------------------------------------------------- a receiver's life


def test_nobody_hears(server: str) -> None:
    result = stepwell("alert", "test", server=server)
    assert result.exit_code == 1
    assert "nobody hears alerts; `stepwell alert add` makes a job that does" in result.stderr
    assert "nobody hears alerts" in stepwell("alert", "list", "--limit", "0", server=server).stderr
    assert stepwell("alert", "test", "good", server=server).exit_code == 1, "it is no receiver"


def test_all_three_ways(server: str, site: Site) -> None:
    mail = MailServer(Post())
    try:
        url = site.on("hook", lambda r: r.reply(204))
        added = stepwell("alert", "add", "ops", "--webhook", url, "--secret", "SIGNING", server=server)
        assert added.exit_code == 0, added.output
        assert added.stdout == "ops hears all alerts; to try it: stepwell alert test ops\n"
        assert not added.stderr
        more = stepwell("alert", "add", "chat", "--slack", "secret:CHAT", "--on", "missed", "--jobs", "report-*", server=server)
        assert more.exit_code == 0, more.output
        smtp = ("--smtp", f"127.0.0.1:{mail.port}", "--tls", "none")
        again = stepwell("alert", "add", "mail", "--email", "ada@b.example", *smtp, "--json", server=server)
        assert json.loads(again.stdout)["revision"] == 1
        result = stepwell("alert", "test", server=server)
        assert result.exit_code == 0, result.output
        rows = [line.split() for line in result.stdout.splitlines()]
        assert rows[0] == ["job", "execution", "status", "why"]
        assert [(row[0], row[2]) for row in rows[1:]] == [("chat", "COMPLETED"), ("mail", "COMPLETED"), ("ops", "COMPLETED")]
        hook = next(one for one in reversed(site.seen) if one.path == "/hook")
        event = Webhook(SECRET).verify(hook.sent, dict(hook.headers))
        assert event["type"] == "stepwell.alert.test"
        assert rows[1][1] == f"alert.{event['id']}.chat"
        chat = next(one for one in reversed(site.seen) if one.path == "/chat")
        assert json.loads(chat.sent)["text"].startswith("This is a test")
        assert mail.post.mails[-1].message["Subject"].strip().startswith("[Stepwell] This is a test")
        one = json.loads(stepwell("alert", "test", "ops", "--json", server=server).stdout)
        assert [(told["job"], told["status"], told["why"]) for told in one["deliveries"]] == [("ops", "COMPLETED", None)]
        listed(server)
    finally:
        mail.end()


def listed(server: str) -> None:
    result = stepwell("alert", "list", server=server)
    assert result.exit_code == 0, result.output
    head, *rows = [line.split() for line in result.stdout.splitlines() if line]
    assert head == ["job", "by", "to", "on", "jobs"]
    assert rows[:3] == [
        ["chat", "chat", "secret:CHAT", "missed", "report-*"],
        ["mail", "mail", "ada@b.example", "all", "all"],
        ["ops", "webhook", rows[2][2], "all", "all"],
    ]
    assert rows[3] == ["time", "kind", "message", "deliveries"]
    assert rows[4][2] == "test"
    assert rows[4][-2:] == ["ops", "COMPLETED"]
    found = json.loads(stepwell("alert", "list", "--json", "--limit", "1", server=server).stdout)
    assert [one["id"] for one in found["receivers"]] == ["chat", "mail", "ops"]
    assert [one["kind"] for one in found["alerts"]] == ["test"]
    removed = stepwell("alert", "remove", "chat", "--yes", server=server)
    assert (removed.exit_code, "chat" in removed.stdout) == (0, True)
    assert "chat" not in stepwell("alert", "list", server=server).stdout.split("time")[0]


def test_a_receiver_that_will_not_and_one_that_cannot_yet(server: str, site: Site) -> None:
    assert (
        stepwell(
            "alert", "add", "gone", "--webhook", site.on("gone", lambda r: r.reply(410)), "--secret", "SIGNING", server=server
        ).exit_code
        == 0
    )
    assert stepwell("alert", "add", "ill", "--slack", site.on("ill", lambda r: r.reply(503)), server=server).exit_code == 0
    result = stepwell("alert", "test", "--wait", "6", server=server)
    assert result.exit_code == 1
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "FAILED" in rows["gone"]
    assert "AlertRefused: POST http://127.0.0.1" in rows["gone"]
    assert "RETRYING" in rows["ill"]
    assert "503 Service Unavailable" in rows["ill"]
    assert "it is tried again" in result.stderr
    assert len([one for one in site.seen if one.path == "/gone"]) == 1
    newest = next(line for line in stepwell("alert", "list", server=server).stdout.splitlines() if " test " in line)
    assert newest.endswith("  gone FAILED, ill RETRYING"), newest
    [told] = json.loads(stepwell("alert", "list", "--json", "--limit", "1", server=server).stdout)["alerts"]
    assert [(one["job"], one["status"]) for one in told["executions"]] == [("gone", "FAILED"), ("ill", "RETRYING")]
    refused = stepwell("alert", "remove", "ill", "--yes", server=server)
    assert refused.exit_code == 1, "it has yet to tell of one"


def test_a_receiver_of_ones_own_is_followed_to_its_end(server: str) -> None:
    """With more than one task: that the first is through says nothing."""
    tasks = [{"id": "a", "functionName": "echo"}, {"id": "b", "functionName": "fail", "maxRetry": 1, "retryDelay": {"initialSeconds": 0.3}}]
    Client(server).register({"id": "own", "onAlert": {}, "tasks": tasks})
    Client(server).register({"id": "picky", "onAlert": {}, "inputSchema": {"required": ["nothing"]}, "tasks": tasks[:1]})
    result = stepwell("alert", "test", "--json", server=server)
    assert result.exit_code == 1
    found = {one["job"]: one for one in json.loads(result.stdout)["deliveries"]}
    assert (found["own"]["status"], found["own"]["why"]) == ("FAILED", "TaskFailed")
    assert found["picky"]["status"] == "NOT STARTED"
    assert "nothing" in found["picky"]["why"]


def test_a_secret_that_is_not_there_is_warned_of(server: str) -> None:
    result = stepwell("alert", "add", "early", "--webhook", "https://a.example/", "--secret", "LATER", server=server)
    assert result.exit_code == 0
    assert "warning: /tasks/0/parameters/secret: there is no secret 'LATER' now" in result.stderr


def test_a_failed_job_is_told_of(server: str, site: Site) -> None:
    url = site.on("failed", lambda r: r.reply())
    assert (
        stepwell("alert", "add", "ops", "--webhook", url, "--secret", "SIGNING", "--on", "failed", "--jobs", "b*", server=server).exit_code
        == 0
    )
    client = Client(server)
    execution = client.execute("bad")
    ended(client, execution)
    until(lambda: [one for one in site.seen if one.path == "/failed"], what="the webhook")
    [seen] = [one for one in site.seen if one.path == "/failed"]
    event = Webhook(SECRET).verify(seen.sent, dict(seen.headers))
    assert event["data"]["execution"] == execution
    assert event["data"]["error"]["message"] == "it broke"
    told = f"alert.{seen.headers['Webhook-Id']}.ops"
    assert ended(client, told)["status"] == "COMPLETED"


def test_where_others_deliver_is_told_as_far_as_it_can_be() -> None:
    assert delivery({"StartAt": "A", "States": {}}) == ("a job", "")
    assert delivery({"tasks": {"a": {"functionName": "alert.slack"}}}) == ("a job", "")
    hidden = {"functionName": "alert.slack", "parameters": {"url": "https://ada:hush@chat.example/hush?hush"}}
    assert delivery({"tasks": [{"functionName": "echo"}, hidden]}) == ("chat", "chat.example")
    assert delivery({"tasks": [{"functionName": "alert.email", "parameters": {"to": "a@b.example"}}]}) == ("mail", "a@b.example")
