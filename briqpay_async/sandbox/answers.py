"""What the emulated API says: an answer, or a refusal in Briqpay's error envelope."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web

JSON_TYPE: Final = "application/json; charset=utf-8"


class Answer(NamedTuple):
    """One answer, not yet on the wire. A body of None means none at all."""

    status: int
    body: bytes | None = None
    session_id: str | None = None
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] | None = None


NOTHING: Final = Answer(204)


class Refusal(Exception):  # noqa: N818 (a refusal is an answer of the API, not an error of the sandbox)
    """Raised to answer with `{"error": {"code", "message"}}`."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    def answer(self) -> Answer:
        """Return the error envelope as an answer."""
        body = {"error": {"code": self.code, "message": self.message}}
        return Answer(self.status, orjson.dumps(body), headers=self.headers)


def invalid(*messages: str, reasons: list[str] | None = None) -> Refusal:
    """Make a 400 INVALID_DATA out of schema messages, comma-joined as Briqpay does.

    Args:
        messages: What is wrong, in the API's words.
        reasons: What the API would not say. They travel in the header `X-Sandbox-Reason`, so that a
            developer sees why a cart line matched no schema without the body becoming untrue.
    """
    headers = None
    if reasons:
        line = "; ".join(reasons).encode("ascii", "backslashreplace").decode("ascii")
        headers = {"X-Sandbox-Reason": "".join(c for c in line if c.isprintable())[:2000]}
    return Refusal(400, "INVALID_DATA", ", ".join(messages), headers)


def json_answer(document: Any, status: int = 200, session_id: str | None = None) -> Answer:
    """Make a JSON answer."""
    return Answer(status, orjson.dumps(document), session_id)


_JSON_HEADERS: Final = {"Content-Type": JSON_TYPE}


def respond(answer: Answer) -> web.Response:
    """Turn an answer into a response."""
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    headers = _JSON_HEADERS if answer.content_type is JSON_TYPE else {"Content-Type": answer.content_type}
    if answer.headers:
        headers = {**headers, **answer.headers}
    return web.Response(body=answer.body, status=answer.status, headers=headers)
