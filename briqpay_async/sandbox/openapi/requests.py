"""Schemas of the bodies that the sandbox accepts, made of the tables in `rules` and not written anew."""

from collections.abc import Mapping
from typing import Any, Final

from briqpay_async.sandbox.openapi import sources
from briqpay_async.sandbox.rules import carts, create_body, other_bodies, patch_body
from briqpay_async.sandbox.rules.checks import LOCALE_SCHEMA, SCHEMAS, Check, Shape
from briqpay_async.sandbox.switches import Switches

Json = dict[str, Any]

_INTENTS: Final = SCHEMAS[create_body.SHAPES["product"].members["intent"]]["enum"]
# Members that came to be known from another place than the rest of their object.
_OTHER_SOURCES: Final = {
    "variantId": "Briqpay docs, Create session (newer)",
    "realTimeProcessing": "seen in Briqpay's WooCommerce plugin 1.1.1",
    "disableSessionCompleteRedirect": sources.CONNECTOR,
    "disableInsightsTracking": sources.CONNECTOR,
    "billingAddresses": sources.CONNECTOR,
    "shippingAddresses": sources.CONNECTOR,
}


def ref(name: str) -> Json:
    """Refer to a schema of the document by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _described(schema: Json, name: str, source: str) -> Json:
    return {**schema, "x-source": _OTHER_SOURCES.get(name, source)}


def _leaf(check: Check) -> Json:
    return SCHEMAS[check]


def of_shape(shape: Shape, source: str, *, nested: Mapping[str, Json] | None = None) -> Json:
    """Return the schema of an object.

    Args:
        shape: The table that the sandbox checks it with.
        source: Where its rules are known from.
        nested: Schemas for members that have rules of their own, beside or instead of the table's.
    """
    inner = nested or {}
    properties: Json = {
        name: _described(inner[name] if name in inner else _leaf(check), name, source)
        for name, check in shape.members.items()
    }
    properties |= {name: _described(each, name, source) for name, each in inner.items() if name not in properties}
    schema: Json = {"type": "object", "properties": properties, "x-source": source}
    if shape.required:
        schema["required"] = list(shape.required)
    if shape.closed:
        schema["additionalProperties"] = False
    return schema


def _lines(rules: carts.LineRules, source: str) -> Json:
    """Return the schema of a cart line: a regular item, a discount or the sales tax of the US."""
    shape = carts.line_shape(rules)
    sold = _leaf(shape.members["productType"])["enum"]
    price = _leaf(shape.members["unitPrice"])
    regular = {"type": "string", "enum": [kind for kind in sold if kind != "discount"]}
    below_zero = price if rules.positive_discounts else {**price, "maximum": -1}
    tax = of_shape(
        carts.SHAPES["tax_line"],
        sources.CAPTURE,
        nested={"productType": {"const": "sales_tax"}, **{name: {"not": {}} for name in carts.NOT_ON_TAX_LINES}},
    )
    return {
        "oneOf": [
            of_shape(shape, source, nested={"productType": regular}),
            of_shape(shape, source, nested={"productType": {"const": "discount"}, "unitPrice": below_zero}),
            tax,
        ],
        "x-source": source,
    }


def _order(line: str, source: str) -> Json:
    cart = {"type": "array", "minItems": 1, "items": ref(line)}
    return of_shape(carts.SHAPES["order"], source, nested={"cart": cart})


def _closed(properties: Mapping[str, Json], source: str, *required: str) -> Json:
    schema: Json = {
        "type": "object",
        "properties": {name: _described(each, name, source) for name, each in properties.items()},
        "additionalProperties": False,
        "x-source": source,
    }
    return {**schema, "required": list(required)} if required else schema


def _hook() -> Json:
    shape = create_body.SHAPES["hook"]
    variants = [
        of_shape(shape, sources.CREATE, nested={"eventType": {"const": event}, "statuses": _leaf(statuses)})
        for event, statuses in create_body.HOOK_STATUSES.items()
    ]
    return {"oneOf": variants, "x-source": sources.CREATE}


def _only_for(customer: str, section: str) -> Json:
    """Say that a section of data is only for one type of customer."""
    given = {"properties": {"customerType": {"const": customer}}, "required": ["customerType"]}
    other = {"properties": {"data": {"not": {"required": [section]}}}}
    return {"if": {"not": given}, "then": other}


def _new_session(*, charge: bool) -> Json:
    shapes = create_body.SHAPES
    intents = (
        {"const": create_body.CHARGE_TOKEN}
        if charge
        else {
            "type": "string",
            "enum": [intent for intent in _INTENTS if intent != create_body.CHARGE_TOKEN],
        }
    )
    source = sources.CHARGE if charge else sources.CREATE
    data = {"allOf": [ref("NewSessionData"), {"required": ["tokenization"]}]} if charge else ref("NewSessionData")
    schema = of_shape(
        shapes["charge" if charge else "session"],
        source,
        nested={
            "product": of_shape(shapes["product"], source, nested={"intent": intents}),
            "locale": LOCALE_SCHEMA,
            "urls": ref("Urls"),
            "references": ref("References"),
            "hooks": {"type": "array", "maxItems": 10, "items": ref("Hook")},
            "config": of_shape(shapes["config"], source),
            "data": data,
            "modules": of_shape(
                shapes["modules"],
                source,
                nested={"config": of_shape(shapes["module_configs"], source, nested={"upsell": ref("Upsell")})},
            ),
        },
    )
    conditions = [_only_for("business", "company"), _only_for("consumer", "consumer")]
    if charge:
        # A charge may leave the type of the customer to its token.
        return {**schema, "allOf": [{"if": {"required": ["customerType"]}, "then": {"allOf": conditions}}]}
    pays = {"properties": {"product": {"properties": {"type": {"const": "payment"}}}}}
    return {
        **schema,
        "allOf": [*conditions, {"if": pays, "then": {"properties": {"urls": {"required": ["terms"]}}}}],
    }


def _decision() -> Json:
    message = of_shape(other_bodies.SHAPES["message"], sources.DECISION)
    schema = of_shape(
        other_bodies.SHAPES["decision"],
        sources.DECISION,
        nested={"hardError": message, "softErrors": {"type": "array", "items": message}},
    )
    rejects = {"properties": {"decision": {"const": "reject"}}, "required": ["decision"]}
    return {**schema, "if": rejects, "then": {"required": ["rejectionType"]}}


def _operation(shape: str, order: str, source: str) -> Json:
    data = _closed({"order": ref(order)}, source, "order")
    return of_shape(other_bodies.SHAPES[shape], source, nested={"data": data})


def _upsell() -> Json:
    shapes = patch_body.SHAPES
    item = of_shape(shapes["custom_input"], sources.UPDATE)
    inputs = {"type": "array", "items": item, "description": "Each `key` may come once only."}
    return of_shape(shapes["upsell"], sources.UPDATE, nested={"customInputs": inputs})


def _sections() -> dict[str, Json]:
    names = ("company", "consumer", "billing", "shipping", "tokenization")
    return {"order": ref("Order"), **{name: ref(name.capitalize()) for name in names}}


def request_schemas(switches: Switches) -> dict[str, Json]:
    """Return the schemas of all bodies by name, as the switches have them."""
    shapes = patch_body.SHAPES
    page = of_shape(other_bodies.SHAPES["page_config"], sources.HOSTED_PAGE)
    upsell_only = _closed({"upsell": ref("Upsell")}, sources.UPDATE)
    modules = _closed({"config": upsell_only}, sources.UPDATE)
    more = {name: _leaf(check) for name, check in create_body.MORE_DATA.items()}
    return {
        "NewSession": {"oneOf": [_new_session(charge=False), _new_session(charge=True)]},
        "NewSessionData": _closed({**_sections(), **more}, sources.CREATE),
        "UpdateSession": _closed(
            {"data": _closed(_sections(), sources.UPDATE), "modules": modules}, sources.UPDATE
        ),
        "UpdateMetadata": _closed({"urls": ref("Urls"), "references": ref("References")}, sources.METADATA),
        "UpdateReferences": _closed({"references": ref("References")}, sources.REFERENCES, "references"),
        "DecisionRequest": _decision(),
        "CaptureRequest": _operation("capture", "Order", sources.CAPTURE),
        "RefundRequest": _operation("refund", "RefundedOrder", sources.REFUND),
        "HostedPageRequest": {
            **of_shape(other_bodies.SHAPES["page"], sources.HOSTED_PAGE, nested={"config": page}),
            "required": ["sessionId"],
        },
        "Order": _order("CartLine", sources.UPDATE),
        "RefundedOrder": _order("RefundedCartLine", sources.REFUND),
        "CartLine": _lines(carts.line_rules(switches), sources.UPDATE),
        "RefundedCartLine": _lines(carts.line_rules(switches, refund=True), sources.CAPTURE),
        "Hook": _hook(),
        "Upsell": _upsell(),
        "Urls": of_shape(create_body.SHAPES["urls"], sources.CREATE),
        "References": {
            "type": "object",
            "additionalProperties": _leaf(create_body.REFERENCE),
            "x-source": sources.CREATE,
        },
        **{
            name.capitalize(): of_shape(shapes[name], sources.UPDATE)
            for name in ("company", "consumer", "billing", "shipping", "tokenization")
        },
    }
