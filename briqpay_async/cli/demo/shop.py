"""Shops of the demo: markets, customers and seeded carts, as the plain JSON that creates a session.

Nothing here knows the client: this is what a shop's own database would say.
"""

from __future__ import annotations

from random import Random
from typing import Final

import attrs

from briqpay_async.cli.demo.cart_math import Json, order_of, sales_tax_of, with_line_totals

__all__ = ["MARKETS", "US", "Market", "address", "discount_line", "new_line", "new_session"]


@attrs.frozen(kw_only=True)
class Market:
    """A country that the shop sells to.

    Attributes:
        country: ISO 3166-1 alpha-2.
        locale: Language and country.
        currency: ISO 4217.
        rates: VAT rates in hundredths of a per cent, the standard rate first.
        places: Postal code and city.
        streets: Names of streets.
        people: Given and family name.
        companies: Name and identification number.
        dialling_code: For telephone numbers.
    """

    country: str
    locale: str
    currency: str
    rates: tuple[int, ...]
    places: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]
    people: tuple[tuple[str, str], ...]
    companies: tuple[tuple[str, str], ...]
    dialling_code: str


MARKETS: Final = (
    Market(
        country="SE",
        locale="sv-se",
        currency="SEK",
        rates=(2500, 1200, 600),
        places=(("223 50", "Lund"), ("903 26", "Umeå"), ("114 55", "Stockholm")),
        streets=("Storgatan", "Södra Förstadsgatan", "Kyrkvägen"),
        people=(("Åsa", "Öberg"), ("Nils", "Holgersson")),
        companies=(("Skånska Snickeriet AB", "556036-0793"), ("Norrlyktan Handel AB", "556012-5790")),
        dialling_code="+46",
    ),
    Market(
        country="DE",
        locale="de-de",
        currency="EUR",
        rates=(1900, 700),
        places=(("50667", "Köln"), ("80331", "München"), ("01067", "Dresden")),
        streets=("Mühlenstraße", "Am Großen Garten", "Lindenallee"),
        people=(("Jörg", "Weiß"), ("Käthe", "Müller")),
        companies=(("Grünwald & Söhne GmbH", "HRB 12345"), ("Hafenkontor KG", "HRB 67890")),
        dialling_code="+49",
    ),
    Market(
        country="NL",
        locale="nl-nl",
        currency="EUR",
        rates=(2100, 900),
        places=(("3511 LX", "Utrecht"), ("1012 JS", "Amsterdam")),
        streets=("Oudegracht", "Lange Viestraat"),
        people=(("Daan", "de Vries"), ("Sanne", "van den Berg")),
        companies=(("Fietsenmakerij 't Spoor B.V.", "27312456"), ("Polderwinkel B.V.", "34129876")),
        dialling_code="+31",
    ),
    Market(
        country="FI",
        locale="fi-fi",
        currency="EUR",
        rates=(2550, 1400, 1000),
        places=(("00100", "Helsinki"), ("33100", "Tampere")),
        streets=("Mannerheimintie", "Hämeenkatu"),
        people=(("Aino", "Mäkelä"), ("Väinö", "Järvinen")),
        companies=(("Järvenpään Työkalu Oy", "1234567-1"), ("Saaristo Oy", "7654321-2")),
        dialling_code="+358",
    ),
    Market(
        country="FR",
        locale="fr-fr",
        currency="EUR",
        rates=(2000, 1000, 550),
        places=(("69001", "Lyon"), ("35000", "Rennes")),
        streets=("rue de l'Église", "quai Saint-Antoine"),
        people=(("Zoé", "Lefèvre"), ("François", "Garçon")),
        companies=(("Atelier Bâton SARL", "732 829 320"), ("Maison Forêt SAS", "404 833 048")),
        dialling_code="+33",
    ),
    Market(
        country="BE",
        locale="nl-be",
        currency="EUR",
        rates=(2100, 1200, 600),
        places=(("9000", "Gent"), ("2000", "Antwerpen")),
        streets=("Veldstraat", "Meir"),
        people=(("Lotte", "Peeters"), ("Noël", "Claes")),
        companies=(("Scheldekaai NV", "0403.019.261"), ("Vlasmarkt BV", "0417.497.106")),
        dialling_code="+32",
    ),
)
US: Final = Market(
    country="US",
    locale="en-us",
    currency="USD",
    rates=(0,),
    places=(("94607", "Oakland"), ("92101", "San Diego")),
    streets=("Telegraph Avenue", "Harbor Drive"),
    people=(("June", "Carter"), ("Otis", "Boykin")),
    companies=(("Pier 9 Supply Inc.", "94-3012345"), ("Redwood Tools LLC", "94-7654321")),
    dialling_code="+1",
)

_KINDS: Final = ("Oak", "Linen", "Copper", "Recycled", "Nordic", "Åre", "Crème", "Folding", "Hand-made")
_GOODS: Final = ("chair", "lamp", "blanket", "kettle", "bicycle bell", "notebook", "apron", "Käsereibe", "shelf")
_UNITS: Final = ("pc", "pc", "pc", "m", "kg")


def new_line(random: Random, market: Market, number: int) -> Json:
    """One line of a cart.

    A third carries the totals that Briqpay's own plugins send, a picture and members that no documentation names
    (seen in Briqpay's plugins); others have a discount in per cent; the rest are plain.
    """
    line: Json = {
        "productType": "digital" if random.random() < 0.1 else "physical",
        "reference": f"{market.country}-{number:03}-{random.randrange(10_000, 99_999)}",
        "name": f"{random.choice(_KINDS)} {random.choice(_GOODS)} no. {number}",
        "quantity": random.randint(1, 8),
        "quantityUnit": random.choice(_UNITS),
        "unitPrice": random.randint(95, 250_000),
        "taxRate": random.choice(market.rates),
    }
    style = random.random()
    if style < 0.35:
        picture = f"https://shop.example.com/img/{line['reference']}.jpg?w=400"
        unknown = {"warehouse": {"shelf": f"B{number}", "reserved": True}, "tags": ["new", None, 1, 1.5]}
        return {**with_line_totals(line), "imageUrl": picture, **(unknown if style < 0.2 else {})}
    return {**line, "discountPercentage": random.choice((0, 500, 1250))} if style < 0.6 else line


def discount_line(random: Random, market: Market, name: str) -> Json:
    """A voucher: a line with a negative price (Briqpay docs, Update session)."""
    return {
        "productType": "discount",
        "reference": f"VOUCHER-{random.randrange(1_000, 9_999)}",
        "name": name,
        "quantity": 1,
        "quantityUnit": "pc",
        "unitPrice": -random.randint(50, 900),
        "taxRate": market.rates[0],
    }


def _cart(random: Random, market: Market, lines: int) -> list[Json]:
    """A cart of so many lines, the last ones a shipping fee, sometimes a voucher, and sales tax in the US."""
    fee: Json = {
        "productType": "shipping_fee",
        "reference": "SHIPPING",
        "name": "Home delivery",
        "quantity": 1,
        "quantityUnit": "pc",
        "unitPrice": random.choice((3_920, 4_900, 7_900)),
        "taxRate": market.rates[0],
    }
    extra = [fee]
    if random.random() < 0.5:
        extra.append(discount_line(random, market, "Welcome back"))
    taxed = market is US
    cart = [new_line(random, market, number) for number in range(1, lines - len(extra) - taxed + 1)] + extra
    if taxed:
        cart.append(
            {
                "productType": "sales_tax",
                "reference": "SALES-TAX",
                "name": "Sales tax",
                "totalTaxAmount": sales_tax_of(cart),
            }
        )
    return cart


def address(random: Random, market: Market, *, second_line: bool = False, leaving: str | None = None) -> Json:
    """A postal address, in another city than the one that is left."""
    code, city = random.choice([place for place in market.places if place[1] != leaving])
    made = {
        "streetAddress": f"{random.choice(market.streets)} {random.randint(1, 180)}",
        "zip": code,
        "city": city,
    }
    if second_line:
        made["streetAddress2"] = f"c/o {random.choice(market.people)[1]}"
    return made


def _contact(random: Random, market: Market) -> Json:
    given, family = random.choice(market.people)
    return {
        "firstName": given,
        "lastName": family,
        "email": f"customer{random.randrange(10**6)}@example.com",
        "phoneNumber": f"{market.dialling_code}{random.randrange(10**8, 10**9)}",
        "country": market.country,
    }


def new_session(random: Random, market: Market, customer_type: str, lines: int) -> Json:
    """The body that creates a session with a cart of so many lines (at least 4)."""
    billing = {**address(random, market), **_contact(random, market)}
    shipping = {**address(random, market, second_line=True), **_contact(random, market)}
    if market is US:
        billing["region"] = shipping["region"] = "CA"
    data: Json = {
        "order": order_of(market.currency, _cart(random, market, lines)),
        "billing": billing,
        "shipping": shipping,
    }
    if customer_type == "business":
        name, number = random.choice(market.companies)
        data["company"] = {"cin": number, "name": name}
    else:
        data["consumer"] = {
            "dateOfBirth": f"{random.randint(1940, 2005)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
            "name": f"{billing['firstName']} {billing['lastName']}",
        }
    return {
        "product": {"type": "payment", "intent": "payment_one_time"},
        "customerType": customer_type,
        "country": market.country,
        "locale": market.locale,
        "urls": {
            "terms": "https://shop.example.com/terms",
            "redirect": "https://shop.example.com/thanks?session={briqpay_session}",
        },
        "references": {"reference1": f"ORDER-{random.randrange(10**6):06}"},
        "data": data,
    }
