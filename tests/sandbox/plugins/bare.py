"""A client on a bare socket, with nothing of ours in it, that reads answers as strictly as a shop plugin does."""

import asyncio
import base64
import json
from typing import Any

from briqpay_async.sandbox import Sandbox

Answer = tuple[int, Any]


class BareClient:
    """Sends one request a connection and reads the answer to its end."""

    def __init__(self, sandbox: Sandbox, user_agent: str) -> None:
        self.sandbox = sandbox
        self._user_agent = user_agent
        token = base64.b64encode(f"{sandbox.username}:{sandbox.secret}".encode()).decode()
        self._authorization = f"Authorization: Basic {token}"

    async def ask(self, method: str, path: str, body: Any = None, *, accept: bool = True) -> Answer:
        """Return the status and the decoded body, which must be JSON and must be declared as such."""
        raw = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: close",
            self._authorization,
            "Content-Type: application/json",
            f"User-Agent: {self._user_agent}",
            f"Content-Length: {len(raw)}",
        ]
        if accept:
            lines.append("Accept: application/json")
        host, port = self.sandbox.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, content = answer.partition(b"\r\n\r\n")
        status_line, *headers = head.decode("ascii").split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in headers)}
        status = int(status_line.split(" ")[1])
        if status == 204:
            assert content == b""
            return status, None
        assert fields["content-type"].startswith("application/json")
        assert int(fields["content-length"]) == len(content)
        return status, json.loads(content)

    async def must(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Return the decoded body of a 2xx answer."""
        status, answer = await self.ask(method, path, body, **options)
        assert 200 <= status < 300, answer
        return answer

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[str, str]:
        """Return code and message of the error envelope, which has exactly these two."""
        status, answer = await self.ask(method, path, body)
        assert 400 <= status < 500, answer
        assert set(answer) == {"error"}
        assert set(answer["error"]) == {"code", "message"}
        return answer["error"]["code"], answer["error"]["message"]
