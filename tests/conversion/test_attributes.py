"""What a document says is found under the attribute it belongs to, in the class it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from support.create_payloads import CREATE_CHARGE, CREATE_WITH_LINE_TOTALS, CREATE_WITH_TERMS, DECISIONS
from support.session_payloads import (
    CAPTURE,
    CAPTURE_ANSWER,
    FRESH_SESSION,
    FULL_SESSION,
    HOOKS,
    LINES,
    ODD_SESSION,
    REFUND,
    REFUND_ANSWER,
    TOKEN,
    TRANSACTION,
)
from support.wire_checks import same

import briqpay_async as bq

# --- attributes ------------------------------------------------------------------------------------------


def test_every_typed_member_of_a_full_session_is_read_by_name() -> None:
    session = bq.structure(FULL_SESSION, bq.Session)
    assert session.session_id == "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11"
    assert session.created_at == "2025-05-17T09:12:44.901Z"
    assert session.status is bq.SessionStatus.COMPLETED
    assert session.customer_type is bq.CustomerType.BUSINESS
    assert (session.country, session.locale) == ("NO", "nb-no")
    assert session.product == bq.Product(
        type=bq.ProductKind.PAYMENT, intent=bq.ProductIntent.PAYMENT_TOKENIZE, id="p-1", variant_id="v-2"
    )
    assert session.product is not None
    assert session.product.type is bq.ProductKind.PAYMENT
    assert session.product.intent is bq.ProductIntent.PAYMENT_TOKENIZE
    assert session.urls == bq.Urls(terms="https://telt.example/vilkar", redirect="https://telt.example/takk")
    assert session.references == {"reference1": "T-77", "order/no~1": "77"}
    assert session.html_snippet == session.snippet == '<div id="checkout"></div>'
    assert session.client_token == "aGVhZA.Ym9keQ.c2ln"
    assert session.modules == bq.Modules(
        load_modules=("payment", "terms"), config=bq.ModulesConfig(upsell=bq.UpsellConfig(header="Mer"))
    )
    assert session.extra == {}


def test_module_states_are_constants_and_the_unknown_module_is_kept() -> None:
    status = bq.structure(FULL_SESSION, bq.Session).module_status
    assert status is not None
    assert status.payment is not None
    assert status.company_lookup == bq.ModuleState(ui_status=bq.UiStatus.COMPLETED)
    assert status.billing == bq.ModuleState(ui_status=bq.UiStatus.LOCKED_BY_MERCHANT)
    assert status.shipping == bq.ModuleState(ui_status=bq.UiStatus.VISIBLE_OPTIONAL)
    assert status.order_info == bq.ModuleState(ui_status=bq.UiStatus.HIDDEN)
    assert status.payment.ui_status is bq.UiStatus.NOT_YET_REACHED_LOCKED
    assert status.payment.order_status is bq.OrderStatus.CAPTURED_PARTIAL
    assert status.payment.refund_status is bq.RefundState.FULLY_REFUNDED
    assert status.payment.capture_status == "partially_captured"
    assert status.extra == {"terms": {"uiStatus": "visible_required"}}


def test_company_and_person_are_read() -> None:
    data = bq.structure(FULL_SESSION["data"], bq.SessionData)
    assert data.company == bq.Company(
        cin="912345678",
        name="Teltmakeren AS",
        vat_validation=bq.VatValidation(vat_no="NO912345678MVA", valid=True, country="NO"),
        extra={"vatNumber": None},
    )
    assert data.consumer == bq.Consumer(
        identification_number="24126412345", date_of_birth="1964-12-24", name="Ola Berg"
    )
    assert data.tokenization == bq.Tokenization(token_id="tok-9")


def test_addresses_are_read() -> None:
    data = bq.structure(FULL_SESSION["data"], bq.SessionData)
    assert data.billing == bq.Address(
        company_name="Teltmakeren AS",
        cin="912345678",
        street_address="Storgata 1",
        street_address2="",
        zip="0155",
        city="Oslo",
        region="Oslo",
        first_name="Ola",
        last_name="Berg",
        email="ola@telt.example",
        phone_number="+4740000000",
        country="NO",
    )
    assert data.shipping == bq.Address(company_name="Lager", street_address="Kai 4", zip="5003", city="Bergen")


def test_what_the_buyer_answered_is_read() -> None:
    data = bq.structure(FULL_SESSION["data"], bq.SessionData)
    assert data.payment_additional_fields == {
        "costCentre": bq.FieldAnswer(value="41", header="Faktura", label="Kostnadssted")
    }
    assert data.order_note == {"note": bq.FieldAnswer(value="Ring på")}
    assert data.custom_form1 == {"colour": bq.FieldAnswer(value={"choice": "grønn"}, header="Farge", label="Velg")}
    assert data.terms == {"letters": bq.TermsAnswer(value=True, header="Nyhetsbrev")}
    assert data.psp_metadata == FULL_SESSION["data"]["pspMetadata"]


def test_what_the_buyer_proved_is_read() -> None:
    data = bq.structure(FULL_SESSION["data"], bq.SessionData)
    assert data.strong_auth == bq.StrongAuth(
        provider="bankid",
        output=bq.StrongAuthOutput(
            signed_at="2025-05-17T09:29:59.000Z",
            name="Ola Berg",
            surname="Berg",
            given_name="Ola",
            date_of_birth="1964-12-24",
            validate_signee_is_company_signatory=True,
            extra={"signeeIsCompanySignatory": None},
        ),
    )
    assert data.company_extra_data == bq.CompanyExtraData(
        output=bq.CompanyExtraDataOutput(fields={"score": 61, "netTurnover": 8123.5, "listed": False})
    )


def test_the_right_to_sign_is_read_where_it_was_checked() -> None:
    output = bq.structure({"signeeIsCompanySignatory": "approved"}, bq.StrongAuthOutput)
    assert output.signee_is_company_signatory == "approved"


def test_a_transaction_is_read() -> None:
    transaction = bq.structure(TRANSACTION, bq.Transaction)
    assert transaction.status is bq.TransactionStatus.APPROVED
    assert transaction.capture_status is bq.CaptureState.PARTIALLY_CAPTURED
    assert transaction.refund_status is bq.RefundState.PARTIALLY_REFUNDED
    assert transaction.auto_capture_enabled is False
    assert transaction.psp_supported_order_operations == {"updateOrderSupported": True}
    assert transaction.psp_order_management_ids == {"capture": {"apiTransactionId": "k-9"}}
    assert (transaction.amount_inc_vat, transaction.amount_ex_vat, transaction.currency) == (190000, 152000, "NOK")
    assert [type(line) for line in transaction.cart or ()] == [bq.CartItem] * 3
    assert (transaction.transaction_id, transaction.reservation_id) == ("t-1", "r-1")
    assert transaction.secondary_reservation_id == "r-1b"
    assert transaction.created_at == "2025-05-17T09:30:11.020Z"
    assert transaction.expires_at == "2025-06-16T09:30:11.020Z"
    assert transaction.psp_id == "5b0c6b7e-6a70-4d1f-9d6a-0f7a52b7f1c3"
    assert (transaction.psp_display_name, transaction.psp_integration_name) == ("Faktura", "invoice-nordic")
    assert (transaction.email, transaction.phone_number) == ("ola@telt.example", "+4740000000")
    assert (transaction.reference, transaction.session_id) == ("T-77", "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11")


def test_a_capture_is_read() -> None:
    capture = bq.structure(CAPTURE, bq.Capture)
    assert (capture.capture_id, capture.parent_transaction_id, capture.auto_captured) == ("c-1", "t-1", True)
    assert (capture.amount_inc_vat, capture.amount_ex_vat) == (5000, 4000)
    assert capture.status is bq.SettlementStatus.CAPTURED
    assert capture.cart == (bq.structure(LINES["shipping"], bq.CartItem),)


def test_a_refund_is_read() -> None:
    refund = bq.structure(REFUND, bq.Refund)
    assert (refund.refund_id, refund.parent_capture_id, refund.parent_transaction_id) == ("f-1", "c-1", "t-1")
    assert (refund.amount_inc_vat, refund.amount_ex_vat) == (5000, 4000)
    assert refund.status is bq.SettlementStatus.REFUNDED


@pytest.mark.parametrize("cls", [bq.Capture, bq.Refund])
@pytest.mark.parametrize(
    ("wire", "status", "settled"),
    [
        ({"status": "captured"}, bq.SettlementStatus.CAPTURED, True),
        ({"status": "refunded"}, bq.SettlementStatus.REFUNDED, True),
        ({"status": "approved"}, bq.SettlementStatus.APPROVED, True),
        ({}, None, True),
        ({"status": None}, None, True),
        ({"status": "pending"}, bq.SettlementStatus.PENDING, False),
        ({"status": "rejected"}, bq.SettlementStatus.REJECTED, False),
        ({"status": "cancelled"}, "cancelled", False),
        *(
            ({"status": word}, word, False)
            for word in (
                "failed",
                "error",
                "declined",
                "processing",
                "expired",
                "PENDING",
                "Rejected",
                "APPROVED",
                "",
            )
        ),
    ],
    ids=str,
)
def test_money_is_settled_in_both_vocabularies_and_without_a_status(
    cls: type[bq.Capture | bq.Refund], wire: dict[str, Any], status: Any, settled: bool
) -> None:
    entry = bq.structure(wire, cls)
    assert entry.status is status or (entry.status == status and status not in set(bq.SettlementStatus))
    assert entry.is_settled is settled


@pytest.mark.parametrize(("wire", "cls"), [(CAPTURE_ANSWER, bq.Capture), (REFUND_ANSWER, bq.Refund)])
def test_the_shortest_answers_are_read(wire: dict[str, Any], cls: type[bq.Capture | bq.Refund]) -> None:
    entry = bq.structure(wire, cls)
    assert (entry.amount_inc_vat, entry.cart, entry.extra) == (None, None, {})


def test_a_fresh_session_has_no_read_only_parts() -> None:
    session = bq.structure(FRESH_SESSION, bq.Session)
    assert session.status is bq.SessionStatus.STARTED
    assert session.data is not None
    assert (session.data.transactions, session.data.captures, session.data.refunds) == (None, None, None)
    assert (session.hooks, session.references, session.urls, session.modules) == (None, None, None, None)


def test_empty_arrays_and_maps_are_not_absent() -> None:
    session = bq.structure(ODD_SESSION, bq.Session)
    assert session.hooks == ()
    assert session.data is not None
    assert (session.data.transactions, session.data.order_note) == ((), {})
    assert [capture.status for capture in session.data.captures or ()] == ["approved", None]


def test_the_markup_is_found_under_its_other_name() -> None:
    assert bq.structure(ODD_SESSION, bq.Session).snippet == '<div id="odd"></div>'
    assert bq.Session().snippet is None


@pytest.mark.parametrize(
    ("tags", "tagged"),
    [
        ({"manual_review": True}, True),
        ({"manual_review": False}, False),
        ({"manual_review": "true"}, False),
        ({"prepaid_invoice": True}, False),
        ({}, False),
        (["manual_review"], True),
        (["prepaid_invoice"], False),
        ([], False),
        (None, False),
        ("manual_review_later", False),
        (7, False),
    ],
    ids=str,
)
def test_a_tag_is_found_in_either_form_and_in_nothing_else(tags: Any, tagged: bool) -> None:
    assert bq.structure({"paymentTags": tags}, bq.SessionData).has_tag("manual_review") is tagged


def test_a_token_is_read() -> None:
    token = bq.structure(TOKEN, bq.Token)
    assert (token.token_id, token.country, token.locale) == ("tok-9", "NO", "nb-no")
    assert token.initial_session_id == "0c8f3a52-0f3b-4d61-8a53-b7c40f6e7a11"
    assert token.state is bq.TokenState.ACTIVE
    assert token.customer_type is bq.CustomerType.BUSINESS
    assert (token.expiry_date, token.created_at) == ("2027-05-31", "2025-05-17T09:30:12.000Z")
    assert token.payment_method == bq.PaymentMethod(
        psp_id="psp-1", name="card", category="card", psp_display_name="Kort"
    )
    assert token.charge_sessions == (
        bq.ChargeSession(
            session_id="5a1d6f0c-84d3-4c0e-9f4a-0d3f5a4d0f21",
            completed_at="2025-06-17T06:00:00.000Z",
            order={"amountIncVat": 5000, "amountExVat": 4000, "currency": "NOK"},
        ),
    )
    assert token.charge_sessions[0].order == {"amountIncVat": 5000, "amountExVat": 4000, "currency": "NOK"}
    assert isinstance(token.data, bq.SessionData)
    assert token.data.billing == bq.Address(city="Oslo", country="NO")


# --- unions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cls", "product_type"),
    [
        ("regular", bq.CartItem, bq.ProductType.PHYSICAL),
        ("discount", bq.CartItem, bq.ProductType.DISCOUNT),
        ("shipping", bq.CartItem, bq.ProductType.SHIPPING_FEE),
        ("sales tax", bq.SalesTaxItem, bq.ProductType.SALES_TAX),
        ("gift card paid with", bq.CartItem, bq.ProductType.GIFT_CARD),
        ("adjustment", bq.CartItem, bq.ProductType.ADJUSTMENT),
        ("of an unknown type", bq.CartItem, "fee"),
    ],
)
def test_the_product_type_chooses_the_class_of_a_line(name: str, cls: type, product_type: str) -> None:
    order = bq.structure({"cart": [LINES[name]]}, bq.Order)
    (line,) = order.cart or ()
    assert type(line) is cls
    assert type(line.product_type) is type(product_type)
    assert line.product_type == product_type


def test_a_line_without_a_type_is_a_regular_line() -> None:
    (line,) = bq.structure({"cart": [{"name": "Telt"}]}, bq.Order).cart or ()
    assert type(line) is bq.CartItem
    assert line.product_type is None


def test_every_member_of_a_line_is_read() -> None:
    assert bq.structure(LINES["regular"], bq.CartItem) == bq.CartItem(
        product_type=bq.ProductType.PHYSICAL,
        reference="TENT-2",
        name="Telt",
        quantity=2,
        quantity_unit="stk",
        unit_price=80000,
        tax_rate=2500,
        discount_percentage=0,
        unit_price_inc_vat=100000,
        total_amount=200000,
        total_vat_amount=40000,
        image_url="https://telt.example/2.jpg",
    )
    assert bq.structure(LINES["sales tax"], bq.SalesTaxItem) == bq.SalesTaxItem(
        reference="CA", name="California sales tax", total_tax_amount=725
    )


@pytest.mark.parametrize(
    ("event_type", "cls"),
    [
        ("session_status", bq.SessionStatusHook),
        ("order_status", bq.OrderStatusHook),
        ("capture_status", bq.CaptureStatusHook),
        ("refund_status", bq.RefundStatusHook),
        ("module_ui_status", bq.OtherHook),
    ],
)
def test_the_event_chooses_the_class_of_a_hook(event_type: str, cls: type) -> None:
    (hook,) = bq.structure({"hooks": [HOOKS[event_type]]}, bq.Session).hooks or ()
    assert type(hook) is cls
    assert hook.event_type == event_type
    assert hook.statuses == tuple(HOOKS[event_type]["statuses"])
    assert hook.method is bq.HookMethod(HOOKS[event_type]["method"])
    assert hook.url == HOOKS[event_type]["url"]


def test_a_hook_made_by_hand_says_its_event() -> None:
    made = bq.RefundStatusHook(
        statuses=["pending", "approved", "rejected"], method="POST", url="https://telt.example/hooks/refund"
    )
    assert bq.unstructure(made) == HOOKS["refund_status"]


def test_a_hook_of_an_unknown_event_keeps_its_own_members() -> None:
    (hook,) = bq.structure({"hooks": [HOOKS["module_ui_status"]]}, bq.Session).hooks or ()
    assert hook.extra == {"module": "company_lookup"}


# --- bodies that are sent --------------------------------------------------------------------------------


def test_settings_given_at_creation_are_read() -> None:
    new = bq.structure(CREATE_WITH_LINE_TOTALS, bq.NewSession)
    assert new.config == bq.SessionConfig(
        disable_session_complete_redirect=True, disable_insights_tracking=False, real_time_processing=True
    )
    assert new.modules is not None
    assert new.modules.config is not None
    assert new.modules.config.payment is not None
    assert new.modules.config.payment.decision == bq.PaymentDecisionConfig(enabled=True)
    assert new.modules.config.payment.psp_rules_override is not None
    assert new.modules.config.payment.psp_rules_override["otherPsps"] == "disable"


def test_modules_configured_at_creation_are_read() -> None:
    config = bq.structure(CREATE_WITH_TERMS["modules"], bq.Modules).config
    assert config is not None
    assert config.upsell is not None
    assert config.terms == bq.TermsConfig(
        checkboxes=[
            bq.TermsCheckbox(key="letters", label="Uutiskirje <b>kyllä</b>", required=False, default=True),
            bq.TermsCheckbox(key="terms", label="Ehdot", required=True),
        ]
    )
    assert config.order_note == {"customInputs": [{"key": "gate", "label": "Ovikoodi"}], "hideModule": False}
    assert config.company_lookup == {"companyPrefillLock": "none"}
    assert config.billing == {"lockFields": {"email": "hard_lock"}}
    assert config.shipping == {"lockFields": {"zip": "soft_lock"}}
    wrap, tip = config.upsell.custom_inputs or ()
    assert wrap == bq.CustomInput(
        type=bq.CustomInputType.STRING,
        key="wrap",
        label="Paketti",
        min_length=0,
        max_length=40,
        required=False,
        span=2,
        enum=("paperi", "nauha"),
        component=bq.CustomInputComponent.ENUM_RADIO,
    )
    assert tip.enum == ({"value": "5", "label": "5 €", "amount": 500},)
    assert (config.upsell.hide_module, config.upsell.header) == (False, "Lisäksi")
    assert (config.upsell.subheader, config.upsell.footer) == ("Valitse", "Kiitos")


def test_an_empty_text_is_a_text() -> None:
    new = bq.structure(CREATE_WITH_TERMS, bq.NewSession)
    assert new.data is not None
    assert new.data.billing is not None
    assert new.data.billing.region == ""


def test_the_token_to_charge_is_read() -> None:
    new = bq.structure(CREATE_CHARGE, bq.NewSession)
    assert new.data is not None
    assert new.data.tokenization == bq.Tokenization(token_id="tok-55")
    assert type(new.data) is bq.EditableData


@pytest.mark.parametrize(
    ("decision", "name"),
    [
        (bq.Decision.allow(), "allow"),
        (
            bq.Decision.reject(soft_errors=["Choose another delivery date", "The yarn is sold out"]),
            "a rejection that the buyer can act on",
        ),
        (bq.Decision.reject(hard_error="We do not deliver to Svalbard"), "a rejection with one message"),
        (
            bq.Decision.reject(
                bq.RejectionType.REJECT_SESSION_WITH_ERROR,
                hard_error="This cart is closed",
                soft_errors=iter(["Start over"]),
            ),
            "a rejection that ends the session",
        ),
    ],
    ids=DECISIONS,
)
def test_decisions_are_made_as_the_api_wants_them(decision: bq.Decision, name: str) -> None:
    assert same(bq.unstructure(decision), DECISIONS[name])
    assert bq.structure(DECISIONS[name], bq.Decision) == decision


def test_a_cleared_company_number_is_a_null_there_and_back() -> None:
    company = bq.structure({"cin": None, "name": None}, bq.Company)
    assert company == bq.Company(cin=bq.CLEAR, name=bq.CLEAR)
    assert company.extra == {}
    assert same(bq.unstructure(company), {"cin": None, "name": None})


def test_an_absent_member_is_not_written() -> None:
    assert bq.unstructure(bq.Address()) == {}
    assert bq.unstructure(bq.Company(cin="1")) == {"cin": "1"}


def test_the_editable_part_of_a_session_is_what_a_patch_may_carry() -> None:
    data = bq.structure(FULL_SESSION["data"], bq.SessionData)
    editable = data.editable()
    assert type(editable) is bq.EditableData
    assert set(bq.unstructure(editable)) == {"order", "company", "consumer", "billing", "shipping", "tokenization"}
    assert editable.order is data.order
