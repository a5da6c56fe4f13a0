"""A builder remembers what it was asked for, and can be asked for the same on another state."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from support.shop import address, data, line, sales_tax

from briqpay_async import (
    Address,
    CustomInput,
    EditableData,
    EditConflictError,
    Modules,
    ModulesConfig,
    PatchBuilder,
    Session,
    SessionData,
    UpsellConfig,
)

Ask = Callable[[PatchBuilder], None]
BASE = data(line("a"), line("b"), line("c"))


def cart(*lines: object) -> EditableData:
    return data(*lines)  # type: ignore[arg-type]


def rebased(ask: Ask, now: EditableData, base: EditableData = BASE) -> EditableData:
    """What is wanted of a state after the same was asked of it."""
    builder = PatchBuilder(base)
    ask(builder)
    again = builder.rebased(now)
    return attrs.evolve(now, order=again.cart.order(), billing=again.billing.value, shipping=again.shipping.value)


def conflicts(ask: Ask, now: EditableData, base: EditableData = BASE) -> tuple[str, ...]:
    builder = PatchBuilder(base)
    ask(builder)
    with pytest.raises(EditConflictError) as caught:
        builder.rebased(now)
    return caught.value.pointers


def three_b(builder: PatchBuilder) -> None:
    builder.cart.set_quantity("b", 3)


def without_b(builder: PatchBuilder) -> None:
    builder.cart.remove("b")


def with_d(builder: PatchBuilder) -> None:
    builder.cart.add(line("d"))


def only_d(builder: PatchBuilder) -> None:
    builder.cart.replace([line("d")])


def to_lund(builder: PatchBuilder) -> None:
    builder.billing.update(city="Lund")


KEPT = {
    "quantity beside another quantity": (three_b, cart(line("a", quantity=9), line("b"), line("c")), "a9 b3 c1"),
    "quantity over another quantity": (three_b, cart(line("a"), line("b", quantity=9), line("c")), "a1 b3 c1"),
    "quantity of a line that moved": (three_b, cart(line("b"), line("x")), "b3 x1"),
    "removal beside an addition": (without_b, cart(line("a"), line("b"), line("x")), "a1 x1"),
    "removal of what is gone": (without_b, cart(line("a"), line("c", quantity=2)), "a1 c2"),
    "removal of a line with a new price": (without_b, cart(line("a"), line("b", unit_price=1)), "a1"),
    "addition beside a removal": (with_d, cart(line("a")), "a1 d1"),
    "replacement of the same lines": (only_d, cart(line("a"), line("b"), line("c")), "d1"),
    "replacement by what is there": (only_d, cart(line("d")), "d1"),
}


@pytest.mark.parametrize(("ask", "now", "expected"), KEPT.values(), ids=KEPT)
def test_what_others_changed_is_kept(ask: Ask, now: EditableData, expected: str) -> None:
    order = rebased(ask, now).order
    assert order is not None
    lines = order.cart or ()
    assert " ".join(f"{one.reference}{getattr(one, 'quantity', '')}" for one in lines) == expected
    assert order.check_totals() == ()


REFUSED = {
    "the line is gone": (three_b, cart(line("a"), line("c")), ("/data/order/cart/1",)),
    "the line is there twice": (three_b, cart(line("b"), line("b")), ("/data/order/cart/1",)),
    "another price": (three_b, cart(line("b", unit_price=1)), ("/data/order/cart/0/unitPrice",)),
    "a price with VAT": (three_b, cart(line("b", unit_price_inc_vat=1)), ("/data/order/cart/0/unitPriceIncVat",)),
    "another tax rate": (three_b, cart(line("a"), line("b", tax_rate=0)), ("/data/order/cart/1/taxRate",)),
    "a discount": (
        three_b,
        cart(line("b", discount_percentage=5)),
        ("/data/order/cart/0/discountPercentage",),
    ),
    "a sales tax line": (
        lambda builder: builder.cart.set_quantity("a", 2),
        cart(attrs.evolve(sales_tax(), reference="a")),
        ("/data/order/cart/0",),
    ),
    "removal of one of two": (without_b, cart(line("b"), line("b")), ("/data/order/cart/1",)),
    "replacement of other lines": (
        only_d,
        cart(line("a"), line("b"), line("c", quantity=2)),
        ("/data/order/cart",),
    ),
    "an order that is gone": (three_b, EditableData(), ("/data/order/cart/1",)),
}


@pytest.mark.parametrize(("ask", "now", "pointers"), REFUSED.values(), ids=REFUSED)
def test_what_no_longer_fits_is_named(ask: Ask, now: EditableData, pointers: tuple[str, ...]) -> None:
    assert conflicts(ask, now) == pointers


def test_all_conflicts_are_named_at_once() -> None:
    def ask(builder: PatchBuilder) -> None:
        three_b(builder)
        builder.cart.set_quantity("a", 2)

    assert conflicts(ask, cart(line("x"))) == ("/data/order/cart/1", "/data/order/cart/0")


def test_operations_on_lines_that_were_added_are_repeated_too() -> None:
    def ask(builder: PatchBuilder) -> None:
        with_d(builder)
        builder.cart.set_quantity("d", 4)
        builder.cart.remove("a")

    order = rebased(ask, cart(line("a"), line("x"))).order
    assert order is not None
    assert [(one.reference, getattr(one, "quantity", None)) for one in order.cart or ()] == [("x", 1), ("d", 4)]


def test_the_other_members_of_a_section_are_kept() -> None:
    now = data(billing=address(zip="11111", city="Kiruna"))
    assert rebased(to_lund, now).billing == address(zip="11111", city="Lund")


def test_a_section_that_is_gone_begins_anew() -> None:
    assert rebased(to_lund, EditableData()).billing == Address(city="Lund")


def with_inputs(*keys: str) -> Session:
    inputs = tuple(CustomInput(type="string", key=key, label=key) for key in keys)
    return Session(
        data=SessionData(), modules=Modules(config=ModulesConfig(upsell=UpsellConfig(custom_inputs=inputs)))
    )


@pytest.mark.parametrize(
    ("now", "refused"), [(("a",), False), (("a", "b"), True), (("a", "c"), False)], ids=["same", "other", "done"]
)
def test_an_array_that_others_changed_is_in_the_way(now: tuple[str, ...], refused: bool) -> None:
    builder = PatchBuilder(with_inputs("a"))
    wanted = with_inputs("a", "c").modules
    assert wanted is not None
    assert wanted.config is not None
    assert wanted.config.upsell is not None
    builder.upsell.update(custom_inputs=wanted.config.upsell.custom_inputs)
    if refused:
        with pytest.raises(EditConflictError) as caught:
            builder.rebased(with_inputs(*now))
        assert caught.value.pointers == ("/modules/config/upsell/customInputs",)
    else:
        assert builder.rebased(with_inputs(*now)).upsell.value == wanted.config.upsell


def test_a_refused_edit_is_not_recorded_and_values_are_not_shown() -> None:
    builder = PatchBuilder(BASE)
    with pytest.raises(Exception, match="no line"):
        builder.cart.set_quantity("nothing", 3)
    assert builder.operations == ()
    to_lund(builder)
    (operation,) = builder.operations
    assert "Lund" not in repr(operation)
