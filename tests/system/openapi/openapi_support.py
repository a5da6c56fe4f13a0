"""The document, and requests that it generates, sent to a sandbox."""

from __future__ import annotations

import random
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from sandbox.sandbox_samples import SESSION
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

# An answer that breaks one of these contradicts the document.
CHECKS = (
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


class Targets:
    """Identifiers of sessions in different states, and of a token, so that requests get further than the door."""

    def __init__(self, url: str, http: requests.Session) -> None:
        self._random = random.Random(7)  # noqa: S311 (repeatable)
        product = {"type": "payment", "intent": "payment_tokenize_and_charge"}
        created = [http.post(f"{url}/v3/session", json={**SESSION, "product": product}).json() for _ in range(3)]
        ids = [session["sessionId"] for session in created]
        http.post(f"{url}/_sandbox/sessions/{ids[1]}/complete")
        paid = http.post(
            f"{url}/_sandbox/sessions/{ids[2]}/complete", json={"orderStatus": "captured_full"}
        ).json()
        self.sessions = [*ids, "00000000-0000-4000-8000-000000000000", "nonsense"]
        self.tokens = [paid["data"]["tokenization"]["tokenId"], "gone"]

    def aim(self, case: Any) -> None:
        """Give a generated request an identifier that means something."""
        for name, pool in (("sessionId", self.sessions), ("tokenId", self.tokens)):
            if name in (case.path_parameters or {}):
                case.path_parameters[name] = self._random.choice(pool)
        if isinstance(case.body, dict) and "sessionId" in case.body:
            case.body["sessionId"] = self._random.choice(self.sessions)


def fuzz(url: str, username: str, secret: str, *, examples: int, start: int = 1) -> int:
    """Send generated requests to every operation, right ones and wrong ones, and check each answer.

    Args:
        url: Where the sandbox is.
        username: The merchant.
        secret: The merchant's secret.
        examples: How many requests an operation gets in each mode.
        start: The seed.

    Returns:
        How many requests were made.
    """
    with requests.Session() as http:
        document = http.get(f"{url}/_sandbox/openapi.json").json()
    schema = schemathesis.openapi.from_dict({**document, "servers": [{"url": url}]})
    made = 0
    with requests.Session() as http:
        http.auth = (username, secret)
        targets = Targets(url, http)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for operation in (result.ok() for result in schema.get_all_operations()):
                if mode is GenerationMode.NEGATIVE and not operation.body:
                    continue  # nothing in it that could be wrong

                @seed(start)
                @settings(
                    max_examples=examples,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def send(case: Any) -> None:
                    nonlocal made
                    targets.aim(case)
                    made += 1
                    answer = case.call(base_url=url, session=http)
                    case.validate_response(answer, checks=list(CHECKS))

                send()
    return made
