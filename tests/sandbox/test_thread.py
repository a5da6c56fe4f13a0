"""A sandbox beside code that has no event loop."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sandbox.sandbox_samples import SESSION, basic
from sandbox.webhooks.webhook_samples import Endpoint, subscribing

from briqpay_async.sandbox import Sandbox, ThreadedSandbox


def call(sandbox: ThreadedSandbox, method: str, path: str, body: Any = None) -> Any:
    """Send a request without an event loop and return the decoded answer."""
    request = urllib.request.Request(  # noqa: S310 (loopback)
        sandbox.url + path,
        method=method,
        data=None if body is None else orjson.dumps(body),
        headers={
            "Authorization": basic(sandbox.username, sandbox.secret),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (loopback)
        return orjson.loads(answer.read())


@pytest.fixture
def threaded() -> Iterator[ThreadedSandbox]:
    with Sandbox().in_thread() as sandbox:
        yield sandbox


def test_it_serves_code_without_a_loop(threaded: ThreadedSandbox) -> None:
    session_id = call(threaded, "POST", "/v3/session", SESSION)["sessionId"]
    assert threaded.sessions[session_id]["status"] == "started"
    assert threaded.complete(session_id)["status"] == "completed"
    assert [effect.kind for effect in threaded.effects_of(session_id)] == ["create", "complete"]
    assert [effect.kind for effect in threaded.effects] == ["create", "complete"]
    assert (len(threaded.journal), threaded.journal[0].status) == (1, 201)
    assert threaded.effects.counts == {"create": 1, "complete": 1}


def test_everything_public_of_a_sandbox_is_there(threaded: ThreadedSandbox) -> None:
    for name in dir(Sandbox):
        if not name.startswith("_") and name != "in_thread":
            assert hasattr(threaded, name), name
    with pytest.raises(AttributeError):
        threaded.in_thread()
    with pytest.raises(AttributeError, match="nonsense"):
        _ = threaded.nonsense


def test_faults_are_set_in_its_thread(threaded: ThreadedSandbox) -> None:
    fault = threaded.faults.add("html_502", endpoint="create", times=1)
    with pytest.raises(urllib.error.HTTPError, match="502"):
        call(threaded, "POST", "/v3/session", SESSION)
    assert (threaded.faults.hits(fault), len(threaded.faults), list(threaded.faults)) == (1, 1, [fault])
    threaded.reset()
    assert (len(threaded.faults), len(threaded.sessions), len(threaded.journal)) == (0, 0, 0)


def test_many_threads_may_use_it_at_once(threaded: ThreadedSandbox) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                session_id = call(threaded, "POST", "/v3/session", SESSION)["sessionId"]
                threaded.complete(session_id)
                assert sum(1 for effect in threaded.effects if effect.session_id == session_id) == 2
                assert session_id in dict(threaded.sessions)
        except Exception as error:  # noqa: BLE001 (reported below, in the thread of the test)
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (problems, threaded.effects.counts["complete"]) == ([], 50)


async def test_inside_a_loop_waiting_for_webhooks_lets_the_endpoint_answer(
    threaded: ThreadedSandbox, endpoint: Endpoint
) -> None:
    session_id = call(threaded, "POST", "/v3/session", subscribing(endpoint.url))["sessionId"]
    threaded.complete(session_id)
    deliveries = await threaded.delivered(5)
    assert {delivery.state for delivery in deliveries} == {"delivered"}
    assert threaded.deliveries.of(session_id) == deliveries


def test_without_a_loop_waiting_for_webhooks_blocks(threaded: ThreadedSandbox) -> None:
    assert threaded.delivered(1) == ()


def test_it_can_be_started_and_stopped_by_hand() -> None:
    sandbox = Sandbox().in_thread()
    sandbox.start()
    with pytest.raises(RuntimeError, match="running already"):
        sandbox.start()
    assert call(sandbox, "GET", "/_sandbox/health")["status"] == "ok"
    sandbox.stop()
    sandbox.stop()
    assert sandbox.username == "sandbox-merchant"
    with pytest.raises(RuntimeError, match="does not run"):
        sandbox.delivered()
    with pytest.raises(urllib.error.URLError):
        call(sandbox, "GET", "/_sandbox/health")


def test_a_port_that_is_taken_is_an_error_where_it_is_started(threaded: ThreadedSandbox) -> None:
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=threaded.port).in_thread().start()


def test_it_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with Sandbox().in_thread():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
