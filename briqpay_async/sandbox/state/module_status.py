"""Where the buyer stands in each module of the checkout, as `moduleStatus` reports it."""

from typing import Any, Final

Json = dict[str, Any]

_HIDDEN: Final[Json] = {"uiStatus": "hidden"}
_COMPLETED: Final[Json] = {"uiStatus": "completed"}
_REQUIRED: Final[Json] = {"uiStatus": "visible_required"}
_OPTIONAL: Final[Json] = {"uiStatus": "visible_optional"}


def module_status(session: Json) -> Json:
    """Return the `moduleStatus` that fits the status and the data of a session.

    Modules that were not loaded are hidden, and company lookup is for businesses. A module whose
    data is there counts as completed. Payment comes into reach once the buyer has begun, and keeps
    its order and refund status.
    """
    data: Json = session["data"]
    status: str = session["status"]
    loaded = session["modules"].get("loadModules") if "modules" in session else None
    done = status == "completed"

    def shown(name: str, section: str, otherwise: Json) -> Json:
        if loaded is not None and name not in loaded:
            return _HIDDEN
        return _COMPLETED if done or section in data else otherwise

    business = session.get("customerType") == "business"
    before = session["moduleStatus"]["payment"] if "moduleStatus" in session else {}
    if session["product"]["type"] != "payment" or (loaded is not None and "payment" not in loaded):
        payment = "hidden"
    elif done:
        payment = "completed"
    else:
        waiting = status == "started" or "companyDropped" in session
        payment = "not_yet_reached" if waiting else "visible_required"
    return {
        "company_lookup": shown("company_lookup", "company", _REQUIRED) if business else _HIDDEN,
        "billing": shown("billing", "billing", _REQUIRED),
        "shipping": shown("shipping", "shipping", _OPTIONAL),
        "payment": {**before, "uiStatus": payment},
    }
