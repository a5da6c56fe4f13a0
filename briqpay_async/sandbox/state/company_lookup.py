"""What the lookup of a company makes of its number: one that cannot be validated costs the whole block.

Briqpay drops `data.company` without a word then, and the payment is not reached (seen in Briqpay's
PrestaShop plugin 2.0.1). How it validates is not published; these rules know how long numbers are.
"""

from typing import Any, Final

Json = dict[str, Any]

_DIGITS: Final = {"SE": (10, 12), "NO": (9,), "DK": (8,), "FI": (7, 8)}
_PLACEHOLDER_DIGITS: Final = 10


def is_dropped(company: Any, country: str | None, mode: str) -> bool:
    """Return whether a company disappears because of its number.

    Args:
        company: `data.company`; one without a number is left alone.
        country: The country of the session.
        mode: The switch `drop_company`.
    """
    cin = company.get("cin") if type(company) is dict else None
    if mode == "never" or type(cin) is not str or not cin:
        return False
    digits = "".join(each for each in cin if each.isdecimal())
    if mode == "placeholder":
        return len(cin) == len(digits) == _PLACEHOLDER_DIGITS and len(set(digits)) == 1
    lengths = _DIGITS.get(country or "")
    known = len(digits) in lengths if lengths else bool(digits)
    return not known or len(set(digits)) == 1


def after_lookup(session: Json, mode: str) -> Json:
    """Return a session after the lookup of its company: without it, and marked, if it is dropped."""
    company = session["data"].get("company")
    if company is None:
        return session
    if is_dropped(company, session.get("country"), mode):
        data = {name: section for name, section in session["data"].items() if name != "company"}
        return {**session, "data": data, "companyDropped": True}
    if "companyDropped" in session:
        return {name: member for name, member in session.items() if name != "companyDropped"}
    return session
