"""The modules that a session shows to its buyer, and what the buyer enters in them. Pure."""

from typing import Any, Final

Json = dict[str, Any]

_ALL_MODULES: Final = ("company_lookup", "billing", "shipping", "order_note", "terms", "payment")
_REQUIRED: Final = ("firstName", "lastName", "streetAddress", "zip", "city", "email")
_ADDRESS: Final = (*_REQUIRED, "streetAddress2", "region", "phoneNumber")
_LONGEST: Final = 100
_NOTE_LONGEST: Final = 2_000


def loads(session: Json, module: str) -> bool:
    """Return whether a session shows a module: those that it loads, or the usual ones."""
    if module == "company_lookup" and session.get("customerType") != "business":
        return False
    loaded = session.get("modules", {}).get("loadModules")
    return module in (_ALL_MODULES if loaded is None else loaded)


def config_of(session: Json, module: str) -> Json:
    """Return how a session configures one of its modules."""
    config: Json = session.get("modules", {}).get("config", {}).get(module, {})
    return config


def modules_of(session: Json) -> Json:
    """Return which modules the page shows: true or false, or what it needs to show them."""
    shown: Json = {
        name: loads(session, name) for name in ("company_lookup", "billing", "shipping", "order_note", "payment")
    }
    shown["payment"] = shown["payment"] and session["product"]["type"] == "payment"
    upsell = config_of(session, "upsell")
    if loads(session, "upsell") and not upsell.get("hideModule"):
        texts = {name: upsell[name] for name in ("header", "subheader", "footer") if name in upsell}
        shown["upsell"] = {**texts, "inputs": upsell.get("customInputs", [])}
    if loads(session, "terms"):
        boxes = config_of(session, "terms").get("checkboxes")
        default = [{"key": "terms", "label": "I accept the terms", "required": True}]
        shown["terms"] = default if boxes is None else boxes
    return shown


def details_of(session: Json, entered: Json) -> Json:
    """Return the sections of `data` that the buyer has entered something in; nothing else gets through."""
    details: Json = {}
    for section in ("billing", "shipping", "company"):
        members = ("name", "cin") if section == "company" else _ADDRESS
        given = entered.get(section)
        name = "company_lookup" if section == "company" else section
        if not isinstance(given, dict) or not loads(session, name):
            continue
        texts = {member: given[member][:_LONGEST] for member in members if isinstance(given.get(member), str)}
        if texts:
            details[section] = {**session["data"].get(section, {}), **texts}
    return details


def problems_of(session: Json, entered: Json, providers: tuple[str, ...]) -> dict[str, str]:
    """Return what keeps a buyer from paying: names of inputs and texts.

    Args:
        session: The state of the session.
        entered: What the buyer entered, by section.
        providers: The ways to pay that there are.
    """
    modules = modules_of(session)
    problems = _address_problems(session, entered, "billing") if modules["billing"] else {}
    if modules["shipping"] and entered.get("shipping"):  # else the goods go to the billing address
        problems |= _address_problems(session, entered, "shipping")
    if modules["company_lookup"]:
        company = _known(session, entered, "company")
        problems |= {f"company.{member}": "is missing" for member in ("name", "cin") if not company.get(member)}
    accepted = _entered(entered, "terms")
    for box in modules.get("terms", ()):
        if box.get("required") and not accepted.get(box["key"]):
            problems[f"terms.{box['key']}"] = "has to be accepted"
    for each in modules.get("upsell", {}).get("inputs", ()):
        problems |= _upsell_problem(each, _entered(entered, "upsell").get(each.get("key")))
    if modules["payment"] and entered.get("provider") not in providers:
        problems["provider"] = "Choose how to pay"
    return problems


def _entered(entered: Json, section: str) -> Json:
    """Return what was entered in a section; nothing when it is no object."""
    given = entered.get(section)
    return given if isinstance(given, dict) else {}


def _known(session: Json, entered: Json, section: str) -> Json:
    """Return a section as it will be once what was entered is stored."""
    return {**session["data"].get(section, {}), **_entered(entered, section)}


def _address_problems(session: Json, entered: Json, section: str) -> dict[str, str]:
    known = _known(session, entered, section)
    problems = {
        f"{section}.{member}": "is missing" for member in _REQUIRED if not str(known.get(member) or "").strip()
    }
    email = str(known.get("email") or "")
    if email and ("@" not in email[1:] or email.endswith("@")):
        problems[f"{section}.email"] = "is not an e-mail address"
    return problems


def _upsell_problem(config: Json, value: object) -> dict[str, str]:
    name = f"upsell.{config.get('key')}"
    if value in (None, "", False):
        return {name: "is missing"} if config.get("required") else {}
    if isinstance(value, str):
        if len(value) < config.get("minLength", 0):
            return {name: f"needs at least {config['minLength']} characters"}
        if len(value) > config.get("maxLength", len(value)):
            return {name: f"takes at most {config['maxLength']} characters"}
    return {}


def answers_of(session: Json, entered: Json) -> Json:
    """Return the members of `data` that hold what the buyer answered: note, terms and upsell."""
    modules = modules_of(session)
    answers: Json = {}
    note = entered.get("note")
    if modules["order_note"] and isinstance(note, str) and note:
        answers["orderNote"] = {"note": {"value": note[:_NOTE_LONGEST]}}
    if modules.get("terms"):
        given = _entered(entered, "terms")
        answers["terms"] = {
            box["key"]: {"value": bool(given.get(box["key"])), "header": box["label"]} for box in modules["terms"]
        }
    if modules.get("upsell"):
        given = _entered(entered, "upsell")
        known = {each.get("key"): each for each in modules["upsell"]["inputs"]}
        answers["upsell"] = {
            key: {"value": given[key], "label": known[key].get("label", "")} for key in known if key in given
        }
    return answers
