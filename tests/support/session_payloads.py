"""Answers of the API: sessions, money, tokens, carts and hooks. Values are made up, shapes are not."""

from __future__ import annotations

from typing import Any

SESSION_ID = "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11"

# --- cart lines ------------------------------------------------------------------------------------------

LINES: dict[str, dict[str, Any]] = {
    "regular": {
        "productType": "physical",
        "reference": "TENT-2",
        "name": "Telt",
        "quantity": 2,
        "quantityUnit": "stk",
        "unitPrice": 80000,
        "taxRate": 2500,
        "discountPercentage": 0,
        "unitPriceIncVat": 100000,
        "totalAmount": 200000,
        "totalVatAmount": 40000,
        "imageUrl": "https://telt.example/2.jpg",
    },
    "discount": {
        "productType": "discount",
        "reference": "summer",
        "name": "Sommer",
        "quantity": 1,
        "quantityUnit": "stk",
        "unitPrice": -12000,
        "taxRate": 2500,
    },
    "shipping": {
        "productType": "shipping_fee",
        "name": "Frakt",
        "quantity": 1,
        "quantityUnit": "stk",
        "unitPrice": 4000,
        "taxRate": 2500,
    },
    "sales tax": {
        "productType": "sales_tax",
        "reference": "CA",
        "name": "California sales tax",
        "totalTaxAmount": 725,
    },
    "gift card paid with": {
        "productType": "gift_card",
        "reference": "gift-1",
        "name": "Gavekort",
        "quantity": 1,
        "quantityUnit": "stk",
        "unitPrice": -5000,
        "taxRate": 0,
    },
    "adjustment": {
        "productType": "adjustment",
        "reference": "return-fee",
        "name": "Returgebyr",
        "quantity": 1,
        "quantityUnit": "stk",
        "unitPrice": -4900,
        "taxRate": 2500,
    },
    "of an unknown type": {
        "productType": "fee",
        "reference": "wrapping",
        "name": "Innpakning",
        "quantity": 1,
        "quantityUnit": "stk",
        "unitPrice": 2000,
        "taxRate": 2500,
        "giftMessage": {"text": "Hurra", "lines": [1, 2.5, None, True]},
    },
}

# --- hooks -----------------------------------------------------------------------------------------------

HOOKS: dict[str, dict[str, Any]] = {
    "session_status": {
        "eventType": "session_status",
        "statuses": ["completed"],
        "method": "POST",
        "url": "https://telt.example/hooks/session",
    },
    "order_status": {
        "eventType": "order_status",
        "statuses": ["order_pending", "order_rejected", "order_cancelled", "order_approved_not_captured"],
        "method": "POST",
        "url": "https://telt.example/hooks/order",
    },
    "capture_status": {
        "eventType": "capture_status",
        "statuses": ["pending", "approved", "rejected"],
        "method": "GET",
        "url": "https://telt.example/hooks/capture",
    },
    "refund_status": {
        "eventType": "refund_status",
        "statuses": ["pending", "approved", "rejected"],
        "method": "POST",
        "url": "https://telt.example/hooks/refund",
    },
    "module_ui_status": {
        "eventType": "module_ui_status",
        "statuses": ["visible", "completed"],
        "module": "company_lookup",
        "method": "POST",
        "url": "https://telt.example/hooks/ui",
    },
}

# --- money -----------------------------------------------------------------------------------------------

TRANSACTION: dict[str, Any] = {
    "createdAt": "2025-05-17T09:30:11.020Z",
    "transactionId": "t-1",
    "reservationId": "r-1",
    "secondaryReservationId": "r-1b",
    "pspId": "5b0c6b7e-6a70-4d1f-9d6a-0f7a52b7f1c3",
    "pspDisplayName": "Faktura",
    "pspIntegrationName": "invoice-nordic",
    "email": "ola@telt.example",
    "phoneNumber": "+4740000000",
    "reference": "T-77",
    "amountIncVat": 190000,
    "amountExVat": 152000,
    "currency": "NOK",
    "cart": [LINES["regular"], LINES["discount"], LINES["shipping"]],
    "status": "approved",
    "captureStatus": "partially_captured",
    "refundStatus": "partially_refunded",
    "sessionId": SESSION_ID,
    "expiresAt": "2025-06-16T09:30:11.020Z",
    "autoCaptureEnabled": False,
    "pspSupportedOrderOperations": {"updateOrderSupported": True},
    "pspOrderManagementIds": {"capture": {"apiTransactionId": "k-9"}},
}
CAPTURE: dict[str, Any] = {
    "createdAt": "2025-05-18T10:00:00.000Z",
    "captureId": "c-1",
    "parentTransactionId": "t-1",
    "reservationId": "r-1",
    "autoCaptured": True,
    "pspId": "5b0c6b7e-6a70-4d1f-9d6a-0f7a52b7f1c3",
    "pspDisplayName": "Faktura",
    "email": "ola@telt.example",
    "reference": "T-77",
    "amountIncVat": 5000,
    "amountExVat": 4000,
    "currency": "NOK",
    "cart": [LINES["shipping"]],
    "status": "captured",
    "sessionId": SESSION_ID,
}
REFUND: dict[str, Any] = {
    "createdAt": "2025-05-20T08:15:00.000Z",
    "refundId": "f-1",
    "parentCaptureId": "c-1",
    "parentTransactionId": "t-1",
    "reservationId": "r-1",
    "pspId": "5b0c6b7e-6a70-4d1f-9d6a-0f7a52b7f1c3",
    "pspDisplayName": "Faktura",
    "email": "ola@telt.example",
    "reference": "T-77",
    "amountIncVat": 5000,
    "amountExVat": 4000,
    "currency": "NOK",
    "cart": [LINES["shipping"]],
    "status": "refunded",
    "sessionId": SESSION_ID,
}
CAPTURE_ANSWER: dict[str, Any] = {"captureId": "c-2", "status": "approved"}
REFUND_ANSWER: dict[str, Any] = {"refundId": "f-2"}

# --- sessions --------------------------------------------------------------------------------------------

FRESH_SESSION: dict[str, Any] = {
    "createdAt": "2025-05-17T09:12:44.901Z",
    "sessionId": SESSION_ID,
    "status": "started",
    "product": {"type": "payment", "intent": "payment_one_time"},
    "customerType": "consumer",
    "country": "NO",
    "locale": "nb-no",
    "htmlSnippet": '<div id="checkout"></div>',
    "clientToken": "aGVhZA.Ym9keQ.c2ln",
    "moduleStatus": {"payment": {"uiStatus": "not_yet_reached"}},
    "data": {
        "order": {
            "currency": "NOK",
            "amountIncVat": 5000,
            "amountExVat": 4000,
            "cart": [LINES["shipping"]],
        }
    },
}

FULL_SESSION: dict[str, Any] = {
    "createdAt": "2025-05-17T09:12:44.901Z",
    "sessionId": SESSION_ID,
    "status": "completed",
    "product": {"type": "payment", "intent": "payment_tokenize", "id": "p-1", "variantId": "v-2"},
    "customerType": "business",
    "country": "NO",
    "locale": "nb-no",
    "urls": {"terms": "https://telt.example/vilkar", "redirect": "https://telt.example/takk"},
    "references": {"reference1": "T-77", "order/no~1": "77"},
    "hooks": list(HOOKS.values()),
    "htmlSnippet": '<div id="checkout"></div>',
    "clientToken": "aGVhZA.Ym9keQ.c2ln",
    "moduleStatus": {
        "company_lookup": {"uiStatus": "completed"},
        "billing": {"uiStatus": "locked_by_merchant"},
        "shipping": {"uiStatus": "visible_optional"},
        "order_info": {"uiStatus": "hidden"},
        "payment": {
            "uiStatus": "not_yet_reached_locked",
            "orderStatus": "captured_partial",
            "refundStatus": "captured_amount_fully_refunded",
            "captureStatus": "partially_captured",
        },
        "terms": {"uiStatus": "visible_required"},
    },
    "modules": {"loadModules": ["payment", "terms"], "config": {"upsell": {"header": "Mer"}}},
    "data": {
        "company": {
            "cin": "912345678",
            "vatNumber": None,
            "name": "Teltmakeren AS",
            "vatValidation": {"vatNo": "NO912345678MVA", "valid": True, "country": "NO"},
        },
        "consumer": {"identificationNumber": "24126412345", "dateOfBirth": "1964-12-24", "name": "Ola Berg"},
        "billing": {
            "companyName": "Teltmakeren AS",
            "cin": "912345678",
            "streetAddress": "Storgata 1",
            "streetAddress2": "",
            "zip": "0155",
            "city": "Oslo",
            "region": "Oslo",
            "firstName": "Ola",
            "lastName": "Berg",
            "email": "ola@telt.example",
            "phoneNumber": "+4740000000",
            "country": "NO",
        },
        "shipping": {"companyName": "Lager", "streetAddress": "Kai 4", "zip": "5003", "city": "Bergen"},
        "order": {
            "currency": "NOK",
            "amountIncVat": 190000,
            "amountExVat": 152000,
            "cart": [LINES["regular"], LINES["discount"], LINES["shipping"]],
        },
        "transactions": [TRANSACTION],
        "captures": [CAPTURE],
        "refunds": [REFUND],
        "paymentTags": {"prepaid_invoice": False, "manual_review": True},
        "paymentAdditionalFields": {"costCentre": {"value": "41", "header": "Faktura", "label": "Kostnadssted"}},
        "orderNote": {"note": {"value": "Ring på"}},
        "customForm1": {"colour": {"value": {"choice": "grønn"}, "header": "Farge", "label": "Velg"}},
        "terms": {"letters": {"value": True, "header": "Nyhetsbrev"}},
        "strongAuth": {
            "provider": "bankid",
            "output": {
                "signedAt": "2025-05-17T09:29:59.000Z",
                "name": "Ola Berg",
                "surname": "Berg",
                "givenName": "Ola",
                "dateOfBirth": "1964-12-24",
                "validateSigneeIsCompanySignatory": True,
                "signeeIsCompanySignatory": None,
            },
        },
        "companyExtraData": {"output": {"fields": {"score": 61, "netTurnover": 8123.5, "listed": False}}},
        "tokenization": {"tokenId": "tok-9"},
        "pspMetadata": {"customerFacingReference": "KID 123", "type": "invoice", "payerEmail": "ola@telt.example"},
    },
}

# Tags as a list, the markup under its other name, money both at the top and nowhere.
ODD_SESSION: dict[str, Any] = {
    "sessionId": SESSION_ID,
    "status": "in_progress",
    "snippet": '<div id="odd"></div>',
    "captures": [{"captureId": "old"}],
    "refunds": [],
    "hooks": [],
    "data": {
        "paymentTags": ["manual_review"],
        "transactions": [],
        "captures": [CAPTURE_ANSWER, {"captureId": "c-3"}],
        "refunds": [REFUND_ANSWER],
        "orderNote": {},
        "savedAddresses": [{"city": "Oslo"}],
    },
}

TOKEN: dict[str, Any] = {
    "tokenId": "tok-9",
    "initialSessionId": SESSION_ID,
    "state": "active",
    "country": "NO",
    "locale": "nb-no",
    "product": {"type": "payment", "intent": "payment_tokenize", "variantId": "v-2"},
    "customerType": "business",
    "expiryDate": "2027-05-31",
    "createdAt": "2025-05-17T09:30:12.000Z",
    "paymentMethod": {"pspId": "psp-1", "name": "card", "category": "card", "pspDisplayName": "Kort"},
    "chargeSessions": [
        {
            "sessionId": "5a1d6f0c-84d3-4c0e-9f4a-0d3f5a4d0f21",
            "completedAt": "2025-06-17T06:00:00.000Z",
            "order": {"amountIncVat": 5000, "amountExVat": 4000, "currency": "NOK"},
        }
    ],
    "data": {
        "company": {"cin": "912345678", "name": "Teltmakeren AS"},
        "consumer": {"dateOfBirth": "1964-12-24", "name": "Ola Berg"},
        "billing": {"city": "Oslo", "country": "NO"},
    },
}
