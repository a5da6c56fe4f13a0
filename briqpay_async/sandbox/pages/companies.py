"""Companies that do not exist, for a look-up that needs no registry."""

from typing import Any, Final

Json = dict[str, Any]

COMPANIES: Final[tuple[Json, ...]] = (
    {
        "name": "Norrsken Verkstad AB",
        "cin": "556000-1234",
        "billing": {"streetAddress": "Storgatan 1", "zip": "22350", "city": "Lund"},
    },
    {
        "name": "Fjordlys Handel AS",
        "cin": "987654321",
        "billing": {"streetAddress": "Havnegata 7", "zip": "5003", "city": "Bergen"},
    },
    {
        "name": "Järvi Työkalut Oy",
        "cin": "2345678-9",
        "billing": {"streetAddress": "Rantatie 12", "zip": "33100", "city": "Tampere"},
    },
    {
        "name": "Hafenlicht GmbH",
        "cin": "HRB 123456",
        "billing": {"streetAddress": "Speicherstraße 3", "zip": "20457", "city": "Hamburg"},
    },
    {
        "name": "Polder & Zonen BV",
        "cin": "12345678",
        "billing": {"streetAddress": "Dijkweg 44", "zip": "1015 CS", "city": "Amsterdam"},
    },
)


def find_companies(query: str) -> list[Json]:
    """Return the companies whose name or number contains a text."""
    needle = query.strip().lower()
    return [each for each in COMPANIES if needle in each["name"].lower() or needle in each["cin"].lower()]
