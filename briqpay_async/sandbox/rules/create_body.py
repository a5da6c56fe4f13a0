"""What the body of a create must look like, as pure rules."""

from typing import Any, Final

from briqpay_async.sandbox.rules import checks
from briqpay_async.sandbox.rules.carts import PLAIN, LineRules
from briqpay_async.sandbox.rules.checks import REQUIRED, WRONG_TYPE, Shape, Table, check_members
from briqpay_async.sandbox.rules.patch_body import body_total_problems, check_data, check_upsell

CHARGE_TOKEN: Final = "payment_charge_token"  # noqa: S105 (the name of an intent, not a secret)
MODULES: Final = (
    "company_lookup",
    "consumer_strong_auth",
    "billing",
    "shipping",
    "order_note",
    "terms",
    "order_info",
    "cross_border",
    "upsell",
    "custom_form",
    "payment",
    "signup",
)
ORDER_STATUSES: Final = (
    "order_pending",
    "order_rejected",
    "order_cancelled",
    "order_approved_not_captured",
    "captured_partial",
    "captured_full",
)
_UI_STATUSES: Final = (
    "locked_by_merchant",
    "not_yet_reached",
    "not_yet_reached_locked",
    "hidden",
    "visible",
    "visible_required",
    "visible_optional",
    "completed",
)
# CT subscribes its optional external address to `cancelled` as well.
_OPERATION_STATUSES: Final = ("pending", "approved", "rejected", "cancelled")

_PRODUCT: Final = Shape(
    {
        "type": checks.one_of("payment", "signup"),
        "intent": checks.one_of(
            "payment_one_time", "payment_tokenize", "payment_tokenize_and_charge", CHARGE_TOKEN, "signup"
        ),
        "id": checks.text,
        "variantId": checks.text,
    },
    ("type", "intent"),
)
_URLS: Final[Table] = {"terms": checks.url, "redirect": checks.url}
_PLAIN_URLS: Final = Shape(_URLS, ("redirect",))
_PAYMENT_URLS: Final = Shape(_URLS, ("terms", "redirect"))
_CONFIG: Final = Shape(
    {
        "disableSessionCompleteRedirect": checks.boolean,
        "disableInsightsTracking": checks.boolean,
        "realTimeProcessing": checks.boolean,
    }
)
_MORE_DATA: Final[Table] = {
    "billingAddresses": checks.object_list,
    "shippingAddresses": checks.object_list,
}
_MODULES: Final = Shape({"loadModules": checks.list_of(*MODULES), "config": checks.any_object}, closed=True)
_MODULE_CONFIGS: Final = Shape(dict.fromkeys(MODULES, checks.any_object), closed=True)
_PARTS: Final = ("product", "locale", "urls", "references", "hooks", "config", "data", "modules")
_TOP: Final[Table] = {
    "customerType": checks.one_of("business", "consumer"),
    "country": checks.country,
    # The parts have rules of their own; here they only have to be known names.
    **dict.fromkeys(_PARTS, lambda _: None),
}
_NEW: Final = Shape(_TOP, ("product", "customerType", "country", "locale", "urls"), closed=True)
# "requirements are different" for a charge of a token: the token knows its
# customer, country and locale, and no buyer is redirected.
_CHARGE: Final = Shape(_TOP, ("product", "data"), closed=True)
_HOOK: Final = Shape(
    {"method": checks.one_of("GET", "POST"), "url": checks.url}, ("eventType", "statuses", "method", "url")
)
_HOOK_STATUSES: Final[Table] = {
    "session_status": checks.list_of("completed"),
    "order_status": checks.list_of(*ORDER_STATUSES),
    "capture_status": checks.list_of(*_OPERATION_STATUSES),
    "refund_status": checks.list_of(*_OPERATION_STATUSES),
    "module_ui_status": checks.list_of(*_UI_STATUSES),
}
_TEXT_512 = checks.text_up_to(512)


def check_references(references: Any, path: str, problems: list[str]) -> None:
    """Check the merchant's references: any name, text of up to 512 characters (Briqpay docs)."""
    if type(references) is not dict:
        problems.append(f"{path} {WRONG_TYPE}")
        return
    for name, value in references.items():
        if fault := _TEXT_512(value):
            problems.append(f"{path}.{name} {fault}")


def check_urls(urls: Any, path: str, problems: list[str], *, terms: bool) -> None:
    """Check the addresses; `terms` is whether they are required, as they are for payments (Briqpay docs)."""
    check_members(urls, path, _PAYMENT_URLS if terms else _PLAIN_URLS, problems)


def hook_fault(hook: Any) -> str | None:
    """Return why a hook fits none of the variants, or None."""
    problems: list[str] = []
    check_members(hook, "hook", _HOOK, problems)
    if problems:
        return problems[0]
    event = hook["eventType"]
    statuses = _HOOK_STATUSES.get(event) if type(event) is str else None
    if statuses is None:
        return f"hook.eventType {checks.NOT_IN_ENUM}"
    fault = statuses(hook["statuses"])
    return f"hook.statuses {fault}" if fault else None


def _check_hooks(hooks: Any, problems: list[str]) -> None:
    if type(hooks) is not list:
        problems.append(f"body.hooks {WRONG_TYPE}")
        return
    if len(hooks) > 10:
        problems.append(f"body.hooks {checks.TOO_MANY_ITEMS}")
    for index, hook in enumerate(hooks):
        if hook_fault(hook):
            problems.append(f"body.hooks.{index} {checks.NO_SCHEMA}")


def _check_modules(modules: Any, problems: list[str]) -> None:
    if not check_members(modules, "body.modules", _MODULES, problems):
        return
    config = modules.get("config")
    if type(config) is dict:
        check_members(config, "body.modules.config", _MODULE_CONFIGS, problems)
        if type(config.get("upsell")) is dict:
            check_upsell(config["upsell"], "body.modules.config.upsell", problems)


def _check_product_and_urls(body: dict[str, Any], intent: Any, problems: list[str]) -> None:
    product = body.get("product")
    if "product" in body:
        check_members(product, "body.product", _PRODUCT, problems)
    if "urls" in body:
        pays = type(product) is dict and product.get("type") == "payment"
        check_urls(body["urls"], "body.urls", problems, terms=pays and intent != CHARGE_TOKEN)


def _check_new_data(body: dict[str, Any], intent: Any, problems: list[str], rules: LineRules) -> None:
    data = body["data"]
    check_data(data, "body.data", problems, body.get("customerType"), others=_MORE_DATA, rules=rules)
    if intent == CHARGE_TOKEN and type(data) is dict and "tokenization" not in data:
        problems.append(f"body.data.tokenization {REQUIRED}")


def creation_problems(body: Any, rules: LineRules = PLAIN, *, check_totals: bool = False) -> list[str]:
    """Return every reason to refuse the body of a create."""
    if type(body) is not dict:
        return [f"body {WRONG_TYPE}"]
    problems: list[str] = []
    product = body.get("product")
    intent = product.get("intent") if type(product) is dict else None
    check_members(body, "body", _CHARGE if intent == CHARGE_TOKEN else _NEW, problems)
    _check_product_and_urls(body, intent, problems)
    if "locale" in body:
        problems += [f"body.locale {fault}" for fault in checks.locale_faults(body["locale"])]
    if "references" in body:
        check_references(body["references"], "body.references", problems)
    if "hooks" in body:
        _check_hooks(body["hooks"], problems)
    if "config" in body:
        check_members(body["config"], "body.config", _CONFIG, problems)
    if "data" in body:
        _check_new_data(body, intent, problems, rules)
    if "modules" in body:
        _check_modules(body["modules"], problems)
    if check_totals and not problems:
        problems += body_total_problems(body)
    return problems


def hook_reasons(body: Any) -> list[str]:
    """Return why hooks were refused, which the `oneOf` message of the API keeps to itself."""
    hooks = body.get("hooks") if type(body) is dict else None
    faults = ((index, hook_fault(hook)) for index, hook in enumerate(hooks if type(hooks) is list else ()))
    return [f"body.hooks.{index}: {fault}" for index, fault in faults if fault]


# For the OpenAPI document, which is made of the same tables.
SHAPES: Final = {
    "session": _NEW,
    "charge": _CHARGE,
    "product": _PRODUCT,
    "urls": _PLAIN_URLS,
    "payment_urls": _PAYMENT_URLS,
    "config": _CONFIG,
    "modules": _MODULES,
    "module_configs": _MODULE_CONFIGS,
    "hook": _HOOK,
}
HOOK_STATUSES: Final = _HOOK_STATUSES
MORE_DATA: Final = _MORE_DATA
REFERENCE: Final = _TEXT_512
UI_STATUSES: Final = _UI_STATUSES
