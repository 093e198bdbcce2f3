"""Which hosts and addresses are permitted: the tables of addresses, the entries of the allow list, how settings arrive."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from task_functions.permissions import Permissions, caution, is_public, parse_entry, permissions, variables

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1", "192.0.1.1"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%2", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "3fff::1"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


def given(*allow: str, private: bool = False) -> Permissions:
    return permissions(variables(commands=False, http_allow=allow, http_private=private))


def may(permitted: Permissions, host: str, address: str, port: int = 443) -> bool:
    return not (permitted.host_refused(host, port) or permitted.address_refused(host, ipaddress.ip_address(address), port))


@pytest.mark.parametrize(
    ("allow", "host", "address", "port", "expected"),
    [
        ((), "a.example", "8.8.8.8", 443, True),
        ((), "a.example", "10.0.0.1", 443, False),
        (("a.example",), "a.example", "8.8.8.8", 80, True),
        (("a.example",), "b.example", "8.8.8.8", 443, False),
        (("A.Example.",), "a.example", "8.8.8.8", 443, True),
        (("a.example",), "xa.example", "8.8.8.8", 443, False),
        (("a.example",), "a.example.evil.test", "8.8.8.8", 443, False),
        (("a.example",), "a.example", "10.0.0.1", 443, True),
        (("a.example:8443",), "a.example", "8.8.8.8", 8443, True),
        (("a.example:8443",), "a.example", "8.8.8.8", 443, False),
        (("*.example",), "a.example", "8.8.8.8", 443, True),
        (("*.example",), "b.a.example", "8.8.8.8", 443, True),
        (("*.example",), "example", "8.8.8.8", 443, False),
        (("*.example",), "badexample", "8.8.8.8", 443, False),
        (("*.example",), "a.example", "10.0.0.1", 443, False),
        (("*.example", "10.0.0.0/8"), "a.example", "10.0.0.1", 443, True),
        (("*", "inner"), "inner", "10.0.0.1", 443, True),
        (("*", "inner"), "other", "10.0.0.1", 443, False),
        (("*", "inner"), "other", "8.8.8.8", 443, True),
        (("10.0.0.0/8",), "inner", "10.1.2.3", 443, True),
        (("10.0.0.0/8",), "inner", "::ffff:10.1.2.3", 443, True),
        (("10.0.0.0/8",), "inner", "11.1.2.3", 443, False),
        (("127.0.0.1:8080",), "localhost", "127.0.0.1", 8080, True),
        (("127.0.0.1:8080",), "localhost", "127.0.0.1", 8081, False),
        (("[fd00::1]:8080",), "fd00::1", "fd00::1", 8080, True),
        (("fd00::/8",), "fd00::1", "fd00::1", 8080, True),
        (("[fd00::/8]:80",), "fd00::1", "fd00::1", 81, False),
    ],
)
def test_the_allow_list(allow: tuple[str, ...], host: str, address: str, port: int, expected: bool) -> None:
    assert may(given(*allow), host, address, port) is expected


def test_http_private_permits_every_address_but_no_other_host() -> None:
    assert may(given(private=True), "inner", "10.0.0.1")
    assert may(given("*.example", private=True), "a.example", "10.0.0.1")
    assert not may(given("*.example", private=True), "inner", "10.0.0.1")


def test_a_refused_host_is_refused_before_it_is_looked_up_unless_a_network_might_hold_it() -> None:
    assert "inner:443" in given("a.example").host_refused("inner", 443)
    assert given("a.example", "10.0.0.0/8").host_refused("inner", 443) == ""


@pytest.mark.parametrize("text", ["", "https://a.example", "a.example/path", "a example", "a.example:0", "a.example:65536", "*a.example"])
@pytest.mark.parametrize("form", ["{}", " {}"])
def test_what_is_no_host_is_refused_with_the_forms_there_are(text: str, form: str) -> None:
    with pytest.raises(ValueError, match=r"write api\.example\.com"):
        parse_entry(form.format(text))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "1.2.3", "300.1.1.1", "a.*.example", "*.*", "bücher.example", "[a.example]", "::1]:80"])
def test_what_looks_like_a_host_and_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_entry(text)


def test_settings_arrive_as_variables() -> None:
    told = variables(commands=True, http_allow=("a.example", "10.0.0.0/8"), http_private=False)
    assert told == {
        "STEPWELL_ALLOW_COMMANDS": "true",
        "STEPWELL_HTTP_ALLOW": "a.example,10.0.0.0/8",
        "STEPWELL_HTTP_PRIVATE": "false",
    }
    found = permissions(told)
    assert found.commands
    assert not found.http_private
    assert [entry.text for entry in found.http_allow] == ["a.example", "10.0.0.0/8"]
    assert permissions({}) == Permissions()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("command", "false", True), ("commandFunction", "", True), ("command", "true", False), ("http", "", False)],
)
def test_whoever_registers_a_command_is_warned_while_commands_are_off(monkeypatch: Any, name: str, value: str, expected: bool) -> None:
    monkeypatch.setenv("STEPWELL_ALLOW_COMMANDS", value)
    said = caution(name)
    assert bool(said) is expected
    assert said is None or "STEPWELL_ALLOW_COMMANDS=true" in said
