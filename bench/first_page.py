"""From "connect" to the first inbox page: ``first_page MAILDIR``, through ``serve`` and REST."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.servers.dovecot import PASSWORD, Dovecot, free_ports

from bench.machine import Product, give_mailbox

PAGE = 50


def main(arguments: list[str]) -> None:
    with Dovecot("full") as dovecot:
        letters = give_mailbox(dovecot, "bench", Path(arguments[0]))
        give_mailbox(dovecot, "warm", Path(arguments[0]), most=1)
        product = Product(dovecot, "warm")
        port = free_ports(1)[0]
        product.environment["MAILROOM_BIND"] = f"127.0.0.1:{port}"
        serve = subprocess.Popen([sys.executable, "-m", "mailroom.cli", "serve"], env=product.environment)
        try:
            rest = _Rest(port, product.token)
            rest.wait()
            page, everything = _times(rest, dovecot, letters)
        finally:
            os.kill(serve.pid, signal.SIGTERM)
            serve.wait(20)
            product.remove()
    print(f"{letters} letters: first page of {PAGE} after {page:.2f} s, all of them after {everything:.1f} s")


def _times(rest: _Rest, dovecot: Dovecot, letters: int) -> tuple[float, float]:
    server = {"host": "localhost", "port": dovecot.imap_port, "encryption": "none"}
    form = {"address": "bench@crm.example", "name": "Bench", "login": "bench", "password": PASSWORD}
    began = time.perf_counter()
    made = rest.call(
        "POST", "/accounts", {**form, "incoming": server, "outgoing": server, "start_date": None}
    )
    path = f"/messages?account={made['id']}&limit={PAGE}"
    while len(rest.call("GET", path)["items"]) < PAGE:
        time.sleep(0.02)
    page = time.perf_counter() - began
    while rest.call("GET", f"/accounts/{made['id']}")["status"]["ledger"]["stored"] < letters:
        time.sleep(0.5)
    return page, time.perf_counter() - began


class _Rest:
    def __init__(self, port: int, token: str) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def wait(self) -> None:
        """Until requests are served and the engine has had time to start."""
        for _ in range(200):
            try:
                self.call("GET", "/me")
                time.sleep(3)
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise SystemExit("the page did not come up")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self._root}/api/v1{path}", data=data, headers=self._headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
