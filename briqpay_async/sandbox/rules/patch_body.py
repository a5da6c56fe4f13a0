"""What a PATCH may carry, and the sections it shares with a create.

Pure: wire value in, list of messages out, an empty list for a body that is right. The rules are
this package's own reading of the Briqpay docs, independent of the client, whose mistakes they are here to
find. Bodies are closed at `body`, `body.data`, `body.modules` and `body.modules.config`, as the
live messages show; inside the sections unknown members are welcome, because
Briqpay's own plugins send undocumented ones and get them back.
"""

from typing import Any, Final

from briqpay_async.sandbox.rules import checks
from briqpay_async.sandbox.rules.carts import PLAIN, LineRules, check_order, line_fault, total_problems
from briqpay_async.sandbox.rules.checks import ADDITIONAL, Shape, Table, check_members

_ADDRESS_TEXT = checks.text_up_to(100)
_ADDRESS: Final = Shape(
    {
        "streetAddress": _ADDRESS_TEXT,
        "streetAddress2": _ADDRESS_TEXT,
        "zip": _ADDRESS_TEXT,
        "city": _ADDRESS_TEXT,
        "region": _ADDRESS_TEXT,
        "firstName": _ADDRESS_TEXT,
        "lastName": _ADDRESS_TEXT,
        "email": _ADDRESS_TEXT,
        "phoneNumber": checks.text,
    }
)
_SECTIONS: Final = {
    # Briqpay docs print `cin: object nullable`; that is its generator's slip, plugins send text.
    "company": Shape({"cin": checks.text_or_null, "name": checks.text_or_null}),
    "consumer": Shape(
        {"identificationNumber": checks.text, "dateOfBirth": checks.calendar_date, "name": checks.text}
    ),
    "billing": _ADDRESS,
    "shipping": _ADDRESS,
    "tokenization": Shape({"tokenId": checks.text}, ("tokenId",)),
}
_MODULES: Final = Shape({"config": checks.any_object}, closed=True)
_UPSELL: Final = Shape(
    {
        "hideModule": checks.boolean,
        "header": checks.text_up_to(64),
        "subheader": checks.text_up_to(512),
        "footer": checks.text_up_to(512),
    }
)
_CUSTOM_INPUT: Final = Shape(
    {
        "type": checks.one_of("string", "boolean", "object"),
        "key": checks.text,
        "label": checks.text,
        "minLength": checks.number,
        "maxLength": checks.number,
        "required": checks.boolean,
        "span": checks.one_or_two,
        "enum": checks.choices,
        # The last three are known from the types of the commercetools connector alone.
        "component": checks.one_of(
            "textField",
            "textArea",
            "checkbox",
            "enumRadio",
            "enumDropdown",
            "phone",
            "countryDropdown",
            "currency",
        ),
    }
)


def check_data(
    data: Any,
    path: str,
    problems: list[str],
    customer_type: str | None,
    *,
    others: Table | None = None,
    rules: LineRules = PLAIN,
) -> None:
    """Check `data`: the six sections that the Briqpay docs name, and for a create the `others` besides."""
    if type(data) is not dict:
        problems.append(f"{path} {checks.WRONG_TYPE}")
        return
    unknown = False
    for name, section in data.items():
        if name == "order":
            check_order(section, f"{path}.order", problems, rules)
        elif (shape := _SECTIONS.get(name)) is not None:
            check_members(section, f"{path}.{name}", shape, problems)
        elif others is not None and (check := others.get(name)) is not None:
            if fault := check(section):
                problems.append(f"{path}.{name} {fault}")
        else:
            unknown = True
    if unknown:
        problems.append(f"{path} {ADDITIONAL}")
    # Briqpay docs: company "can only be provided for customerType: business", consumer for consumers.
    if customer_type == "consumer" and "company" in data:
        problems.append(f"{path}.company can only be provided for customerType business")
    if customer_type == "business" and "consumer" in data:
        problems.append(f"{path}.consumer can only be provided for customerType consumer")


def check_upsell(upsell: Any, path: str, problems: list[str]) -> None:
    """Check the configuration of the upsell module, the only one a PATCH may carry (Briqpay docs)."""
    if not check_members(upsell, path, _UPSELL, problems) or "customInputs" not in upsell:
        return
    inputs = upsell["customInputs"]
    if type(inputs) is not list:
        problems.append(f"{path}.customInputs {checks.WRONG_TYPE}")
        return
    keys = []
    for index, item in enumerate(inputs):
        if check_members(item, f"{path}.customInputs.{index}", _CUSTOM_INPUT, problems) and "key" in item:
            keys.append(item["key"])
    if all(type(key) is str for key in keys) and len(set(keys)) < len(keys):
        problems.append(f"{path}.customInputs {checks.NOT_UNIQUE}")


def _check_modules(modules: Any, problems: list[str]) -> None:
    if not check_members(modules, "body.modules", _MODULES, problems):
        return
    config = modules.get("config")
    if type(config) is not dict:
        return
    path = "body.modules.config"
    if "upsell" in config:
        check_upsell(config["upsell"], f"{path}.upsell", problems)
    if config.keys() - {"upsell"}:
        problems.append(f"{path} {ADDITIONAL}")


def patch_problems(
    body: Any, customer_type: str | None, rules: LineRules = PLAIN, *, check_totals: bool = False
) -> list[str]:
    """Return every reason to refuse the body of a PATCH, in the order of its members.

    Args:
        body: The decoded JSON.
        customer_type: `business` or `consumer`, of the session; None when it has none.
        rules: What cart lines may look like.
        check_totals: Whether an order whose lines don't add up is refused.
    """
    if type(body) is not dict:
        return [f"body {checks.WRONG_TYPE}"]
    problems: list[str] = []
    unknown = False
    for name, member in body.items():
        if name == "data":
            check_data(member, "body.data", problems, customer_type, rules=rules)
        elif name == "modules":
            _check_modules(member, problems)
        else:
            unknown = True
    if unknown:
        problems.append(f"body {ADDITIONAL}")
    if check_totals and not problems:
        problems += body_total_problems(body)
    return problems


def body_total_problems(body: dict[str, Any]) -> list[str]:
    """Return what is wrong with the totals of the order of a body that is otherwise right."""
    order = body.get("data", {}).get("order")
    return [] if order is None else total_problems(order, "body.data.order")


def hidden_reasons(body: Any, rules: LineRules = PLAIN) -> list[str]:
    """Return why cart lines were refused, which the `oneOf` message of the API keeps to itself."""
    try:
        cart = body["data"]["order"]["cart"]
    except (TypeError, KeyError, IndexError):
        return []
    lines = enumerate(cart if type(cart) is list else ())
    faults = ((index, line_fault(line, rules)) for index, line in lines)
    return [f"body.data.order.cart.{index}: {fault}" for index, fault in faults if fault]


# For the OpenAPI document, which is made of the same tables.
SHAPES: Final = {**_SECTIONS, "modules": _MODULES, "upsell": _UPSELL, "custom_input": _CUSTOM_INPUT}
