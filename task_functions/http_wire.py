"""How an HTTP call reaches its server: one connection, to an address that was judged, and that can be cut at any moment.

`requests` does the rest. Its connections are given a way to connect of ours: the host is resolved once, each address is held against the
permissions, and the connection goes to exactly that address, so a name that resolves to something else the next time gains nothing. TLS
still checks the certificate against the host's name.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from requests import adapters  # the package first: it is not to meet itself half-way, imported by two threads at once
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from task_functions.permissions import Permissions

resolve = socket.getaddrinfo
"""Of a host's name. A test puts its own in this place."""

SHORTEST_S = 1.0
"""What each of a host's addresses gets at least to answer."""


class HttpNotAllowed(Exception):
    """The settings of this server do not permit the host, or the address it is at."""


class HttpConnectionError(Exception):
    """The server could not be reached, or the connection broke."""


class Wire:
    """The connections of one call. `cut`, from any thread, ends whatever waits on one of them, and permits no other."""

    def __init__(self, permissions: Permissions, deadline: float) -> None:
        self._permissions = permissions
        self._deadline = deadline
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._is_cut = False
        self.adapter = _Adapter(self.connect)

    def check(self, host: str, port: int) -> None:
        """Raises HttpNotAllowed for a host that is not permitted wherever it is; it need not be looked up then."""
        if refused := self._permissions.host_refused(host, port):
            raise HttpNotAllowed(refused)

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection to one of the host's permitted addresses. Raises HttpNotAllowed, HttpConnectionError."""
        places, problem = self._places(host, port)
        for left, (family, place) in zip(range(len(places), 0, -1), places, strict=True):
            wire = socket.socket(family, socket.SOCK_STREAM)
            wire.settimeout(max(SHORTEST_S, (self._deadline - time.monotonic()) / left))
            try:
                self._hold(wire)
                wire.connect(place)
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return wire
            except OSError as error:
                wire.close()
                problem = f"{place[0]}: {error.strerror or error}"
            except BaseException:
                wire.close()
                raise
        raise HttpConnectionError(f"cannot connect to {host}:{port}: {problem}")

    def _places(self, host: str, port: int) -> tuple[list[tuple[int, Any]], str]:
        """Where the host is and may be connected to."""
        name = host.rstrip(".").lower()
        try:
            found = resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise HttpConnectionError(f"cannot find {host}: {getattr(error, 'strerror', None) or error}") from None
        places: list[tuple[int, Any]] = []
        refused = ""
        for family, _, _, _, place in found:
            problem = self._permissions.address_refused(name, ipaddress.ip_address(place[0]), port)
            refused = refused or problem
            if not problem and (family, place) not in places:
                places.append((family, place))
        if not places and refused:
            raise HttpNotAllowed(refused)
        return places, "it has no address"

    def _hold(self, wire: socket.socket) -> None:
        """Keep a second handle: TLS takes the first one's place, and shutting down either ends both."""
        with self._lock:
            if self._is_cut:
                raise HttpConnectionError("the call was given up")
            self._handles.append(wire.dup())

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for handle in self._handles:
                with suppress(OSError):  # it need not be connected
                    handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Nothing is under way any more."""
        with suppress(Exception):
            self.adapter.close()
        with self._lock:
            self._is_cut = True
            for handle in self._handles:
                handle.close()
            self._handles.clear()


Connect = Callable[[str, int], socket.socket]


class _Connecting:
    """A urllib3 connection that asks `connect` for its socket."""

    _dns_host: str
    port: int
    timeout: float | None

    def __init__(self, *args: Any, connect: Connect, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connect = connect

    def _new_conn(self) -> socket.socket:
        wire = self._connect(self._dns_host, self.port)
        wire.settimeout(self.timeout)
        return wire


class _Plain(_Connecting, HTTPConnection):
    pass


class _Tls(_Connecting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class _Adapter(adapters.HTTPAdapter):
    """No retries (the task's retries are the engine's), no proxies, no connection kept for another call."""

    def __init__(self, connect: Connect) -> None:
        super().__init__(max_retries=0)
        pools = {"http": partial(_PlainPool, connect=connect), "https": partial(_TlsPool, connect=connect)}
        self.poolmanager.pool_classes_by_scheme = pools
