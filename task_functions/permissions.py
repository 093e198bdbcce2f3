"""What the built-in functions may do on this server: run commands, and connect to which hosts.

Three settings of the server say so. They reach this file as environment variables, because functions run in other processes, too, and
those inherit the environment. An address is judged as the one that is really connected to, so no spelling of a host (decimal, octal, a
name that resolves to something else the second time) makes a difference.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

COMMANDS = "STEPWELL_ALLOW_COMMANDS"
ALLOW = "STEPWELL_HTTP_ALLOW"
PRIVATE = "STEPWELL_HTTP_PRIVATE"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TRUE = frozenset({"true", "1", "yes", "on", "y", "t"})
_WITH_PORT = re.compile(r"(?:\[(?P<literal>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_NAME = re.compile(r"(?:\*\.)?(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*")

_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # carriers' own
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # the host beneath a machine at Azure
        "2001::/23",  # Teredo and its like, which hold another address
        "2002::/16",  # 6to4, the same
        "3fff::/20",  # documentation
    )
)
"""What `ipaddress` calls global, in some release of Python or all, and is not."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One of `http_allow`: a host's name, "*.example.com" (any name below), "*" (any name), or a network; `port` None: any."""

    text: str
    name: str = ""
    network: Network | None = None
    port: int | None = None

    @property
    def exact(self) -> bool:
        """It names one host or a network, so that whoever wrote it meant that address, wherever it is."""
        return not self.name.startswith("*")

    def names(self, host: str, port: int) -> bool:
        if self.network is not None or self.port not in (None, port):
            return False
        return self.name in ("*", host) or (self.name.startswith("*.") and host.endswith(self.name[1:]))

    def holds(self, address: Address, port: int) -> bool:
        return self.network is not None and self.port in (None, port) and address in self.network


@dataclass(frozen=True, slots=True)
class Permissions:
    """`http_allow` empty: any public host. `http_private`: addresses that are not public, too."""

    commands: bool = False
    http_allow: tuple[Entry, ...] = ()
    http_private: bool = False

    def host_refused(self, host: str, port: int) -> str:
        """Why nobody may connect to a host of this name, whatever its address is; "" if it may be that one may."""
        entries = self.http_allow
        if not entries or any(entry.names(host, port) or entry.network is not None for entry in entries):
            return ""
        return f"the setting http_allow does not have {host}:{port}"

    def address_refused(self, host: str, address: Address, port: int) -> str:
        """Why nobody may connect to this address, to which `host` resolved; "" if one may."""
        address = _embedded(address)
        matching = [entry for entry in self.http_allow if entry.names(host, port) or entry.holds(address, port)]
        if self.http_allow and not matching:
            return f"the setting http_allow does not have {host}:{port}"
        if self.http_private or is_public(address) or any(entry.exact for entry in matching):
            return ""
        found = host if host == str(address) else f"{host} is at {address}, which"
        return f"{found} is not a public address; the setting http_private, or {host} in http_allow, would permit it"


def _embedded(address: Address) -> Address:
    """The IPv4 address inside a mapped or translated one, which is where packets go."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether it is an ordinary address of the internet: not private, loopback, link-local, shared, reserved, multicast or unspecified."""
    address = _embedded(address)
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_IPV6:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def parse_entry(text: str) -> Entry:
    """Raises ValueError, which says what would be right."""
    wanted = text.strip().lower().rstrip(".")
    if (network := _network(wanted)) is not None:
        return Entry(text, network=network)
    match = _WITH_PORT.fullmatch(wanted)
    port = int(match["port"]) if match and match["port"] else None
    if match and (port is None or 1 <= port <= 65_535):
        host = match["literal"] or match["host"]
        if (network := _network(host)) is not None:
            return Entry(text, network=network, port=port)
        if match["host"] and (host == "*" or (_NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]+", host))):
            return Entry(text, name=host, port=port)
    raise ValueError(
        f"{text!r} is no host: write api.example.com, *.example.com, 10.0.0.0/8 or [fd00::1], with :443 behind it for one port only "
        "(a name in other letters as xn--...)"
    )


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def variables(*, commands: bool, http_allow: tuple[str, ...], http_private: bool) -> dict[str, str]:
    """The environment variables that say this to functions."""
    return {COMMANDS: str(commands).lower(), ALLOW: ",".join(http_allow), PRIVATE: str(http_private).lower()}


def permissions(environment: Mapping[str, str] = os.environ) -> Permissions:
    """What the environment says. Raises ValueError for an entry of the allow list that is none."""
    return _parsed(environment.get(COMMANDS, ""), environment.get(ALLOW, ""), environment.get(PRIVATE, ""))


@lru_cache(maxsize=8)
def _parsed(commands: str, allow: str, private: str) -> Permissions:
    entries = tuple(parse_entry(text) for text in allow.split(",") if text.strip())
    return Permissions(commands.lower() in _TRUE, entries, private.lower() in _TRUE)


def caution(function: str) -> str | None:
    """What whoever registers a definition that calls this function should know of this server; None: nothing."""
    if function.removesuffix("Function") == "command" and not permissions().commands:
        return f"commands are off on this server, so its attempts fail with CommandsNotAllowed; the setting {SETTING} turns them on"
    return None


SETTING = f"allow_commands ({COMMANDS}=true)"
