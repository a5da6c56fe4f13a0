"""What a ``repr`` shows: enough to work with, nothing about a person, and never a page."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from system.privacy.canaries import CANARIES, DATA, EMAIL, NEW, ORDER, SECRET, TOKEN

import briqpay_async as bq
from briqpay_async.conversion.decode import decode
from briqpay_async.models.base import wire_names
from briqpay_async.redaction import HIDDEN, safe_path, shown_members
from briqpay_async.transport.requests import Request, Response
from briqpay_async.transport.responses import decode_model


def models(cls: type[bq.Model] = bq.Model) -> Iterator[type[bq.Model]]:
    """The model and every class made of it; attrs leaves the unslotted draft of each behind."""
    yield cls
    for below in cls.__subclasses__():
        if "__slots__" in vars(below):
            yield from models(below)


MODELS = sorted({cls.__name__: cls for cls in models()}.items())


def test_all_models_are_looked_at() -> None:
    assert {"Session", "Address", "CartItem", "Capture", "Token", "Decision"} <= {name for name, _ in MODELS}
    assert len(MODELS) > 45


@pytest.mark.parametrize(("name", "cls"), MODELS)
def test_every_model_has_the_repr_that_hides(name: str, cls: type[bq.Model]) -> None:
    assert cls.__repr__ is bq.Model.__repr__
    assert "__str__" not in vars(cls)
    assert "__format__" not in vars(cls)


@pytest.mark.parametrize(("name", "cls"), MODELS)
def test_only_members_on_the_list_are_shown(name: str, cls: type[bq.Model]) -> None:
    model = object.__new__(cls)
    for member in wire_names(cls):
        object.__setattr__(model, member, 7)
    parts = repr(model).removeprefix(f"{name}(").removesuffix(")").split(", ")
    shown = {member for member in wire_names(cls) if f"{member}=7" in parts}
    hidden = {member for member in wire_names(cls) if f"{member}={HIDDEN}" in parts}
    assert shown == shown_members(name) & set(wire_names(cls))
    assert hidden == set(wire_names(cls)) - shown


@pytest.mark.parametrize(("name", "cls"), MODELS)
def test_the_list_names_members_that_exist(name: str, cls: type[bq.Model]) -> None:
    assert shown_members(name) <= set(wire_names(cls))


PERSONAL = (
    "Address Company Consumer Tokenization StrongAuthOutput FieldAnswer TermsAnswer PaymentMethod Urls "
    "DecisionMessage CompanyExtraDataOutput EditableData SessionData"
)


@pytest.mark.parametrize("name", PERSONAL.split())
def test_nothing_of_a_person_is_on_the_list(name: str) -> None:
    assert shown_members(name) == frozenset()


def test_a_class_that_is_not_listed_shows_nothing() -> None:
    @attrs.frozen(kw_only=True, repr=False)
    class Novelty(bq.Model):
        mail: str | None = None

    assert repr(Novelty(mail=EMAIL)) == "Novelty(mail=<hidden>)"


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (bq.Session(), "Session()"),
        (bq.Address(city="Lund", email=EMAIL), "Address(city=<hidden>, email=<hidden>)"),
        (bq.Company(cin=bq.CLEAR, name="Fågel AB"), "Company(cin=CLEAR, name=<hidden>)"),
        (
            ORDER,
            "Order(currency='SEK', amount_inc_vat=50000, amount_ex_vat=40000, cart=(2 lines))",
        ),
        (bq.Order(cart=ORDER.cart[:1] if ORDER.cart else ()), "Order(cart=(1 line))"),
        (bq.Order(cart=()), f"Order(cart={HIDDEN})"),
        (
            bq.CartItem(product_type=bq.ProductType.PHYSICAL, reference="a", name="Tent", quantity=2),
            "CartItem(product_type='physical', reference='a', name='Tent', quantity=2)",
        ),
        (bq.Session(status="brand_new", hooks=[bq.OtherHook()]), "Session(status='brand_new', hooks=(1 entry))"),
        (bq.Session(references={"customer": EMAIL}), "Session(references=<hidden>)"),
        (bq.Modules(load_modules=["payment", "terms"]), "Modules(load_modules=('payment', 'terms'))"),
        (bq.Consumer(name=EMAIL, extra={"mail": EMAIL, "n": 1}), "Consumer(name=<hidden>, extra=<'mail', 'n'>)"),
        (
            bq.Capture(capture_id="c", amount_inc_vat=5, email=EMAIL),
            f"Capture(email={HIDDEN}, amount_inc_vat=5, capture_id='c')",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, bq.Model) else "",
)
def test_what_is_present_is_named_and_what_is_harmless_is_shown(model: bq.Model, shown: str) -> None:
    assert repr(model) == str(model) == f"{model}" == shown


def test_a_long_cart_is_a_number() -> None:
    lines = [bq.CartItem(name=f"Product {number}", quantity=1) for number in range(60)]
    session = bq.Session(data=bq.SessionData(order=bq.Order(currency="SEK", cart=lines)))
    assert repr(session) == "Session(data=SessionData(order=Order(currency='SEK', cart=(60 lines))))"


def test_a_long_text_is_cut() -> None:
    assert repr(bq.CartItem(name="x" * 300)) == f"CartItem(name={'x' * 60!r}...)"
    assert len(repr(bq.Address(extra={"y" * 300: 1}))) < 100


def test_unknown_members_are_named_up_to_a_point() -> None:
    names = {f"member{number}": EMAIL for number in range(1000)}
    assert repr(bq.Address(extra=names)).endswith("'member8', 'member9', ...>)")


@pytest.mark.parametrize("value", [10**5000, EMAIL, [EMAIL], {"a": EMAIL}, b"canary", object()], ids=type)
def test_a_value_of_the_wrong_kind_is_hidden(value: object) -> None:
    assert repr(bq.CartItem(quantity=value)) == "CartItem(quantity=<hidden>)"  # type: ignore[arg-type]


def test_a_name_of_several_lines_stays_on_one() -> None:
    assert "\n" not in repr(bq.CartItem(name="Tent\nred", extra={"a\nb": 1}))


def test_a_malformed_answer_can_be_shown_until_it_is_decoded() -> None:
    answer = Response(200, {}, b'{"status": "started", "data": {"billing": "%s"}}' % EMAIL.encode())
    try:
        shown = repr(decode_model(answer, bq.Session))
    except bq.ResponseDecodeError as error:
        shown = repr(error)
    assert EMAIL not in shown


@pytest.mark.parametrize("model", [NEW, DATA, decode({"data": bq.unstructure(DATA)}, bq.Session)], ids=type)
def test_no_canary_is_shown_by_a_model(model: bq.Model) -> None:
    for shown in (repr(model), str(model), f"{model!s}", repr([model]), repr({"key": model})):
        assert [name for name, canary in CANARIES.items() if canary in shown] == []


def test_a_request_shows_neither_headers_nor_body_nor_token() -> None:
    request = Request(
        method="GET", path=f"/v3/token/{TOKEN}", body=EMAIL.encode(), headers={"Authorization": SECRET}
    )
    assert repr(request) == (
        "Request(method='GET', path='/v3/token/<hidden>', query='', repeat=<Repeat.SAFE: 'safe'>, lane=None)"
    )


def test_a_response_shows_its_status() -> None:
    assert repr(Response(200, {"Set-Cookie": SECRET}, EMAIL.encode())) == "Response(status=200)"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/v3/token/{TOKEN}", "/v3/token/<hidden>"),
        (f"/v3/token/{TOKEN}/charge", "/v3/token/<hidden>/charge"),
        ("/v3/token", "/v3/token"),
        ("/v3/session/s", "/v3/session/s"),
        ("/v3/session/s/order/capture", "/v3/session/s/order/capture"),
    ],
)
def test_a_path_is_shown_without_the_identifier_of_a_token(path: str, shown: str) -> None:
    assert safe_path(path) == shown
