"""Schemas of what the sandbox answers. They are open: the API may say more at any time, and does."""

from typing import Any, Final

from briqpay_async.sandbox.openapi import sources
from briqpay_async.sandbox.openapi.requests import ref
from briqpay_async.sandbox.rules.create_body import ORDER_STATUSES, UI_STATUSES

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string"}
_ID: Final[Json] = {"type": "string", "format": "uuid"}
_AMOUNT: Final[Json] = {"type": "integer", "description": "in minor units"}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_OBJECT: Final[Json] = {"type": "object"}
_CART: Final[Json] = {"type": "array", "items": {"type": "object", "required": ["productType", "name"]}}


def _object(source: str, properties: Json, *required: str) -> Json:
    schema: Json = {"type": "object", "properties": properties, "x-source": source}
    return {**schema, "required": list(required)} if required else schema


def _one_of(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}


def _payment(own: Json, *required: str) -> Json:
    common = {
        "createdAt": _TIME,
        "reservationId": _TEXT,
        "pspId": _TEXT,
        "pspDisplayName": _TEXT,
        "email": _TEXT,
        "reference": _TEXT,
        "amountIncVat": _AMOUNT,
        "amountExVat": _AMOUNT,
        "currency": _TEXT,
        "cart": _CART,
        "sessionId": _ID,
    }
    return _object(sources.UPDATE, {**own, **common}, *required, "amountIncVat", "amountExVat", "currency", "cart")


def _module_status() -> Json:
    shown = _object(sources.UPDATE, {"uiStatus": _one_of(*UI_STATUSES)}, "uiStatus")
    payment = {
        "uiStatus": _one_of(*UI_STATUSES),
        "orderStatus": _one_of(*ORDER_STATUSES),
        "refundStatus": _one_of("not_refunded", "partially_refunded", "captured_amount_fully_refunded"),
    }
    modules = {"company_lookup": shown, "billing": shown, "shipping": shown}
    return _object(sources.UPDATE, {**modules, "payment": _object(sources.UPDATE, payment, "uiStatus")})


def answer_schemas() -> dict[str, Json]:
    """Return the schemas of all answers by name."""
    done = "approved in plugins and webhooks, captured or refunded in older documentation, or missing"
    capture_status = {**_one_of("pending", "approved", "captured", "rejected"), "description": done}
    refund_status = {**_one_of("pending", "approved", "refunded", "rejected"), "description": done}
    captured = _one_of("not_captured", "partially_captured", "fully_captured")
    session = {
        "createdAt": _TIME,
        "sessionId": _ID,
        "status": _one_of("started", "modules_in_progress", "completed"),
        "product": _OBJECT,
        "customerType": _one_of("business", "consumer"),
        "country": _TEXT,
        "locale": _TEXT,
        "urls": _OBJECT,
        "references": {"type": "object", "additionalProperties": _TEXT},
        "hooks": {"type": "array", "items": _OBJECT},
        "htmlSnippet": _TEXT,
        "snippet": {**_TEXT, "x-source": sources.CONNECTOR},
        "clientToken": _TEXT,
        "moduleStatus": ref("ModuleStatus"),
        "data": ref("SessionData"),
    }
    data = {
        "order": ref("AnsweredOrder"),
        **dict.fromkeys(("company", "consumer", "billing", "shipping", "tokenization"), _OBJECT),
        "transactions": {"type": "array", "items": ref("Transaction")},
        "captures": {"type": "array", "items": ref("Capture")},
        "refunds": {"type": "array", "items": ref("Refund")},
        "paymentTags": {"type": "object", "additionalProperties": {"type": "boolean"}},
    }
    order = {"currency": _TEXT, "amountIncVat": _AMOUNT, "amountExVat": _AMOUNT, "cart": _CART}
    transaction = {
        "transactionId": _ID,
        "status": _one_of("pending", "approved", "rejected", "cancelled"),
        "captureStatus": captured,
        "refundStatus": _TEXT,
        "autoCaptureEnabled": {"type": "boolean"},
    }
    token = {
        "tokenId": _ID,
        "initialSessionId": _ID,
        "state": _one_of("active", "inactive"),
        "createdAt": _TIME,
        "paymentMethod": _OBJECT,
        "chargeSessions": {"type": "array", "items": _OBJECT},
        "data": _OBJECT,
    }
    page = {"hostedPageId": _ID, "sessionId": _ID, "url": {"type": "string", "format": "uri"}}
    error = _object(sources.MESSAGES, {"code": _TEXT, "message": _TEXT}, "code", "message")
    capture = {"captureId": _ID, "parentTransactionId": _ID, "status": capture_status}
    refund = {"refundId": _ID, "parentCaptureId": _ID, "parentTransactionId": _ID, "status": refund_status}
    return {
        "Session": _object(sources.UPDATE, session),
        "SessionData": _object(sources.UPDATE, data),
        "ModuleStatus": _module_status(),
        "AnsweredOrder": _object(sources.UPDATE, order, *order),
        "Transaction": _payment(transaction, "transactionId", "status"),
        "Capture": _payment({**capture, "autoCaptured": {"type": "boolean"}}, "captureId"),
        "Refund": _payment(refund, "refundId"),
        "Token": _object(sources.TOKEN, token),
        "HostedPage": _object(sources.HOSTED_PAGE, page, *page),
        "Health": _object(sources.HEALTH, {"status": _TEXT}, "status"),
        "Error": _object(sources.MESSAGES, {"error": error}, "error"),
    }
