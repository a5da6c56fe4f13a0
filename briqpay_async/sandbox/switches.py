"""The choices a sandbox is made with, and can be given while it runs: the one table of all of them.

`README.md` of this folder, `briqpay sandbox --help` and `GET /_sandbox/switches` are made from it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypedDict

import attrs

_UNSETTLED: Final = "not documented"


def _switch(default: Any, summary: str, source: str, *, among: tuple[Any, ...] = (), least: float = 0) -> Any:
    """Make one switch.

    Args:
        default: Its value unless set otherwise.
        summary: What it does.
        source: Where the default comes from.
        among: Its values, for a switch that has a list of them.
        least: The least value of a number.
    """

    def check(_switches: Any, attribute: Any, value: Any) -> None:
        name, kind = attribute.name, type(default)
        if among:
            if value not in among or type(value) is not kind:
                raise ValueError(f"{name} must be one of {', '.join(map(str, among))}, not {value!r}")
        elif kind is bool:
            if type(value) is not bool:
                raise ValueError(f"{name} must be true or false, not {value!r}")
        elif type(value) is not int and not (kind is float and type(value) is float):
            raise ValueError(f"{name} must be {'a number' if kind is float else 'a whole number'}, not {value!r}")
        elif not least <= value < float("inf"):
            raise ValueError(f"{name} must be at least {least}, not {value!r}")

    metadata = {"summary": summary, "source": source, "among": among}
    return attrs.field(default=default, validator=check, metadata=metadata)


@attrs.frozen(kw_only=True)
class Switches:
    """How a sandbox behaves; `switch_table()` says what each switch does and where its default comes from."""

    merge: str = _switch(
        "field",
        "`field` merges the members of a patched section, `section` replaces it",
        _UNSETTLED,
        among=("field", "section"),
    )
    missing_session: str = _switch(
        "invalid_data",
        "an unknown session is told by its message only, or by the code SESSION_NOT_FOUND with 404",
        "commercetools connector 2.0.1: the code is announced",
        among=("invalid_data", "not_found"),
    )
    bad_credentials: int = _switch(
        403, "the status for wrong credentials", "Briqpay docs list 403, never 401", among=(401, 403)
    )
    initialization_pending: int = _switch(
        0,
        "how many first requests to a new session answer SESSION_INITIALIZATION_PENDING",
        "commercetools connector 2.0.1: happens at times",
    )
    check_totals: bool = _switch(
        False,
        "refuse a create or PATCH whose order does not add up",
        "Magento plugin 1.2.0: amounts are stored verbatim",
    )
    check_operation_totals: bool = _switch(
        True,
        "refuse a capture or refund whose amount is not the sum of its lines, or whose line totals are wrong",
        "Magento plugin 1.2.0, WooCommerce plugin 1.1.19",
    )
    decimal_quantities: bool = _switch(
        False,
        "accept quantities such as 4.3",
        "Briqpay docs say integer; Magento plugin 1.2.0 sends decimals",
    )
    positive_discounts: bool = _switch(
        False,
        "accept `discount` lines with a positive unit price",
        "Briqpay docs say negative; a comment in the commercetools connector says positive",
    )
    drop_company: str = _switch(
        "placeholder",
        "drop `data.company` without a word when its `cin` cannot be validated: `placeholder` for ten equal "
        "digits, `implausible` for what is no number of the session's country, or `never`",
        "PrestaShop plugin 2.0.1: the block disappears and payment is not reached",
        among=("placeholder", "implausible", "never"),
    )
    show_modules: bool = _switch(False, "answers carry `modules`", "Briqpay docs: they do not")
    early_sections: bool = _switch(
        True,
        "company, billing and shipping come back before completion",
        "Briqpay's plugins rely on it; Briqpay docs say they do not",
    )
    vocabulary: str = _switch(
        "plugins",
        "status words of captures and refunds: `plugins` says approved, `seed` captured and refunded as in the "
        "Briqpay docs, `missing` leaves the member out",
        "all five plugins of Briqpay know `approved` alone",
        among=("plugins", "seed", "missing"),
    )
    refund_capture_id: bool = _switch(
        True,
        "refunds have `captureId` beside `parentCaptureId`",
        "WooCommerce and Shopware plugins read it; Briqpay docs have `parentCaptureId` alone",
    )
    references: str = _switch(
        "replace",
        "a new map of references replaces the old one, or is merged into it",
        "Shopware plugin 1.0.0 reads and merges first",
        among=("replace", "merge"),
    )
    cancel_supported: bool = _switch(
        True, "the payment provider can cancel", "Magento plugin: some answer CANCEL_NOT_SUPPORTED"
    )
    decision_seconds: float = _switch(
        10.0,
        "how long a payment waits for the shop's decision, when `modules.config.payment.decision.enabled`; then "
        "the buyer is back in the checkout",
        "Magento plugin and commercetools connector wait 10 s",
    )
    pending_operations: bool = _switch(
        False,
        "captures and refunds are `pending` first, until `advance` or `pending_seconds` decide",
        "PrestaShop and WooCommerce plugins handle pending ones; how often is not documented",
    )
    pending_seconds: float = _switch(
        0.0,
        "pending orders, captures and refunds are decided by themselves after half to one and a half times as "
        "long, by the seed; 0 is never",
        "Briqpay docs: usually a few minutes",
    )
    rejected_share: float = _switch(
        0.0, "the share of them that is rejected then, from 0 to 1, by the seed", "not documented"
    )
    webhook_signed: bool = _switch(
        True,
        "webhooks carry `x-briq-signature`, and then the transaction, capture or refund besides",
        "commercetools connector 1.0.29; without a webhook secret they are unsigned",
    )
    webhook_batch_seconds: float = _switch(
        0.25,
        "how long webhooks are collected before they go out together, unless the session has "
        "`config.realTimeProcessing`",
        _UNSETTLED,
    )
    webhook_retry_seconds: float = _switch(
        0.5,
        "the wait after a first attempt that was not answered with a 2xx; each further wait is twice as long, "
        "up to a minute",
        _UNSETTLED,
    )
    webhook_attempts: int = _switch(11, "how often a webhook is sent at most", _UNSETTLED, least=1)
    session_limit: int = _switch(
        100_000, "how many sessions are kept; then the oldest go", "memory of the sandbox", least=1
    )
    journal_limit: int = _switch(
        100_000, "how many requests the journal remembers; set at the start only", "memory of the sandbox", least=1
    )
    journal_bodies: int = _switch(
        5_000,
        "for how many of the newest requests it keeps the body; set at the start only",
        "memory of the sandbox",
    )


class SwitchOptions(TypedDict, total=False):
    """The switches as keyword arguments, so that a type checker knows their names and values."""

    merge: Literal["field", "section"]
    missing_session: Literal["invalid_data", "not_found"]
    bad_credentials: Literal[401, 403]
    initialization_pending: int
    check_totals: bool
    check_operation_totals: bool
    decimal_quantities: bool
    positive_discounts: bool
    drop_company: Literal["placeholder", "implausible", "never"]
    show_modules: bool
    early_sections: bool
    vocabulary: Literal["plugins", "seed", "missing"]
    refund_capture_id: bool
    references: Literal["replace", "merge"]
    cancel_supported: bool
    decision_seconds: float
    pending_operations: bool
    pending_seconds: float
    rejected_share: float
    webhook_signed: bool
    webhook_batch_seconds: float
    webhook_retry_seconds: float
    webhook_attempts: int
    session_limit: int
    journal_limit: int
    journal_bodies: int


@attrs.frozen
class Switch:
    """One row of the table: what a switch is called and does.

    Attributes:
        name: Its name.
        default: Its value unless set otherwise.
        among: Its values, for a switch that has a list of them.
        summary: What it does.
        source: Where the default comes from.
    """

    name: str
    default: Any
    among: tuple[Any, ...]
    summary: str
    source: str


SWITCHES: Final = tuple(
    Switch(
        name=field.name,
        default=field.default,
        among=field.metadata["among"],
        summary=field.metadata["summary"],
        source=field.metadata["source"],
    )
    for field in attrs.fields(Switches)
)
_BY_NAME: Final = {switch.name: switch for switch in SWITCHES}
_AT_THE_START: Final = frozenset({"journal_limit", "journal_bodies"})


def parse_switch(text: str) -> tuple[str, Any]:
    """Read `NAME=VALUE` as it is typed in a shell.

    Raises:
        ValueError: there is no such switch, or its value is of another kind.
    """
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    default = _known(name).default
    value = value.strip()
    if type(default) is bool:
        word = value.lower()
        if word not in ("true", "yes", "on", "1", "false", "no", "off", "0"):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return name, word in ("true", "yes", "on", "1")
    try:
        return name, type(default)(value)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {value!r}") from None


def parse_switches(texts: Iterable[str], *, merge: str | None = None) -> dict[str, Any]:
    """Read any number of `NAME=VALUE`; the last of one name counts, and `merge` unless it is None.

    Raises:
        ValueError: there is no such switch, or its value is of another kind.
    """
    parsed = dict(map(parse_switch, texts))
    return parsed if merge is None else {**parsed, "merge": merge}


def changed_switches(switches: Switches, changes: Mapping[str, Any]) -> Switches:
    """Return the switches of a running sandbox with some of them changed.

    Raises:
        ValueError: there is no such switch, it cannot have that value, or it is for the start only.
    """
    for name in changes:
        _known(name)
        if name in _AT_THE_START:
            raise ValueError(f"{name} can be set at the start only")
    return attrs.evolve(switches, **changes)


def _known(name: str) -> Switch:
    if name not in _BY_NAME:
        raise ValueError(f"there is no switch {name!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def describe_switches(switches: Switches) -> list[dict[str, Any]]:
    """Return every switch as JSON: its value, its default, what it does and where the default comes from."""
    return [
        {"name": switch.name, "value": getattr(switches, switch.name), **attrs.asdict(switch)}
        for switch in SWITCHES
    ]


def _shown(value: Any) -> str:
    return str(value).lower() if type(value) is bool else str(value)


def _values(switch: Switch) -> str:
    if switch.among:
        return " ".join(f"**{_shown(each)}**" if each == switch.default else _shown(each) for each in switch.among)
    return f"**{_shown(switch.default)}**"


def switch_table() -> str:
    """Return every switch as the rows of a Markdown table; defaults are in bold."""
    rows = ["| switch | values | what it does | where the default comes from |", "|---|---|---|---|"]
    rows += [f"| `{each.name}` | {_values(each)} | {each.summary} | {each.source} |" for each in SWITCHES]
    return "\n".join(rows)


def switch_help() -> str:
    """Return every switch as lines of text for a shell."""
    lines = []
    for each in SWITCHES:
        values = f" ({', '.join(map(_shown, each.among))})" if each.among else ""
        lines.append(f"{each.name}={_shown(each.default)}{values}: {each.summary}. Source: {each.source}.")
    return "\n".join(lines).replace("`", "")
