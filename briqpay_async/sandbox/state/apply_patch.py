"""What a PATCH does to a stored session: a pure function from state and body to the next state.

Only that `order` comes with all four members and that nothing merges arrays is certain. Whether a
section that is sent replaces the stored one or is merged into it member by member is documented
nowhere, so both readings are here.
"""

from typing import Any, Final

from briqpay_async.sandbox.state.company_lookup import after_lookup
from briqpay_async.sandbox.state.module_status import module_status

Json = dict[str, Any]

_EMPTY: Final[Json] = {}


def merge_sections(stored: Json, sent: Json, merge: str) -> Json:
    """Return `stored` with every section of `sent` merged into it, or put in its place."""
    if merge == "section":
        return {**stored, **sent}
    merged = stored.copy()
    for name, section in sent.items():
        before = stored.get(name)
        merged[name] = {**before, **section} if type(before) is dict else section
    return merged


def apply_patch(session: Json, body: Json, merge: str, drop_company: str = "never") -> Json:
    """Return the session after a PATCH whose body has been found valid.

    The given state is not changed, and parts that the body does not touch are shared with it.
    """
    patched = session.copy()
    stored = session["data"]
    data = body.get("data")
    if data:
        patched["data"] = merge_sections(stored, data, merge)
    sent_config = body.get("modules", _EMPTY).get("config")
    if sent_config:
        modules = session.get("modules", _EMPTY)
        config = merge_sections(modules.get("config", _EMPTY), sent_config, merge)
        patched["modules"] = {**modules, "config": config}
    company_sent = "company" in (data or _EMPTY)
    if company_sent:
        patched = after_lookup(patched, drop_company)
    begins = session["status"] == "started"
    if begins:
        patched["status"] = "modules_in_progress"
    if begins or company_sent or len(patched["data"]) > len(stored):
        patched["moduleStatus"] = module_status(patched)
    return patched


def apply_metadata(session: Json, urls: Json | None, references: Json | None, mode: str) -> Json:
    """Return the session after new addresses and references.

    `redirect` is required whenever `urls` is sent, so addresses come as a unit.
    A new map of references probably replaces the old one: SW reads and merges first.
    """
    changed = session.copy()
    if urls is not None:
        changed["urls"] = urls
    if references is not None:
        before = session.get("references", _EMPTY) if mode == "merge" else _EMPTY
        changed["references"] = {**before, **references}
    return changed
