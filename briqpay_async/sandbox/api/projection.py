"""What of a stored session an answer shows: the `fields` query and the hidden members.

"The fields query parameter takes a comma-separated list of fields or 'none' … If 'none' is
specified, an empty 204 will be returned" (Briqpay docs). Names that don't exist are ignored.
"""

from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from briqpay_async.sandbox.answers import NOTHING, Answer, json_answer
from briqpay_async.sandbox.state.store import ApiRequest, Json
from briqpay_async.sandbox.switches import Switches

NO_FIELDS: Final = ("none",)

# Kept on the stored state for tests to look at; no documented answer has them.
_STATE_ONLY: Final = ("modules", "config", "decision", "checkout", "companyDropped")
# "Only available when the session is completed" (Briqpay docs).
_LATE: Final = ("company", "billing", "shipping")


@lru_cache(maxsize=512)
def parse_fields(query: str) -> tuple[str, ...] | None:
    """Return the names asked for by a raw query string, or None when all are wanted."""
    given = parse_qs(query).get("fields")
    if not given:
        return None
    names = tuple(name.strip() for name in ",".join(given).split(",") if name.strip())
    return names or None


def visible(session: dict[str, Any], switches: Switches) -> dict[str, Any]:
    """Return the session as answers show it; the stored state is not touched."""
    shown = session.copy()
    for name in _STATE_ONLY:
        if name in shown and not (name == "modules" and switches.show_modules):
            del shown[name]
    if not switches.early_sections and session["status"] != "completed":
        shown["data"] = {name: part for name, part in session["data"].items() if name not in _LATE}
    return shown


def session_answer(session: Json, request: ApiRequest, switches: Switches, status: int = 200) -> Answer:
    """Return a session as the answer of an endpoint that takes `fields`."""
    session_id: str = session["sessionId"]
    fields = request.fields
    if fields == NO_FIELDS:
        return NOTHING._replace(session_id=session_id)
    if request.view is not None:
        session = request.view(session)
    shown = visible(session, switches)
    if fields is not None:
        if "snippet" in fields:  # asked for by the commercetools connector
            shown["snippet"] = shown["htmlSnippet"]
        shown = {name: shown[name] for name in fields if name in shown}
    return json_answer(shown, status, session_id)
