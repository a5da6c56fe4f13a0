"""Bodies that shops send: sessions, patches, metadata, decisions, pages. Values are made up, shapes are not."""

from __future__ import annotations

from typing import Any

SESSION_ID = "7d0f0d0e-58f3-4a55-9b0c-6a1d2f1c9e01"

# Four chairs at 25.00 less 20 % are 80.00 without and 100.00 with VAT.
CREATE_BUSINESS: dict[str, Any] = {
    "product": {"type": "payment", "intent": "payment_one_time", "id": "b2b-checkout"},
    "customerType": "business",
    "country": "SE",
    "locale": "sv-se",
    "urls": {"terms": "https://mobler.example/villkor", "redirect": "https://mobler.example/tack"},
    "references": {"reference1": "M-2041", "customerId": "77"},
    "hooks": [
        {
            "eventType": "session_status",
            "statuses": ["completed"],
            "method": "GET",
            "url": "https://mobler.example/krok",
        }
    ],
    "data": {
        "company": {"cin": "556677-8899", "name": "Stolverket AB"},
        "billing": {"streetAddress": "Verkgatan 8", "zip": "561 42", "city": "Huskvarna"},
        "order": {
            "currency": "SEK",
            "amountIncVat": 10000,
            "amountExVat": 8000,
            "cart": [
                {
                    "productType": "physical",
                    "reference": "CHAIR-4",
                    "name": "Pinnstol",
                    "quantity": 4,
                    "quantityUnit": "st",
                    "unitPrice": 2500,
                    "taxRate": 2500,
                    "discountPercentage": 2000,
                }
            ],
        },
    },
}

CREATE_CONSUMER: dict[str, Any] = {
    "product": {"type": "payment", "intent": "payment_one_time"},
    "customerType": "consumer",
    "country": "NO",
    "locale": "nb-no",
    "urls": {"terms": "https://ull.example/vilkar", "redirect": "https://ull.example/takk"},
    "hooks": [
        {
            "eventType": "order_status",
            "statuses": ["order_pending", "order_rejected", "order_cancelled", "order_approved_not_captured"],
            "method": "POST",
            "url": "https://ull.example/hooks",
        },
        {
            "eventType": "capture_status",
            "statuses": ["pending", "approved", "rejected"],
            "method": "POST",
            "url": "https://ull.example/hooks",
        },
        {
            "eventType": "refund_status",
            "statuses": ["pending", "approved", "rejected"],
            "method": "POST",
            "url": "https://ull.example/hooks",
        },
    ],
    "modules": {"loadModules": ["payment"]},
    "data": {
        "consumer": {"identificationNumber": "01018612345", "dateOfBirth": "1986-01-01", "name": "Kari Dahl"},
        "billing": {
            "streetAddress": "Fjordveien 3",
            "streetAddress2": "Leil. 12",
            "zip": "5003",
            "city": "Bergen",
            "firstName": "Kari",
            "lastName": "Dahl",
            "email": "kari@ull.example",
            "phoneNumber": "+4790000003",
        },
        "shipping": {"streetAddress": "Hytteveien 1", "zip": "5700", "city": "Voss"},
        "order": {
            "currency": "NOK",
            "amountIncVat": 52500,
            "amountExVat": 42000,
            "cart": [
                {
                    "productType": "physical",
                    "reference": "YARN-9",
                    "name": "Ullgarn",
                    "quantity": 12,
                    "quantityUnit": "nøste",
                    "unitPrice": 3500,
                    "taxRate": 2500,
                }
            ],
        },
    },
}

# Lines with the totals that the docs of "Update session" do not list, addresses of a country alone.
CREATE_WITH_LINE_TOTALS: dict[str, Any] = {
    "product": {"type": "payment", "intent": "payment_tokenize", "variantId": "variant-b"},
    "customerType": "consumer",
    "country": "DE",
    "locale": "en-GB",
    "urls": {"terms": "https://lampen.example/agb", "redirect": "https://lampen.example/danke"},
    "config": {
        "disableSessionCompleteRedirect": True,
        "disableInsightsTracking": False,
        "realTimeProcessing": True,
    },
    "references": {"cartId": "c-9001", "reference1": "L-1"},
    "data": {
        "billing": {"country": "AT", "companyName": "Lichthaus"},
        "shipping": {"country": "AT"},
        "order": {
            "currency": "EUR",
            "amountIncVat": 65450,
            "amountExVat": 55000,
            "cart": [
                {
                    "productType": "physical",
                    "reference": "LAMP-2",
                    "name": "Stehlampe",
                    "quantity": 2,
                    "quantityUnit": "pc",
                    "unitPrice": 30000,
                    "unitPriceIncVat": 35700,
                    "taxRate": 1900,
                    "discountPercentage": 0,
                    "totalAmount": 71400,
                    "totalVatAmount": 11400,
                    "imageUrl": "https://lampen.example/2.png",
                },
                {
                    "productType": "discount",
                    "reference": "spring",
                    "name": "Fruehling",
                    "quantity": 1,
                    "quantityUnit": "pc",
                    "unitPrice": -5000,
                    "unitPriceIncVat": -5950,
                    "taxRate": 1900,
                    "discountPercentage": 0,
                    "totalAmount": -5950,
                    "totalVatAmount": -950,
                },
            ],
        },
    },
    "modules": {
        "loadModules": ["payment"],
        "config": {
            "payment": {
                "decision": {"enabled": True},
                "pspRulesOverride": {
                    "psp": [{"pspId": "psp-1", "handles": {"locked": True}, "otherHandles": "run_rules"}],
                    "otherPsps": "disable",
                },
            }
        },
    },
}

# Missing texts sent as "", a terms module, prices kept with two spellings of the region.
CREATE_WITH_TERMS: dict[str, Any] = {
    "country": "FI",
    "locale": "fi-FI",
    "customerType": "consumer",
    "product": {"type": "payment", "intent": "payment_one_time"},
    "urls": {"redirect": "https://kahvi.example/kiitos", "terms": "https://kahvi.example/ehdot"},
    "references": {"quoteId": "3107"},
    "data": {
        "order": {
            "currency": "EUR",
            "amountIncVat": 1140,
            "amountExVat": 1000,
            "cart": [
                {
                    "productType": "digital",
                    "reference": "COURSE",
                    "name": "Kahvikurssi",
                    "quantity": 1,
                    "quantityUnit": "pc",
                    "unitPrice": 1000,
                    "taxRate": 1400,
                    "discountPercentage": 0,
                    "unitPriceIncVat": 1140,
                    "totalAmount": 1140,
                    "totalVatAmount": 140,
                }
            ],
        },
        "billing": {
            "streetAddress": "Satamakatu 5",
            "streetAddress2": "",
            "zip": "00160",
            "city": "Helsinki",
            "firstName": "Aino",
            "lastName": "Salo",
            "email": "aino@kahvi.example",
            "phoneNumber": "",
            "region": "",
        },
        "shipping": {"streetAddress": "", "streetAddress2": "", "zip": "", "city": "", "region": ""},
        "consumer": {"identificationNumber": "", "dateOfBirth": "1991-12-24", "name": "Aino Salo"},
    },
    "modules": {
        "loadModules": ["payment", "terms", "order_note", "upsell"],
        "config": {
            "payment": {"decision": {"enabled": True}},
            "terms": {
                "checkboxes": [
                    {"key": "letters", "label": "Uutiskirje <b>kyllä</b>", "required": False, "default": True},
                    {"key": "terms", "label": "Ehdot", "required": True},
                ]
            },
            "order_note": {"customInputs": [{"key": "gate", "label": "Ovikoodi"}], "hideModule": False},
            "company_lookup": {"companyPrefillLock": "none"},
            "billing": {"lockFields": {"email": "hard_lock"}},
            "shipping": {"lockFields": {"zip": "soft_lock"}},
            "upsell": {
                "customInputs": [
                    {
                        "type": "string",
                        "key": "wrap",
                        "label": "Paketti",
                        "minLength": 0,
                        "maxLength": 40,
                        "required": False,
                        "span": 2,
                        "enum": ["paperi", "nauha"],
                        "component": "enumRadio",
                    },
                    {
                        "type": "object",
                        "key": "tip",
                        "enum": [{"value": "5", "label": "5 €", "amount": 500}],
                        "component": "enumDropdown",
                        "span": 1,
                    },
                ],
                "hideModule": False,
                "header": "Lisäksi",
                "subheader": "Valitse",
                "footer": "Kiitos",
            },
        },
    },
}

# Bare lines, a redirect with the placeholder that the API fills in.
CREATE_WITH_BARE_LINES: dict[str, Any] = {
    "product": {"type": "payment", "intent": "payment_one_time"},
    "customerType": "business",
    "locale": "da-dk",
    "country": "DK",
    "data": {
        "order": {
            "amountIncVat": 26250,
            "amountExVat": 21000,
            "currency": "DKK",
            "cart": [
                {
                    "productType": "physical",
                    "reference": "P-A",
                    "name": "Skål",
                    "quantity": 3,
                    "quantityUnit": "stk",
                    "unitPrice": 6000,
                    "discountPercentage": 0,
                    "taxRate": 2500,
                },
                {
                    "productType": "shipping_fee",
                    "reference": "carrier-7",
                    "name": "Levering",
                    "quantity": 1,
                    "quantityUnit": "stk",
                    "unitPrice": 3000,
                    "discountPercentage": 0,
                    "taxRate": 2500,
                },
            ],
        },
        "company": {"cin": "DK12345674", "name": "Skålhuset ApS", "vatNo": "DK12345674"},
        "billing": {"streetAddress": "Havnegade 2", "zip": "1058", "city": "København", "country": "DK"},
    },
    "references": {"cartId": "58"},
    "urls": {
        "redirect": "https://skaal.example/done?briqpay_session={briqpay_session}",
        "terms": "https://skaal.example/vilkaar",
    },
    "modules": {"loadModules": ["payment"], "config": {"payment": {"decision": {"enabled": False}}}},
}

CREATE_SIGNUP: dict[str, Any] = {
    "product": {"type": "signup", "intent": "signup"},
    "customerType": "business",
    "country": "GB",
    "locale": "en-gb",
    "urls": {"redirect": "https://trade.example/welcome"},
}

CREATE_CHARGE: dict[str, Any] = {
    "product": {"type": "payment", "intent": "payment_charge_token"},
    "customerType": "consumer",
    "country": "SE",
    "locale": "sv-se",
    "urls": {"terms": "https://box.example/terms", "redirect": "https://box.example/done"},
    "data": {
        "tokenization": {"tokenId": "tok-55"},
        "order": {
            "currency": "SEK",
            "amountIncVat": 12500,
            "amountExVat": 10000,
            "cart": [
                {
                    "productType": "deposit",
                    "name": "Månadslåda",
                    "quantity": 1,
                    "quantityUnit": "st",
                    "unitPrice": 10000,
                    "taxRate": 2500,
                }
            ],
        },
    },
}

CREATES: dict[str, dict[str, Any]] = {
    "a business with a discount in per cent": CREATE_BUSINESS,
    "a consumer": CREATE_CONSUMER,
    "lines with totals": CREATE_WITH_LINE_TOTALS,
    "a terms module and empty texts": CREATE_WITH_TERMS,
    "bare lines": CREATE_WITH_BARE_LINES,
    "a signup": CREATE_SIGNUP,
    "a charge of a token": CREATE_CHARGE,
}

# --- patches, metadata, decisions, hosted pages ----------------------------------------------------------

PATCHES: dict[str, dict[str, Any]] = {
    "one field of an address": {"data": {"billing": {"city": "Voss"}}},
    "a whole cart and both addresses": {
        "data": {
            "order": CREATE_WITH_LINE_TOTALS["data"]["order"],
            "billing": {"streetAddress": "Ring 4", "zip": "1010", "city": "Wien", "country": "AT"},
            "shipping": {"streetAddress": "Ring 4", "zip": "1010", "city": "Wien", "country": "AT"},
        }
    },
    "a company whose number is cleared": {"data": {"company": {"cin": None, "name": "Nytt Namn AB"}}},
    "a consumer": {"data": {"consumer": {"dateOfBirth": "2000-02-29", "name": "Kari Dahl"}}},
    "another token": {"data": {"tokenization": {"tokenId": "tok-56"}}},
    "texts of the upsell module": {
        "modules": {
            "config": {
                "upsell": {
                    "customInputs": [
                        {"type": "boolean", "key": "gift", "label": "Gift?", "component": "checkbox"}
                    ],
                    "hideModule": True,
                    "header": "More",
                    "subheader": "",
                    "footer": "That is all",
                }
            }
        }
    },
}

METADATA: dict[str, Any] = {
    "urls": {"terms": "https://ull.example/v2", "redirect": "https://ull.example/takk2"},
    "references": {"reference1": "U-100", "quoteId": "3107"},
}

DECISIONS: dict[str, dict[str, Any]] = {
    "allow": {"decision": "allow"},
    "a rejection that the buyer can act on": {
        "decision": "reject",
        "rejectionType": "notify_user",
        "softErrors": [{"message": "Choose another delivery date"}, {"message": "The yarn is sold out"}],
    },
    "a rejection with one message": {
        "decision": "reject",
        "rejectionType": "notify_user",
        "hardError": {"message": "We do not deliver to Svalbard"},
    },
    "a rejection that ends the session": {
        "decision": "reject",
        "rejectionType": "reject_session_with_error",
        "hardError": {"message": "This cart is closed"},
        "softErrors": [{"message": "Start over"}],
    },
}

HOSTED_PAGE_CONFIG: dict[str, Any] = {
    "showCart": True,
    "pageTitle": "Skålhuset",
    "logoUrl": "https://skaal.example/logo.svg",
}
HOSTED_PAGE: dict[str, Any] = {
    "hostedPageId": "hp-31",
    "sessionId": SESSION_ID,
    "url": "https://pages.example/payment/hp-31/secret-part",
}
