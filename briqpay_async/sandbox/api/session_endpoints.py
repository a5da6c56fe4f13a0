"""The endpoints of a session before it is completed: create, read, update, metadata, decision."""

from typing import Any, Final

from briqpay_async.sandbox.answers import NOTHING, Answer, Refusal, invalid
from briqpay_async.sandbox.api.projection import session_answer
from briqpay_async.sandbox.rules.create_body import CHARGE_TOKEN, creation_problems, hook_reasons
from briqpay_async.sandbox.rules.other_bodies import decision_problems, metadata_problems
from briqpay_async.sandbox.rules.patch_body import hidden_reasons, patch_problems
from briqpay_async.sandbox.state.apply_patch import apply_metadata, apply_patch
from briqpay_async.sandbox.state.module_status import module_status
from briqpay_async.sandbox.state.new_session import new_session
from briqpay_async.sandbox.state.store import Call, Core, Json, utc_now

_ENDS_SESSION: Final = "reject_session_with_error"


def create(core: Core, call: Call) -> Answer:
    """POST /v3/session (reference §B.1)."""
    body = call.json()
    if problems := creation_problems(body, check_totals=core.switches.check_totals):
        raise invalid(*problems, reasons=hidden_reasons(body) + hook_reasons(body))
    session = new_session(
        body,
        session_id=core.new_id(),
        created_at=utc_now(),
        username=core.username,
        token=_charged_token(core, body),
    )
    session_id: str = session["sessionId"]
    core.sessions[session_id] = session
    if core.switches.initialization_pending:
        core.initializing[session_id] = core.switches.initialization_pending
    core.effects.add("create", session_id, call.sequence, session_id)
    return session_answer(session, call.fields, core.switches, 201)


def _charged_token(core: Core, body: Json) -> Json | None:
    """Return the token a session is to charge; one the sandbox has never seen is taken on trust."""
    if body["product"]["intent"] != CHARGE_TOKEN:
        return None
    token = core.tokens.get(body["data"]["tokenization"]["tokenId"])
    if token is not None and token["state"] != "active":
        raise invalid("Invalid tokenId - token is not active.")
    return token


def read(core: Core, call: Call) -> Answer:
    """GET /v3/session/{id} (reference §B.2)."""
    return session_answer(core.session(call.target), call.fields, core.switches)


def _open_session(core: Core, session_id: str) -> Json:
    session = core.session(session_id)
    if session["status"] == "completed":
        raise Refusal(409, "SESSION_ALREADY_COMPLETED", "This session is already completed")
    return session


def patch(core: Core, call: Call) -> Answer:
    """PATCH /v3/session/{id} (SEED)."""
    session = _open_session(core, call.target)
    body: Any = call.json()
    switches = core.switches
    problems = patch_problems(body, session.get("customerType"), check_totals=switches.check_totals)
    if problems:
        raise invalid(*problems, reasons=hidden_reasons(body))
    core.sessions[call.target] = patched = apply_patch(session, body, switches.merge)
    core.effects.add("patch", call.target, call.sequence)
    return session_answer(patched, call.fields, switches)


def metadata(core: Core, call: Call) -> Answer:
    """PATCH /v3/session/{id}/metadata, allowed at any time (reference §B.4, §H)."""
    session = core.session(call.target)
    body = call.json()
    if problems := metadata_problems(body):
        raise invalid(*problems)
    changed = apply_metadata(session, body.get("urls"), body.get("references"), core.switches.references)
    core.sessions[call.target] = changed
    core.effects.add("metadata", call.target, call.sequence)
    return session_answer(changed, call.fields, core.switches)


def decision(core: Core, call: Call) -> Answer:
    """POST /v3/session/{id}/decision (reference §C.6)."""
    session = _open_session(core, call.target)
    body = call.json()
    if problems := decision_problems(body):
        raise invalid(*problems)
    decided = {**session, "decision": body}
    if body.get("rejectionType") == _ENDS_SESSION and body["decision"] == "reject":
        payment = {**session["moduleStatus"]["payment"], "orderStatus": "order_rejected"}
        decided["status"] = "completed"
        decided["moduleStatus"] = {**session["moduleStatus"], "payment": payment}
        decided["moduleStatus"] = module_status(decided)
    core.sessions[call.target] = decided
    core.effects.add("decision", call.target, call.sequence)
    return NOTHING
