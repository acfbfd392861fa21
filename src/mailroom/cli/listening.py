"""The listening socket of the web server, and the moment when it answers."""

from __future__ import annotations

import errno
import http.client
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from mailroom.config.env import Endpoint, SettingRefused

CURES: Final = {
    errno.EADDRINUSE: "is taken: stop the other program, or set MAILROOM_BIND to another port",
    errno.EACCES: "is reserved: set MAILROOM_BIND to a port above 1023",
    errno.EADDRNOTAVAIL: "is no address of this machine: set MAILROOM_BIND to one that is",
}


def listen(endpoint: Endpoint) -> socket.socket:
    """A listening socket; the supervisor keeps it, so that a new web process misses no connection."""
    try:
        family = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((endpoint.host, endpoint.port))
    except OSError as failure:
        cure = CURES.get(failure.errno or 0, f"cannot be used ({failure.strerror}): correct MAILROOM_BIND")
        raise SettingRefused(f"The address {endpoint} {cure}.") from None
    listener.listen(512)
    return listener


def endpoint_of(listener: socket.socket) -> Endpoint:
    """Where the socket really listens; port 0 has become a number."""
    host, port = listener.getsockname()[:2]
    return Endpoint(str(host), int(port))


def when_answering(endpoint: Endpoint, then: Callable[[], None]) -> None:
    """Call `then`, on a thread of its own, once `/healthz` answers 200."""
    threading.Thread(target=_wait, args=(endpoint, then), name="ready", daemon=True).start()


def _wait(endpoint: Endpoint, then: Callable[[], None]) -> None:
    while not is_answering(endpoint):
        time.sleep(0.1)
    then()


def is_answering(endpoint: Endpoint) -> bool:
    """True if `/healthz` answers 200 at this moment."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked up, not bound)
    host = anywhere.get(endpoint.host, endpoint.host)
    connection = http.client.HTTPConnection(host, endpoint.port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
