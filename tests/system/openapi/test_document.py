"""The OpenAPI document: a valid one, which says what the sandbox does and where that is known from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

import briqpay_async.sandbox
from briqpay_async.cli import main
from briqpay_async.sandbox import Sandbox, Switches
from briqpay_async.sandbox.command import main as sandbox_main
from briqpay_async.sandbox.openapi.document import openapi_document
from briqpay_async.sandbox.routes import ENDPOINTS, resolve
from briqpay_async.sandbox.rules import carts, create_body, other_bodies, patch_body
from briqpay_async.sandbox.rules.checks import SCHEMAS

DOCUMENT = openapi_document(Switches())
METHODS = ("get", "post", "patch", "delete")


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def test_it_is_valid_openapi_3_1() -> None:
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


def test_every_endpoint_of_the_sandbox_is_in_it_and_no_other() -> None:
    described = {operation["operationId"] for _, _, operation in operations()}
    assert described == ENDPOINTS - {"unknown"}
    for method, path, operation in operations():
        assert (
            resolve(method, path.replace("{sessionId}", "x").replace("{tokenId}", "x"))[0]
            == operation["operationId"]
        )


def test_every_path_answer_error_object_and_limit_has_its_source() -> None:
    def without(schema: Any, where: str) -> Iterator[str]:
        if not isinstance(schema, dict) or "$ref" in schema:
            return
        if "properties" in schema and "x-source" not in schema:
            yield where
        for name, inner in schema.get("properties", {}).items():
            if where.startswith(REQUESTS) and "x-source" not in inner:
                yield f"{where}/{name}"
            yield from without(inner, f"{where}/{name}")
        for index, inner in enumerate(schema.get("oneOf", ())):
            yield from without(inner, f"{where}/{index}")
        yield from without(schema.get("items"), f"{where}/items")

    for _, path, operation in operations():
        assert operation["x-source"], path
        for status, answer in operation["responses"].items():
            assert answer["x-source"], (path, status)
    schemas = DOCUMENT["components"]["schemas"]
    assert [place for name, schema in schemas.items() for place in without(schema, name)] == []


def test_every_code_that_the_sandbox_refuses_with_is_in_it() -> None:
    # But for those of the control endpoints and of paths that are none: they are no part of the API.
    ours = {"INVALID_FAULT", "INVALID_SWITCH", "NOT_FOUND", "CROSS_SITE", "FORBIDDEN_HOST"}
    refused: set[str] = set()
    for path in Path(briqpay_async.sandbox.__file__).parent.rglob("*.py"):
        refused |= set(re.findall(r'Refusal\(\s*\d+,\s*"([A-Z_]+)"', path.read_text("utf-8")))
    documents = (DOCUMENT, openapi_document(Switches(bad_credentials=401, missing_session="not_found")))
    described: set[str] = set()
    for document in documents:
        described |= set(re.findall(r"`([A-Z_]+)`: ", orjson.dumps(document["paths"]).decode()))
    assert refused - ours == described


REQUESTS = ("NewSession", "Update", "Decision", "CaptureRequest", "RefundRequest", "HostedPageRequest", "Billing")


def test_every_check_of_the_rules_is_in_the_words_of_json_schema() -> None:
    shapes = (carts.SHAPES, create_body.SHAPES, other_bodies.SHAPES, patch_body.SHAPES)
    parts = {
        "product",
        "locale",
        "urls",
        "references",
        "hooks",
        "config",
        "data",
        "modules",
    }  # have shapes of their own
    missing = {
        name
        for table in shapes
        for shape in table.values()
        for name, check in shape.members.items()
        if check not in SCHEMAS and name not in parts
    }
    assert missing == set()


@pytest.mark.parametrize(
    ("switches", "status"),
    [(Switches(bad_credentials=401), "401"), (Switches(missing_session="not_found"), "404")],
)
def test_switches_change_what_it_says(switches: Switches, status: str) -> None:
    def answers(document: Any) -> Any:
        return document["paths"]["/v3/session/{sessionId}"]["get"]["responses"]

    assert status in answers(openapi_document(switches))
    assert status not in answers(DOCUMENT)


def test_a_running_sandbox_and_both_programs_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    from urllib.request import urlopen

    with Sandbox().in_thread() as sandbox, urlopen(f"{sandbox.url}/_sandbox/openapi.json") as answer:  # noqa: S310
        assert orjson.loads(answer.read()) == DOCUMENT
    for program in (lambda: main(["sandbox", "--openapi"]), lambda: sandbox_main(["--openapi"])):
        assert program() == 0
        out, err = capsys.readouterr()
        assert (orjson.loads(out), err) == (DOCUMENT, "")
