"""Configuration of the checkout's modules: typed where it is documented, open (``Mapping``) where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from briqpay_async.models.base import Model, as_texts, as_tuple
from briqpay_async.models.enums import CustomInputComponent, CustomInputType
from briqpay_async.models.limits import Limits, member

__all__ = [
    "CustomInput",
    "Modules",
    "ModulesConfig",
    "PaymentConfig",
    "PaymentDecisionConfig",
    "TermsCheckbox",
    "TermsConfig",
    "UpsellConfig",
]


@attrs.frozen(kw_only=True, repr=False)
class CustomInput(Model):
    """An input that the upsell module collects (Briqpay docs).

    Attributes:
        type: Type of the value.
        key: Unique between all inputs.
        label: Text shown with the input.
        min_length: Fewest characters.
        max_length: Most characters.
        required: Whether the buyer must fill it; the API's default is ``False``.
        span: 1 or 2 columns.
        enum: Values to choose from, for ``enumRadio`` and ``enumDropdown``. Documented as text; Briqpay's own
            types also have objects of ``value``, ``label`` and ``amount``.
        component: How the input is drawn.
    """

    type: CustomInputType | str | None = None
    key: str | None = None
    label: str | None = None
    min_length: int | float | None = None
    max_length: int | float | None = None
    required: bool | None = None
    span: int | float | None = member(choices=(1, 2))
    enum: tuple[str | Mapping[str, Any], ...] | None = member(converter=as_tuple, hashed=False)
    component: CustomInputComponent | str | None = None


def _as_inputs(value: Iterable[CustomInput] | None) -> tuple[CustomInput, ...] | None:
    """``as_tuple``, typed for inputs."""
    return as_tuple(value)


@attrs.frozen(kw_only=True, repr=False)
class UpsellConfig(Model):
    """The upsell module: the one module whose configuration a PATCH may carry (Briqpay docs).

    Attributes:
        custom_inputs: Inputs to collect; replaced as a whole.
        hide_module: Whether the module is hidden.
        header: At most 64 characters.
        subheader: At most 512 characters.
        footer: At most 512 characters.
    """

    custom_inputs: tuple[CustomInput, ...] | None = attrs.field(default=None, converter=_as_inputs)
    hide_module: bool | None = None
    header: str | None = member(max_length=64)
    subheader: str | None = member(max_length=512)
    footer: str | None = member(max_length=512)

    def broken_rules(self) -> Iterable[tuple[str, str]]:
        """Briqpay docs: the key of an input is unique between all inputs."""
        seen: set[str] = set()
        inputs = self.custom_inputs if isinstance(self.custom_inputs, tuple) else ()
        for index, custom_input in enumerate(inputs):
            key = getattr(custom_input, "key", None)
            if isinstance(key, str):
                if key in seen:
                    yield f"customInputs/{index}/key", "must be unique between all inputs"
                seen.add(key)


@attrs.frozen(kw_only=True, repr=False)
class PaymentDecisionConfig(Model):
    """Whether the shop is asked before a purchase. Set when the session is created.

    Attributes:
        enabled: With ``True`` the checkout waits for ``sessions.decide``.
    """

    enabled: bool | None = None


@attrs.frozen(kw_only=True, repr=False)
class PaymentConfig(Model):
    """The payment module; set when the session is created.

    Attributes:
        decision: Whether the shop is asked before a purchase.
        psp_rules_override: Rules for the payment providers, as Briqpay agreed them with the shop.
    """

    decision: PaymentDecisionConfig | None = None
    psp_rules_override: Mapping[str, Any] | None = member(hashed=False)


@attrs.frozen(kw_only=True, repr=False)
class TermsCheckbox(Model):
    """A checkbox of the terms module.

    Attributes:
        key: Name under which the answer is stored.
        label: Text beside the box.
        required: Whether it must be ticked.
        default: Whether it starts ticked.
    """

    key: str | None = member(required=True)
    label: str | None = member(required=True)
    required: bool | None = None
    default: bool | None = None


def _as_checkboxes(value: Iterable[TermsCheckbox] | None) -> tuple[TermsCheckbox, ...] | None:
    """``as_tuple``, typed for checkboxes."""
    return as_tuple(value)


@attrs.frozen(kw_only=True, repr=False)
class TermsConfig(Model):
    """The terms module; set when the session is created.

    Attributes:
        checkboxes: The boxes shown.
    """

    checkboxes: tuple[TermsCheckbox, ...] | None = attrs.field(default=None, converter=_as_checkboxes)


@attrs.frozen(kw_only=True, repr=False)
class ModulesConfig(Model):
    """Configuration by module. Only ``upsell`` can be changed later; the rest is set at creation (Briqpay docs).

    Attributes:
        upsell: Inputs and texts of the upsell module.
        payment: Decision step and provider rules.
        terms: Checkboxes of the terms module.
        order_note: Inputs of the order note, open.
        company_lookup: Locking of the company look-up, open.
        billing: Locking of billing fields, open.
        shipping: Locking of shipping fields, open.
    """

    upsell: UpsellConfig | None = None
    payment: PaymentConfig | None = None
    terms: TermsConfig | None = None
    order_note: Mapping[str, Any] | None = member(wire="order_note", hashed=False)
    company_lookup: Mapping[str, Any] | None = member(wire="company_lookup", hashed=False)
    billing: Mapping[str, Any] | None = member(hashed=False)
    shipping: Mapping[str, Any] | None = member(hashed=False)


@attrs.frozen(kw_only=True, repr=False)
class Modules(Model):
    """The module system.

    Attributes:
        load_modules: Modules to show, such as ``("payment",)``; all of them when absent. At creation only.
        config: Configuration by module.
    """

    load_modules: tuple[str, ...] | None = attrs.field(
        default=None, converter=as_texts, metadata={"limits": Limits(min_length=1)}
    )
    config: ModulesConfig | None = None
