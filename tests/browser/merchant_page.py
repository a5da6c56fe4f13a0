"""A merchant's page on an origin of its own, with the snippet and `_briqpay`; it keeps what it hears."""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PAGE = """<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<h1>Shop</h1><div id="place">{snippet}</div>
<script src="{emulator}/_sandbox/briq.min.js"></script>
<script>
  window.heard = [];
  for (const name of ["addressupdate", "make_decision", "paymentProcessStarted", "paymentProcessCancelled",
                      "order_status", "session_complete"])
    _briqpay.subscribe(name, (data) => window.heard.push([name, data]));
  _briqpay.subscribe("make_decision", async ({{ sessionId }}) => {{
    await fetch("/decision?" + sessionId, {{ method: "POST" }});
    _briqpay.v3.resumeDecision();
  }});
  _briqpay.v3.onReady(() => window.heard.push(["ready", null]));
</script></html>"""


class MerchantPage:
    """Serves the page; ``decisions`` are sent in turn when the checkout asks, then every order is allowed."""

    def __init__(self, emulator: Any) -> None:
        self._emulator = emulator
        self.snippet = ""
        self.decisions: list[dict[str, Any] | None] = []
        self.done: list[str] = []
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/done"):
                    page.done.append(self.path)
                    self._answer("<!doctype html><title>Thanks</title><link rel=icon href=data:,><h1>Thanks</h1>")
                else:
                    self._answer(PAGE.format(snippet=page.snippet, emulator=emulator.url))

            def do_POST(self) -> None:
                if self.path.startswith("/decision"):
                    page.decide(self.path.partition("?")[2])
                else:
                    self.rfile.read(int(self.headers["Content-Length"]))
                self._answer("{}")

            def _answer(self, text: str) -> None:
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def decide(self, session_id: str) -> None:
        body = self.decisions.pop(0) if self.decisions else {"decision": "allow"}
        if body is None:  # this shop never answers
            return
        credentials = base64.b64encode(f"{self._emulator.username}:{self._emulator.secret}".encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - the sandbox
            f"{self._emulator.url}/v3/session/{session_id}/decision",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Basic {credentials}"},
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - the sandbox

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
