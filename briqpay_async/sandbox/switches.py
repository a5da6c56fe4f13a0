"""The choices a sandbox is made with: one for each thing that Briqpay does not document."""

from typing import Any, Literal, TypedDict

import attrs

_either = attrs.validators.in_
_not_negative: Any = attrs.validators.ge(0)


@attrs.frozen(kw_only=True)
class Switches:
    """How a sandbox behaves where the documentation is silent or contradicts itself.

    Attributes:
        merge: `field` merges the members of a patched section, `section` replaces it (reference §D).
        missing_session: `invalid_data` answers as today, by message only; `not_found` with the
            code that "ships upstream" one day (reference §E).
        bad_credentials: 403, as documented, or 401.
        initialization_pending: How many first requests to a new session answer
            SESSION_INITIALIZATION_PENDING.
        check_totals: Whether an order whose lines don't add up is refused (reference §G.3).
        show_modules: Whether answers carry `modules`; SEED's response has none.
        early_sections: Whether company, billing and shipping come back before completion. SEED
            says not, Briqpay's plugins rely on it (reference §C.4).
        vocabulary: Status words of captures and refunds: `seed` says captured and refunded,
            `plugins` says approved, `missing` leaves the member out (reference §C.4).
        references: Whether a new map of references replaces the old one or is merged into it.
        cancel_supported: Whether the payment provider can cancel.
        webhook_signed: Whether webhooks carry `x-briq-signature`, and then the transaction, capture or
            refund besides. Merchants without a webhook secret get unsigned ones.
        webhook_batch_seconds: How long webhooks are collected before they go out together, unless the
            session has `config.realTimeProcessing`. How long Briqpay collects is not documented.
        webhook_retry_seconds: The wait after the first attempt that was not answered with a 2xx; each
            further wait is twice as long, up to a minute. Briqpay's schedule is not documented.
        webhook_attempts: How often a webhook is sent at most.
        session_limit: How many sessions are kept; then the oldest go.
        journal_limit: How many requests the journal remembers.
        journal_bodies: For how many of the newest requests it keeps the body.
    """

    merge: str = attrs.field(default="field", validator=_either(("field", "section")))
    missing_session: str = attrs.field(default="invalid_data", validator=_either(("invalid_data", "not_found")))
    bad_credentials: int = attrs.field(default=403, validator=_either((401, 403)))
    initialization_pending: int = attrs.field(default=0, validator=_not_negative)
    check_totals: bool = False
    show_modules: bool = False
    early_sections: bool = True
    vocabulary: str = attrs.field(default="seed", validator=_either(("seed", "plugins", "missing")))
    references: str = attrs.field(default="replace", validator=_either(("replace", "merge")))
    cancel_supported: bool = True
    webhook_signed: bool = True
    webhook_batch_seconds: float = attrs.field(default=0.25, validator=_not_negative)
    webhook_retry_seconds: float = attrs.field(default=0.5, validator=_not_negative)
    webhook_attempts: int = attrs.field(default=11, validator=attrs.validators.ge(1))
    session_limit: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))
    journal_limit: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))
    journal_bodies: int = attrs.field(default=5_000, validator=_not_negative)


class SwitchOptions(TypedDict, total=False):
    """The switches as keyword arguments, so that a type checker knows their names and values."""

    merge: Literal["field", "section"]
    missing_session: Literal["invalid_data", "not_found"]
    bad_credentials: Literal[401, 403]
    initialization_pending: int
    check_totals: bool
    show_modules: bool
    early_sections: bool
    vocabulary: Literal["seed", "plugins", "missing"]
    references: Literal["replace", "merge"]
    cancel_supported: bool
    webhook_signed: bool
    webhook_batch_seconds: float
    webhook_retry_seconds: float
    webhook_attempts: int
    session_limit: int
    journal_limit: int
    journal_bodies: int
