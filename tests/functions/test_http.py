"""`http` against a real server on this machine: what it gives, what it refuses, and that nothing makes it wait longer than it was told."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from task_functions import http_wire
from task_functions.builtin import http, http_get, http_post
from task_functions.http_call import HttpBodyTooLarge, HttpStatusError, HttpTimeout
from task_functions.http_wire import HttpConnectionError, HttpNotAllowed
from task_functions.inputs import Cancelled, InvalidInput
from tests.functions.fakes import FakeContext
from tests.functions.sites import Answer, Handler, Site, self_signed


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("STEPWELL_HTTP_PRIVATE", "true")
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "")
    found = Site()
    yield found
    found.end()


def call(url: str, ctx: FakeContext | None = None, **more: Any) -> dict[str, Any]:
    return http({"url": url, **more}, ctx or FakeContext())


# ------------------------------------------------------------------------------------------------------ what is asked and answered


def test_a_json_answer(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(200, b'{"n": [1, 2.5, null]}', Content_Type="application/json", X_Trace="7"))
    result = call(url)
    assert result["status"] == 200
    assert result["json"] == {"n": [1, 2.5, None]}
    assert "body" not in result
    assert result["headers"]["x-trace"] == "7"
    assert result["headers"]["content-type"] == "application/json"
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        ("text/plain", "zwölf".encode(), {"body": "zwölf"}),
        ("text/plain; charset=iso-8859-1", "zwölf".encode("latin-1"), {"body": "zwölf"}),
        ("text/plain; charset=nonsense", b"\xff", {"base64": base64.b64encode(b"\xff").decode()}),
        ("image/png", b"\x89PNG\xff", {"base64": base64.b64encode(b"\x89PNG\xff").decode()}),
        ("text/plain; charset=undefined", b"a", {"base64": base64.b64encode(b"a").decode()}),
        ("text/plain; charset=a\0b", b"a", {"base64": base64.b64encode(b"a").decode()}),
        ("application/problem+json", b'{"a": 1}', {"json": {"a": 1}}),
        ("application/json", b"\xef\xbb\xbf[1]", {"json": [1]}),
        ("application/json", b"", {"body": ""}),
        ("application/json", b'{"a": NaN}', {"body": '{"a": NaN}'}),
        ("application/json", b"1e999", {"body": "1e999"}),
        ("application/json", b"[" * 100_000, {"body": "[" * 100_000}),
    ],
)
def test_bodies(site: Site, kind: str, sent: bytes, expected: dict[str, Any]) -> None:
    result = call(site.on("a", lambda r: r.reply(200, sent, Content_Type=kind)))
    assert {key: value for key, value in result.items() if key not in ("status", "headers")} == expected


def test_what_is_sent(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(204))
    assert (
        call(url + "?x=1", method="POST", json={"é": [1]}, params={"y": ["a b", 2], "z": True, "n": None}, headers={"X-A": "b"})["body"]
        == ""
    )
    seen = site.seen[0]
    assert (seen.command, seen.path) == ("POST", "/a?x=1&y=a+b&y=2&z=true")
    assert json.loads(seen.sent) == {"é": [1]}
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["X-A"] == "b"
    assert seen.headers["Idempotency-Key"] == "exec-1/task/1"
    assert seen.headers["User-Agent"] == "stepwell"
    call(url, method="PUT", body="zwölf")
    assert site.seen[1].sent == "zwölf".encode()
    assert site.seen[1].headers["Content-Type"] == "text/plain; charset=utf-8"


def test_an_idempotency_key_goes_with_what_changes_something(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(204))
    call(url, method="DELETE", headers={"idempotency-KEY": "mine"})
    assert site.seen[0].headers["Idempotency-Key"] == "mine"
    call(url)
    assert site.seen[1].headers["Idempotency-Key"] is None
    call(url, FakeContext(idempotency_key="exec-1:tässk\n:1"), method="PATCH")
    assert site.seen[2].headers["Idempotency-Key"] == "exec-1:t%C3%A4ssk%0A:1"


def test_get_and_post_are_http_with_one_method(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(200, b'{"n": 1}', Content_Type="application/json"))
    same = {name: value for name, value in call(url).items() if name != "headers"}
    found = http_get({"url": url, "params": {"x": 1}, "headers": {"X-A": "b"}, "timeout": 5, "expected": [200]}, FakeContext())
    assert {name: value for name, value in found.items() if name != "headers"} == same == {"status": 200, "json": {"n": 1}}
    for body, sent in (({"json": {"é": [1]}}, '{"é": [1]}'.encode()), ({"body": "zwölf"}, "zwölf".encode()), ({}, b"")):
        data = {"url": url, **body}
        for attempt in (1, 2):
            http_post(data, FakeContext(attempt=attempt))
            assert (site.seen[-1].command, site.seen[-1].sent) == ("POST", sent), "each attempt sends all of it"
            assert site.seen[-1].headers["Idempotency-Key"] == "exec-1/task/1"
    assert (site.seen[1].command, site.seen[1].path, site.seen[1].headers["X-A"]) == ("GET", "/a?x=1", "b")
    with pytest.raises(HttpStatusError):
        http_post({"url": url, "expected": 201}, FakeContext())


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (http_get, {"method": "GET"}),
        (http_get, {"body": "x"}),
        (http_get, {"json": None}),
        (http_post, {"method": "POST"}),
        (http_post, {"urll": 1}),
    ],
)
def test_get_and_post_take_nothing_that_they_would_ignore(function: Callable[[Any, FakeContext], Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(
        InvalidInput, match=rf"^{function.__name__.replace('_', '.')} cannot use its data: /{next(iter(wrong))}: unknown key"
    ):
        function({"url": "http://127.0.0.1:1/", **wrong}, FakeContext())


def test_user_information_becomes_a_header(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(204)).replace("http://", "http://ada:p%40ss@")
    call(url)
    assert site.seen[0].headers["Authorization"] == "Basic " + base64.b64encode(b"ada:p@ss").decode()


@pytest.mark.parametrize(("status", "expected"), [(204, "2xx"), (304, 304), (404, [200, 404]), (503, ["2xx", "5xx"]), (302, "3xx")])
def test_expected_statuses(site: Site, status: int, expected: Any) -> None:
    assert call(site.on("a", lambda r: r.reply(status, Location="/b")), expected=expected)["status"] == status


def test_a_head_has_no_body(site: Site) -> None:
    def answer(r: Handler) -> None:
        r.send_response(200)
        r.send_header("Content-Length", "1000")
        r.end_headers()

    assert call(site.on("a", answer), method="HEAD")["body"] == ""


# ------------------------------------------------------------------------------------------------------------------ failures


def test_another_status_fails_and_its_message_holds_no_secret(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(500, b"it\n  broke " + b"x" * 1000)).replace("http://", "http://ada:hush@")
    with pytest.raises(HttpStatusError) as caught:
        call(url + "?token=hush", headers={"X-Key": "hush"})
    assert caught.value.status == 500
    assert str(caught.value) == f"GET http://127.0.0.1:{site.server_port}/a answered 500 Internal Server Error: it broke " + "x" * 191


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_HTTP_PRIVATE", "true")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(HttpConnectionError, match="Connection refused") as caught:
        call(f"http://127.0.0.1:{port}/x?token=hush")
    assert "hush" not in str(caught.value)


def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(http_wire, "resolve", resolve)
    with pytest.raises(HttpConnectionError, match=r"cannot find nowhere\.example: Name or service not known"):
        call("http://nowhere.example/")


def test_a_connection_that_breaks(site: Site) -> None:
    def cut(r: Handler) -> None:
        r.send_response(200)
        r.send_header("Content-Length", "1000")
        r.end_headers()
        r.wfile.write(b"12345")

    with pytest.raises(HttpConnectionError, match=r"while its answer was read, the connection broke: IncompleteRead\(5 bytes read"):
        call(site.on("a", cut) + "?token=hush")
    with pytest.raises(HttpConnectionError, match=r"the connection broke") as caught:
        call(site.on("a", lambda r: None) + "?token=hush")
    assert "hush" not in str(caught.value)
    with pytest.raises(HttpConnectionError, match="its compression cannot be undone"):
        call(site.on("a", lambda r: r.reply(200, b"no gzip", Content_Encoding="gzip")))


def test_a_body_that_is_too_long(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(200, b"x" * 1001))
    assert len(call(url, maxBytes=1001)["body"]) == 1001
    with pytest.raises(HttpBodyTooLarge, match="more than 1,000 bytes; maxBytes permits more"):
        call(url, maxBytes=1000)


def test_a_body_without_an_end(site: Site) -> None:
    def endless(r: Handler) -> None:
        r.send_response(200)
        r.end_headers()
        while not r.server.closing.is_set():
            r.wfile.write(b"x" * 100_000)

    with pytest.raises(HttpBodyTooLarge):
        call(site.on("a", endless))
    with pytest.raises(HttpStatusError, match=r": x{200}$"):
        call(site.on("a", endless), expected=404)


def test_a_small_body_that_unpacks_into_a_large_one(site: Site) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    assert len(bomb) < 300_000
    with pytest.raises(HttpBodyTooLarge):
        call(site.on("a", lambda r: r.reply(200, bomb, Content_Encoding="gzip")))
    assert call(site.on("a", lambda r: r.reply(200, gzip.compress(b"small"), Content_Encoding="gzip")))["body"] == "small"


# -------------------------------------------------------------------------------------------------------------- time and cancelling


def dripping(r: Handler) -> None:
    """A byte now and then, so that no single read ever takes long."""
    r.send_response(200)
    r.send_header("Content-Length", "100000")
    r.end_headers()
    while not r.server.closing.wait(0.02):
        r.wfile.write(b"x")


def dripping_headers(r: Handler) -> None:
    r.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not r.server.closing.wait(0.02):
        r.wfile.write(b"x")


def silent(r: Handler) -> None:
    r.server.closing.wait(60)


@pytest.mark.parametrize(
    ("answer", "stage"),
    [(dripping, "reading the answer"), (dripping_headers, "connecting"), (silent, "connecting")],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_the_whole_call_ends_in_time(site: Site, started: list[threading.Thread], answer: Answer, stage: str) -> None:
    ctx = FakeContext()
    with pytest.raises(HttpTimeout, match=rf"GET http://127.0.0.1:\d+/a took longer than 2 s, and was {stage}"):
        call(site.on("a", answer) + "?token=hush", ctx, timeout=2)
    assert ctx.heartbeats >= 3
    all_end(started)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that calls start, and those that these start; not those of servers, which other tests may have left in this process."""
    found = [threading.current_thread()]
    start = threading.Thread.start

    def noting(thread: threading.Thread) -> None:
        if threading.current_thread() in found:
            found.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noting)
    return found


def all_end(started: list[threading.Thread]) -> None:
    """The call's own threads end: its connection was cut."""
    _, *own = started
    assert own
    for thread in own:
        thread.join(60)
        assert not thread.is_alive(), thread.name


def test_a_name_that_nobody_answers_for(started: list[threading.Thread], monkeypatch: pytest.MonkeyPatch) -> None:
    asked, end = threading.Event(), threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        asked.set()
        end.wait(30)
        return []

    monkeypatch.setattr(http_wire, "resolve", resolve)
    with pytest.raises(HttpTimeout, match=r"took longer than 1 s, and was connecting to slow\.example"):
        call("http://slow.example/", timeout=1)
    assert asked.is_set()
    end.set()
    all_end(started)


@pytest.mark.parametrize("answer", [dripping, silent], ids=lambda v: str(v.__name__))
def test_a_cancelled_call_stops(site: Site, started: list[threading.Thread], answer: Answer) -> None:
    with pytest.raises(Cancelled):
        call(site.on("a", answer), FakeContext(cancel_after=2))
    all_end(started)


def test_a_host_with_an_address_that_does_not_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one gets its turn within the time."""
    url = site.on("a", lambda r: r.reply(204))
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = free.getsockname()
    alive = ("127.0.0.1", site.server_port)
    monkeypatch.setattr(http_wire, "resolve", lambda *_, **__: [(socket.AF_INET, 1, 6, "", place) for place in (dead, alive)])
    assert call(url)["status"] == 204


# ------------------------------------------------------------------------------------------------------------------------ redirects


def test_a_redirect_is_an_answer_unless_it_is_followed(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(302, Location="/b?token=hush"))
    site.on("b", lambda r: r.reply(200, b"here"))
    with pytest.raises(HttpStatusError, match=r"/a answered 302 Found \(to /b; followRedirects is not on\)$"):
        call(url)
    assert call(url, followRedirects=True)["body"] == "here"
    with pytest.raises(HttpStatusError, match=r"/c answered 302 Found \(to no address; followRedirects is not on\)$"):
        call(site.on("c", lambda r: r.reply(302, Location="http://[::1/?token=hush")))


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (307, "POST", "POST", b"x"),
        (308, "PUT", "PUT", b"x"),
    ],
)
def test_methods_and_bodies_change_as_in_browsers(site: Site, status: int, method: str, then: str, body: bytes) -> None:
    url = site.on("a", lambda r: r.reply(status, Location="b"))
    site.on("b", lambda r: r.reply(204))
    call(url, method=method, body="x", headers={"X-Key": "k"}, followRedirects=True)
    seen = site.seen[1]
    assert (seen.command, seen.sent) == (then, body)
    assert seen.headers["X-Key"] == "k", "it is the same server"
    assert (seen.headers["Content-Type"] is None) == (seen.headers["Idempotency-Key"] is None) == (then == "GET")


def test_keys_do_not_follow_to_another_server(site: Site) -> None:
    other = Site()
    there = other.on("b", lambda r: r.reply(204))
    try:
        url = site.on("a", lambda r: r.reply(307, Location=there)).replace("http://", "http://ada:hush@")
        given = {"Authorization": "Bearer hush", "X-Api-Key": "hush", "Cookie": "hush", "Accept": "text/plain"}
        call(url, method="POST", json=1, headers=given, followRedirects=True)
        headers = dict(other.seen[0].headers)
        assert "hush" not in str(headers)
        assert headers["accept"] == "text/plain"
        assert headers["content-type"] == "application/json"
    finally:
        other.end()


def test_redirects_without_an_end_or_to_elsewhere(site: Site) -> None:
    url = site.on("a", lambda r: r.reply(302, Location="/a?again=1"))
    with pytest.raises(HttpStatusError, match="was led on more than 10 times, at last to http"):
        call(url, followRedirects=True)
    assert len(site.seen) == 11
    for where in ("file:///etc/passwd", "gopher://127.0.0.1/", "http://[::1/"):
        site.on("a", lambda r, where=where: r.reply(302, Location=where))  # type: ignore[misc]
        with pytest.raises(HttpStatusError, match="led to what is no address of HTTP"):
            call(url, followRedirects=True)


# ------------------------------------------------------------------------------------------------------------- what is not permitted

LOOPBACKS = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"]


@pytest.mark.parametrize("host", LOOPBACKS)
def test_this_machine_is_not_reached_however_it_is_written(site: Site, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.delenv("STEPWELL_HTTP_PRIVATE")
    site.on("a", lambda r: r.reply(204))
    with pytest.raises(HttpNotAllowed, match=r"is not a public address; the setting http_private, or .* in http_allow, would permit it"):
        call(f"http://{host}:{site.server_port}/a")
    assert not site.seen


def test_a_redirect_to_this_machine_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPWELL_HTTP_PRIVATE")
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", f"127.0.0.1:{site.server_port}")
    other = Site()
    try:
        there = other.on("b", lambda r: r.reply(204))
        with pytest.raises(HttpNotAllowed, match="http_allow does not have"):
            call(site.on("a", lambda r: r.reply(302, Location=there)), followRedirects=True)
        assert site.seen
        assert not other.seen
    finally:
        other.end()


def test_a_name_that_resolves_to_another_address_the_second_time_gains_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was judged is the one that is connected to: there is no second look-up."""
    monkeypatch.delenv("STEPWELL_HTTP_PRIVATE")
    site.on("a", lambda r: r.reply(204))
    answers = iter(["192.0.2.7", "127.0.0.1"])
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(http_wire, "resolve", resolve)
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "192.0.2.0/24")
    with pytest.raises((HttpConnectionError, HttpTimeout)):  # 192.0.2.7 is nobody's
        call(f"http://rebind.example:{site.server_port}/a", timeout=1)
    assert asked == ["rebind.example"]
    with pytest.raises(HttpNotAllowed):
        call(f"http://rebind.example:{site.server_port}/a")
    assert not site.seen


def test_of_several_addresses_only_the_permitted_are_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPWELL_HTTP_PRIVATE")
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "127.0.0.1")
    other = Site(host="127.0.0.2")
    try:
        places = [(socket.AF_INET, 1, 6, "", ("127.0.0.2", site.server_port)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", site.server_port))]
        monkeypatch.setattr(http_wire, "resolve", lambda *_, **__: places)
        url = site.on("a", lambda r: r.reply(204)).replace("127.0.0.1", "two.example")
        assert call(url)["status"] == 204
    finally:
        other.end()


def test_a_host_that_is_not_in_the_list_is_not_even_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(http_wire, "resolve", lambda host, *_, **__: asked.append(host))
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "*.example.com, api.example.org:8443")
    for url in ("http://secrets.evil.test/", "https://example.com/", "https://api.example.org/"):
        with pytest.raises(HttpNotAllowed, match="the setting http_allow does not have"):
            call(url)
    assert not asked


def test_proxies_and_netrc_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    call(site.on("a", lambda r: r.reply(204)))
    assert site.seen[0].headers["Authorization"] is None


def test_tls_checks_the_name_although_the_address_was_looked_up_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secure, certificate = self_signed(tmp_path, "site.example")
    names: list[str | None] = []
    secure.sni_callback = lambda _socket, name, _context: names.append(name)
    site = Site()
    site.socket = secure.wrap_socket(site.socket, server_side=True)
    site.on("a", lambda r: r.reply(200, b"secure"))
    monkeypatch.setenv("STEPWELL_HTTP_PRIVATE", "true")
    place = ("127.0.0.1", site.server_port)
    monkeypatch.setattr(http_wire, "resolve", lambda *_, **__: [(socket.AF_INET, 1, 6, "", place)])
    try:
        with pytest.raises(HttpConnectionError, match=r"the certificate or the encryption is not right: .*self.signed"):
            call(f"https://site.example:{site.server_port}/a")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert call(f"https://site.example:{site.server_port}/a")["body"] == "secure"
        assert names[-1] == "site.example"
        with pytest.raises(HttpConnectionError, match=r"not right: .*other\.example"):
            call(f"https://other.example:{site.server_port}/a")
    finally:
        site.end()


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {
        "method": "get",
        "uri": "x",
        "url": "ftp://a.example/?token=hush",
        "headers": {"Host": "x", "Proxy-A": "x", "a b": "x", "X-A": "hush\r\nX-B: 1", "X-C": 1, "X-D": "\u4e2d"},
        "params": {"p": {}},
        "json": 1,
        "body": "x",
        "timeout": True,
        "expected": [200, "6xx", 99],
        "maxBytes": 0,
        "followRedirects": "yes",
    }
    with pytest.raises(InvalidInput) as caught:
        http(wrong, FakeContext())
    places = [problem.partition(":")[0] for problem in caught.value.problems]
    assert places == [
        *("/uri", "/method", "/params/p", "/url", "/headers/Host", "/headers/Proxy-A", "/headers/a b", "/headers/X-A", "/headers/X-C"),
        *("/headers/X-D", "/body", "/timeout", "/expected/1", "/expected/2", "/maxBytes", "/followRedirects"),
    ]
    assert "hush" not in str(caught.value)
    assert "did you mean 'GET'?" in str(caught.value)
    assert "/uri: unknown key; did you mean 'url'?" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "must be an object with method, url"),
        ({}, "/url: this key is missing"),
        ({"url": ""}, "/url: this must not be empty"),
        ({"url": 1}, "/url: this must be text, not 1"),
        ({"url": "a.example"}, 'must begin with http:// or https://, not ""'),
        ({"url": "http://"}, "names no host"),
        ({"url": "http://a.example:x/"}, "its port must be a number"),
        ({"url": "http://a.example/a b"}, "write %20 for a space"),
        ({"url": "http://a.example\\@b.example/"}, "a backslash"),
        ({"url": "http://[::1/"}, "/url: "),
        ({"url": "http://" + "ä" * 70 + ".example/"}, "its host cannot be a name"),
        ({"url": "http://a.example", "expected": []}, "/expected: this must hold at least one status"),
        ({"url": "http://a.example", "headers": []}, "/headers: this must be an object"),
        ({"url": "http://a.example", "json": float("nan")}, "/json: this cannot be written as JSON"),
    ],
)
def test_refused(data: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        http(data, FakeContext())
