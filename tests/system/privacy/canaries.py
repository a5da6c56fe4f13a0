"""Values that must never be shown, a shop full of them, and a net that catches whatever a program may show."""

from __future__ import annotations

import base64
import contextlib
import logging
import traceback
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from support.shop import line, new_session

from briqpay_async import (
    Address,
    AttemptEvent,
    BriqpayError,
    CallHooks,
    Consumer,
    EditableData,
    FailureEvent,
    NewSession,
    Order,
    PatchNotAppliedError,
    ResponseEvent,
    RetryEvent,
    Session,
    Urls,
)

USERNAME = "shop"
SECRET = "s3cr3t-of-the-canary"
TOKEN = "tok-canary-51c0"
EMAIL = "canary.mail@bird.example"
PERSONAL_NUMBER = "198507099805"
PHONE = "+46709998877"
STREET = "Canary Lane"
FIRST_NAME = "Canarina"
LAST_NAME = "Featherstone"
REFERENCE = "customer-4711-canary"
GIFT = "Happy birthday, canary"
LINK = "https://shop.example/done?key=canary-link"
HEADER = "canary-of-a-header"

CANARIES = {
    "secret": SECRET,
    "basic credentials": base64.b64encode(f"{USERNAME}:{SECRET}".encode()).decode(),
    "token": TOKEN,
    "e-mail": EMAIL,
    "personal number": PERSONAL_NUMBER,
    "phone": PHONE,
    "street": STREET,
    "first name": FIRST_NAME,
    "last name": LAST_NAME,
    "reference": REFERENCE,
    "unknown member": GIFT,
    "link": LINK,
    "header": HEADER,
}
BODIES = set(CANARIES) - {"secret", "basic credentials", "token", "header"}

ADDRESS = Address(
    street_address=f"{STREET} 1",
    zip="22222",
    city="Lund",
    first_name=FIRST_NAME,
    last_name=LAST_NAME,
    email=EMAIL,
    phone_number=PHONE,
    extra={"gift": GIFT},
)
ORDER = Order.of("SEK", (line("a", quantity=3, extra={"gift": GIFT}), line("b")))
DATA = EditableData(
    order=ORDER,
    consumer=Consumer(identification_number=PERSONAL_NUMBER, name=f"{FIRST_NAME} {LAST_NAME}"),
    billing=ADDRESS,
    shipping=ADDRESS,
)
NEW = attrs.evolve(
    new_session(DATA),
    urls=Urls(terms="https://shop.example/terms", redirect=LINK),
    references={"reference1": REFERENCE},
)


def wanted(data: EditableData | None) -> EditableData:
    """Another state in which everything personal has changed, and is a canary still."""
    assert data is not None
    moved = attrs.evolve(
        ADDRESS,
        street_address=f"{STREET} 2",
        email=f"new.{EMAIL}",
        phone_number=f"{PHONE}0",
        extra={"gift": f"{GIFT}!"},
    )
    return attrs.evolve(
        data,
        order=Order.of("SEK", (line("a", quantity=4, extra={"gift": f"{GIFT}!"}), line("b"))),
        consumer=Consumer(identification_number=f"{PERSONAL_NUMBER}0", name=f"{LAST_NAME} {FIRST_NAME}"),
        billing=moved,
        shipping=moved,
    )


def after(session: Session) -> Session:
    """A session with that state."""
    data: Any = wanted(session.data)
    return attrs.evolve(session, data=data)


def refused() -> NewSession:
    """A session in which every canary breaks a rule of the API: too long, of the wrong form, or no number."""
    address = attrs.evolve(
        ADDRESS,
        street_address=STREET * 10,
        zip=PERSONAL_NUMBER * 10,
        first_name=FIRST_NAME * 20,
        last_name=LAST_NAME * 20,
        email=EMAIL * 5,
        phone_number=[PHONE],  # type: ignore[arg-type]
        country=FIRST_NAME,
        extra={"gift": {GIFT}},
    )
    bad = line(unit_price=EMAIL, quantity_unit=FIRST_NAME * 2, tax_rate=PERSONAL_NUMBER, extra={"gift": {GIFT}})
    return attrs.evolve(
        NEW,
        country=STREET,
        locale=FIRST_NAME,
        urls=Urls(terms=EMAIL, redirect=f"{LINK} {FIRST_NAME}"),
        references={"reference1": REFERENCE * 100},
        data=EditableData(
            order=Order(currency=LAST_NAME, amount_inc_vat=1, amount_ex_vat=1, cart=[bad]),
            consumer=Consumer(identification_number=(PERSONAL_NUMBER,), date_of_birth=PERSONAL_NUMBER),  # type: ignore[arg-type]
            billing=address,
        ),
    )


class Net(logging.Handler):
    """Keeps as text everything that was shown, and by whom."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.caught: list[tuple[str, str]] = []
        self.forbidden = dict(CANARIES)

    def add(self, where: str, *shown: object) -> None:
        self.caught += [(where, text if isinstance(text, str) else repr(text)) for text in shown]

    def emit(self, record: logging.LogRecord) -> None:
        self.add(f"a record of {record.name}", self.format(record), record.args, vars(record))

    def error(self, error: BaseException) -> None:
        """Everything that is printed, logged or collected of an error and of what is behind it."""
        self.add("a traceback", "".join(traceback.format_exception(error)))
        for one in _behind(error):
            data = dict(vars(one))
            if isinstance(one, BriqpayError):
                del data["body"]  # documented to hold what the server sent
            if isinstance(one, PatchNotAppliedError):
                del data["session"]
            self.add(type(one).__name__, str(one), one, one.args, getattr(one, "__notes__", ()), data)

    def forbid(self, name: str, canary: str) -> None:
        """One more text that must not be shown."""
        self.forbidden[name] = canary

    def leaks(self) -> set[tuple[str, str]]:
        """Who showed which canary."""
        return {
            (where, name)
            for where, text in self.caught
            for name, canary in self.forbidden.items()
            if canary in text
        }


def _behind(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    rest: list[BaseException | None] = [error]
    while rest:
        one = rest.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            rest += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


class Watcher(CallHooks):
    """Hooks that show all that they get."""

    def __init__(self, net: Net) -> None:
        self._net = net

    def _add(self, event: AttemptEvent | ResponseEvent | RetryEvent | FailureEvent) -> None:
        self._net.add(type(event).__name__, event, attrs.asdict(event))

    on_attempt = on_response = on_retry = on_failure = _add


@contextlib.contextmanager
def listening(net: Net) -> Iterator[None]:
    """Catch each record of each logger, and each warning."""
    root = logging.getLogger()
    loggers = [root, *(one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
    before = [(one, one.level, one.propagate) for one in loggers]
    root.addHandler(net)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for one in loggers:
            one.setLevel(logging.DEBUG)
            one.propagate = True
        try:
            yield
        finally:
            for one, level, propagate in before:
                one.setLevel(level)
                one.propagate = propagate
            root.removeHandler(net)
            net.add("a warning", *(str(warning.message) for warning in warned), *map(vars, warned))


def travelled(bodies: Iterable[bytes | None]) -> set[str]:
    """The canaries that were sent in a body."""
    text = b"\n".join(body or b"" for body in bodies).decode()
    return {name for name, canary in CANARIES.items() if canary in text}
