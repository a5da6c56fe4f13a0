"""What the bodies of the smaller endpoints must look like, as pure rules."""

from typing import Any, Final
from urllib.parse import urlsplit

from briqpay_async.sandbox.rules import checks
from briqpay_async.sandbox.rules.carts import PLAIN, LineRules, check_order
from briqpay_async.sandbox.rules.checks import ADDITIONAL, REQUIRED, WRONG_TYPE, Shape, check_members
from briqpay_async.sandbox.rules.create_body import check_references, check_urls
from briqpay_async.sandbox.rules.line_totals import operation_total_problems

_HTTP_IMAGE: Final = (".png", ".jpg", ".jpeg", ".svg")
_DECISION: Final = Shape(
    {
        "decision": checks.one_of("allow", "reject"),
        "rejectionType": checks.one_of("notify_user", "reject_session_with_error"),
        "hardError": checks.any_object,
        "softErrors": checks.object_list,
    },
    ("decision",),
)
_MESSAGE: Final = Shape({"message": checks.text}, ("message",))
_CAPTURE: Final = Shape({"data": checks.any_object}, ("data",), closed=True)
_REFUND: Final = Shape({"data": checks.any_object, "captureId": checks.text}, ("data",), closed=True)
_PAGE_TITLE = checks.text_up_to(256, minimum=3)
_LOGO = checks.text_up_to(512)


def metadata_problems(body: Any) -> list[str]:
    """Return every reason to refuse new addresses and references."""
    if type(body) is not dict:
        return [f"body {WRONG_TYPE}"]
    problems: list[str] = []
    if "urls" in body:
        check_urls(body["urls"], "body.urls", problems, terms=False)
    if "references" in body:
        check_references(body["references"], "body.references", problems)
    if body.keys() - {"urls", "references"}:
        problems.append(f"body {ADDITIONAL}")
    return problems


def reference_problems(body: Any) -> list[str]:
    """Return every reason to refuse new references of an order."""
    if type(body) is not dict:
        return [f"body {WRONG_TYPE}"]
    problems: list[str] = []
    if "references" in body:
        check_references(body["references"], "body.references", problems)
    else:
        problems.append(f"body.references {REQUIRED}")
    if body.keys() - {"references"}:
        problems.append(f"body {ADDITIONAL}")
    return problems


def decision_problems(body: Any) -> list[str]:
    """Return every reason to refuse a decision.

    Messages begin with `data.`, and unknown members, so also a `rejectionType` nested under `data`,
    are silently ignored.
    """
    problems: list[str] = []
    if not check_members(body, "data", _DECISION, problems):
        return problems
    if body.get("decision") == "reject" and "rejectionType" not in body:
        problems.append(f"data.rejectionType {REQUIRED}")
    if type(body.get("hardError")) is dict:
        check_members(body["hardError"], "data.hardError", _MESSAGE, problems)
    if not checks.object_list(body.get("softErrors")):
        for index, error in enumerate(body["softErrors"]):
            check_members(error, f"data.softErrors.{index}", _MESSAGE, problems)
    return problems


def order_operation_problems(body: Any, rules: LineRules = PLAIN, *, check_totals: bool = False) -> list[str]:
    """Return every reason to refuse the body of a capture, or of a refund if `rules` are for one."""
    problems: list[str] = []
    if not check_members(body, "body", _REFUND if rules.refund else _CAPTURE, problems):
        return problems
    data = body.get("data")
    if type(data) is not dict:
        return problems
    if "order" in data:
        check_order(data["order"], "body.data.order", problems, rules)
    else:
        problems.append(f"body.data.order {REQUIRED}")
    if data.keys() - {"order"}:
        problems.append(f"body.data {ADDITIONAL}")
    if check_totals and not problems:
        problems += operation_total_problems(data["order"], "body.data.order")
    return problems


def _logo(value: Any) -> str | None:
    if fault := _LOGO(value) or checks.url(value):
        return fault
    try:
        path = urlsplit(value).path  # the ending is judged without the query: `logo.png?v=2` is fine
    except ValueError:
        return checks.PATTERN
    return None if path.lower().endswith(_HTTP_IMAGE) else checks.PATTERN


_PAGE: Final = Shape({"sessionId": checks.text, "config": checks.any_object}, closed=True)
_PAGE_CONFIG: Final = Shape({"showCart": checks.boolean, "pageTitle": _PAGE_TITLE, "logoUrl": _logo}, closed=True)


def hosted_page_problems(body: Any) -> list[str]:
    """Return every reason to refuse a hosted page, in the form that WOO and PS post."""
    if type(body) is dict and "sessionId" not in body:
        return ["sessionId is required"]
    problems: list[str] = []
    if check_members(body, "body", _PAGE, problems) and type(body.get("config")) is dict:
        check_members(body["config"], "body.config", _PAGE_CONFIG, problems)
    return problems


# For the OpenAPI document, which is made of the same tables.
SHAPES: Final = {
    "decision": _DECISION,
    "message": _MESSAGE,
    "capture": _CAPTURE,
    "refund": _REFUND,
    "page": _PAGE,
    "page_config": _PAGE_CONFIG,
}
checks.SCHEMAS[_logo] = {
    "type": "string",
    "maxLength": 512,
    "pattern": r"^https?://[^\s?#]+\.([pP][nN][gG]|[jJ][pP][eE]?[gG]|[sS][vV][gG])([?#]\S*)?$",
}
