"""``briqpay session`` against a sandbox on a real socket."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from briqpay_async.sandbox import Sandbox

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

Save = Callable[..., Path]
Json = dict[str, Any]


def patches(sandbox: Sandbox) -> list[Any]:
    return [orjson.loads(record.body or b"") for record in sandbox.journal.of(endpoint="patch")]


# --- create and read ------------------------------------------------------------------------------------------


async def test_create_prints_the_session_that_the_api_made(
    run: Any, sandbox: Sandbox, save: Save, new_session: Json
) -> None:
    result = await run("session", "create", save(new_session))

    assert result.status == 0
    assert result.err == ""
    session = result.document
    assert session["data"] == new_session["data"]
    assert sandbox.sessions[session["sessionId"]]["data"] == new_session["data"]


async def test_create_reads_stdin(run: Any, sandbox: Sandbox, new_session: Json) -> None:
    result = await run("session", "create", "-", stdin=orjson.dumps(new_session))

    assert result.document["sessionId"] in sandbox.sessions


async def test_piped_json_is_utf8_without_colours(run: Any, session_id: str) -> None:
    result = await run("session", "read", session_id)

    assert "Stol i björk" in result.out
    assert "\x1b" not in result.out
    assert result.out.endswith("}\n")


async def test_json_is_coloured_on_a_terminal(run: Any, session_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    assert "\x1b[" in (await run("session", "read", session_id)).out


@pytest.mark.parametrize(
    "argv",
    [["--fields", "status,country"], ["--fields", "status", "--fields", "country"]],
    ids=["commas", "twice"],
)
async def test_read_returns_the_fields_asked_for(run: Any, session_id: str, argv: list[str]) -> None:
    result = await run("session", "read", session_id, *argv)

    assert result.document == {"status": "started", "country": "SE"}


async def test_read_without_fields_only_says_that_the_session_exists(run: Any, session_id: str) -> None:
    result = await run("session", "read", session_id, "--fields", "none")

    assert (result.status, result.out) == (0, "")
    assert result.line == f"session {session_id} exists"


# --- update ---------------------------------------------------------------------------------------------------


async def test_update_with_before_sends_only_what_changed(
    run: Any, sandbox: Sandbox, session_id: str, save: Save, new_session: Json
) -> None:
    after = copy.deepcopy(new_session)
    after["data"]["billing"]["city"] = "Ystad"

    result = await run(
        *("session", "update", session_id),
        *("--before", save(new_session, "before.json")),
        *("--after", save(after, "after.json")),
    )

    assert result.status == 0
    assert patches(sandbox) == [{"data": {"billing": {"city": "Ystad"}}}]
    assert sandbox.sessions[session_id]["data"] == after["data"]
    assert result.document["data"] == after["data"]


async def test_update_says_what_is_sent_and_why_each_member_travels(
    run: Any, session_id: str, save: Save, new_session: Json
) -> None:
    order = copy.deepcopy(new_session["data"]["order"])
    order["cart"][0]["quantity"] = 3
    order |= {"amountIncVat": 43750, "amountExVat": 35000}

    result = await run("session", "update", session_id, "--read-first", "--after", save({"order": order}))

    assert "/data/order/cart/0/quantity  2 -> 3  [changed]" in result.err
    assert "/data/order/cart/1  [carried: order travels whole]" in result.err
    assert f"PATCH /v3/session/{session_id}" in result.err
    assert '"quantity":3' in result.err


async def test_explanations_do_not_show_personal_data(
    run: Any, session_id: str, save: Save, new_session: Json
) -> None:
    after = {"billing": {"email": "somebody@example.com"}}

    result = await run("session", "update", session_id, "--read-first", "--dry-run", "--after", save(after))

    assert "/data/billing/email  <hidden> -> <hidden>" in result.err
    assert "example.com" not in result.err


async def test_update_takes_depth_section_for_a_server_that_replaces(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    result = await run(
        *("session", "update", session_id, "--read-first", "--depth", "section"),
        *("--after", save({"shipping": {"city": "Ystad"}})),
    )

    assert result.status == 0
    assert patches(sandbox) == [{"data": {"shipping": {"zip": "223 50", "city": "Ystad"}}}]


@pytest.mark.parametrize("how", ["--before", "--read-first"])
async def test_update_without_a_change_sends_nothing_and_prints_the_session_that_it_has(
    run: Any, sandbox: Sandbox, session_id: str, save: Save, how: str
) -> None:
    whole = (await run("session", "read", session_id)).document
    file = save(whole)

    result = await run(
        "session", "update", session_id, "--after", file, how, *((file,) if how == "--before" else ())
    )

    assert (result.status, result.document) == (0, whole)
    assert result.line == "nothing changed: no request is made"
    assert patches(sandbox) == []


@pytest.mark.parametrize(
    ("fields", "printed"), [("status,country", '{\n  "status": "started",\n  "country": "SE"\n}\n'), ("none", "")]
)
async def test_update_without_a_change_prints_the_fields_asked_for(
    run: Any, session_id: str, save: Save, fields: str, printed: str
) -> None:
    command = ["session", "update", session_id, "--read-first", "--fields", fields]

    result = await run(*command, "--after", save({"billing": {"city": "Malmö"}}))

    assert (result.status, result.out) == (0, printed)


@pytest.mark.parametrize(
    "misspelt",
    [
        ({"biling": {"city": "Lund"}}, "/biling", "billing"),
        ({"billing": {"city": "Lund"}, "shiping": {"city": "Lund"}}, "/shiping", "shipping"),
        ({"data": {"oder": {}}}, "/data/oder", "order"),
        ({"data": {}, "modles": {}}, "/modles", "modules"),
        ({"modules": {"confg": {}}}, "/modules/confg", "config"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--read-first",)])
async def test_a_misspelt_section_is_a_failure_that_says_what_was_meant(
    run: Any, session_id: str, save: Save, how: Any, misspelt: tuple[Json, str, str]
) -> None:
    document, where, meant = misspelt
    file = save(document, "after.json")

    result = await run("session", "update", session_id, *how, "--after", file)

    assert (result.status, result.out) == (1, "")
    assert result.line == f'briqpay: {file}: {where} is unknown. Did you mean "{meant}"?'


async def test_a_member_that_the_api_may_have_by_now_is_no_misspelling(
    run: Any, session_id: str, save: Save
) -> None:
    after = {"data": {"billing": {"city": "Lund"}, "customForm2": {}}}

    result = await run("session", "update", session_id, "--after", save(after))

    assert result.status == 0
    assert "not sent, because no PATCH can carry it: /data/customForm2" in result.err


async def test_an_update_of_which_nothing_can_be_sent_is_a_failure(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    result = await run("session", "update", session_id, "--after", save({"data": {"adress": {"city": "Lund"}}}))

    assert (result.status, result.out) == (1, "")
    assert "has nothing that a PATCH can carry" in result.err
    assert patches(sandbox) == []


async def test_a_saved_answer_can_be_edited_and_sent_again_and_again(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    saved = (await run("session", "read", session_id)).document
    for city in ("Ystad", "Visby"):  # the first update moves status and moduleStatus on
        saved["data"]["billing"]["city"] = city
        result = await run("session", "update", session_id, "--read-first", "--after", save(saved))
        assert result.status == 0

    assert sandbox.sessions[session_id]["data"]["billing"]["city"] == "Visby"


async def test_without_a_before_everything_in_after_is_sent(
    run: Any, sandbox: Sandbox, session_id: str, save: Save, new_session: Json
) -> None:
    new_session["modules"] = {"loadModules": ["payment"], "config": {"upsell": {"header": "More?"}}}

    result = await run("session", "update", session_id, "--after", save(new_session))

    assert result.status == 0
    assert patches(sandbox) == [
        {"data": new_session["data"], "modules": {"config": {"upsell": {"header": "More?"}}}}
    ]
    assert "not sent, because no PATCH can carry it: /product, " in result.err
    assert "/modules/loadModules" in result.err


async def test_a_dry_run_prints_the_body_and_sends_nothing(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    result = await run(
        "session",
        "update",
        session_id,
        "--read-first",
        "--dry-run",
        "--after",
        save({"billing": {"city": "Ystad"}}),
    )

    assert result.document == {"data": {"billing": {"city": "Ystad"}}}
    assert "dry run: 37 bytes are not sent" in result.err
    assert patches(sandbox) == []


async def test_a_dry_run_of_no_change_prints_an_empty_body(
    run: Any, session_id: str, save: Save, new_session: Json
) -> None:
    file = save(new_session)

    result = await run("session", "update", session_id, "--before", file, "--after", file, "--dry-run")

    assert result.document == {}


async def test_a_dry_run_between_files_needs_no_credentials(
    run: Any, monkeypatch: pytest.MonkeyPatch, save: Save, new_session: Json
) -> None:
    monkeypatch.delenv("BRIQPAY_USERNAME", raising=False)
    before = save(new_session, "before.json")
    after = save({"billing": {"city": "Ystad"}}, "after.json")

    result = await run(
        *("session", "update", UNKNOWN_ID, "--dry-run", "--absent", "keep"),
        *("--before", before, "--after", after),
    )

    assert result.document == {"data": {"billing": {"city": "Ystad"}}}


async def test_update_with_fields_none_prints_no_document(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    result = await run(
        *("session", "update", session_id, "--read-first", "--fields", "none"),
        *("--after", save({"billing": {"city": "Ystad"}})),
    )

    assert (result.status, result.out) == (0, "")
    assert result.err.endswith("updated\n")
    assert sandbox.journal[-1].query == "fields=none"


async def test_update_reads_after_from_stdin(run: Any, sandbox: Sandbox, session_id: str) -> None:
    await run("session", "update", session_id, "--after", "-", stdin=b'{"billing": {"city": "Ystad"}}')

    assert patches(sandbox) == [{"data": {"billing": {"city": "Ystad"}}}]


async def test_retries_are_written_to_stderr(run: Any, sandbox: Sandbox, session_id: str, save: Save) -> None:
    sandbox.faults.add("status", status=503, retry_after=0, endpoint="patch", times=1)

    result = await run("session", "update", session_id, "--after", save({"billing": {"city": "Ystad"}}))

    assert result.status == 0
    assert "failed (ServerError 503), attempt 1; again in 0.000 s" in result.err


async def test_an_order_that_does_not_add_up_is_named_on_stderr(
    run: Any, session_id: str, save: Save, new_session: Json
) -> None:
    order = {**new_session["data"]["order"], "amountIncVat": 1}

    result = await run("session", "update", session_id, "--after", save({"order": order}))

    assert "the order does not add up" in result.err


async def test_the_logger_is_left_as_it_was(run: Any, session_id: str) -> None:
    logger = logging.getLogger("briqpay_async")
    before = (list(logger.handlers), logger.level)

    await run("session", "read", session_id)

    assert (list(logger.handlers), logger.level) == before


async def test_with_before_a_missing_member_is_an_error_unless_it_is_to_be_kept(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    before = save((await run("session", "read", session_id)).document, "before.json")
    after = save({"billing": {"city": "Ystad"}}, "after.json")
    argv = ("session", "update", session_id, "--before", before, "--after", after)

    strict = await run(*argv)
    assert strict.status == 2
    assert "/data/order" in strict.line
    assert patches(sandbox) == []

    assert (await run(*argv, "--absent", "keep")).status == 0
    assert patches(sandbox) == [{"data": {"billing": {"city": "Ystad"}}}]


# --- diff -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "body"),
    [
        ("field", {"data": {"billing": {"city": "Ystad"}}}),
        ("section", {"data": {"billing": {"zip": "211 22", "city": "Ystad", "email": "buyer@example.com"}}}),
    ],
)
async def test_diff_prints_the_body_of_the_patch(
    run: Any, save: Save, new_session: Json, depth: str, body: Json
) -> None:
    after = copy.deepcopy(new_session)
    after["data"]["billing"]["city"] = "Ystad"

    result = await run("session", "diff", save(new_session, "a.json"), save(after, "b.json"), "--depth", depth)

    assert result.status == 0
    assert result.document == body
    assert "/data/billing/city" in result.err


async def test_diff_of_equal_states_is_an_empty_body(run: Any, save: Save, new_session: Json) -> None:
    file = save(new_session)

    result = await run("session", "diff", file, file)

    assert (result.status, result.document) == (0, {})
    assert "nothing changed" in result.err


async def test_diff_takes_a_partial_after_with_absent_keep(run: Any, save: Save, new_session: Json) -> None:
    before, after = save(new_session, "a.json"), save({"billing": {"city": "Ystad"}}, "b.json")

    strict = await run("session", "diff", before, after)
    partial = await run("session", "diff", before, after, "--absent", "keep")

    assert strict.status == 2
    assert "/data/order" in strict.line
    assert "--absent keep" in strict.line
    assert partial.document == {"data": {"billing": {"city": "Ystad"}}}


# --- what goes wrong ------------------------------------------------------------------------------------------


async def test_a_session_that_does_not_exist_is_a_failure_of_the_api(run: Any, sandbox: Sandbox) -> None:
    result = await run("session", "read", UNKNOWN_ID)

    assert (result.status, result.out) == (1, "")
    assert result.line.startswith("briqpay: 400 INVALID_DATA: Invalid sessionId - session does not exist.")


async def test_wrong_credentials_name_the_settings_to_check(
    run: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIQPAY_USERNAME", "somebody-else")

    result = await run("session", "read", UNKNOWN_ID)

    assert result.status == 1
    assert "check BRIQPAY_USERNAME, BRIQPAY_SECRET" in result.line


async def test_a_server_that_is_not_there_is_a_failure_to_connect(
    run: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sandbox.stop()

    result = await run("session", "read", UNKNOWN_ID)

    assert result.status == 1
    assert "check BRIQPAY_BASE_URL" in result.err.splitlines()[-1]


async def test_a_completed_session_cannot_be_updated(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    sandbox.complete(session_id)

    result = await run("session", "update", session_id, "--after", save({"billing": {"city": "Ystad"}}))

    assert (result.status, result.out) == (1, "")
    assert "SESSION_ALREADY_COMPLETED" in result.err.splitlines()[-1]


async def test_an_update_that_loses_members_advises_depth_section(
    run: Any, monkeypatch: pytest.MonkeyPatch, save: Save, new_session: Json
) -> None:
    async with Sandbox(merge="section") as replacing:
        monkeypatch.setenv("BRIQPAY_USERNAME", replacing.username)
        monkeypatch.setenv("BRIQPAY_SECRET", replacing.secret)
        monkeypatch.setenv("BRIQPAY_BASE_URL", replacing.url)
        created = await run("session", "create", save(new_session))
        result = await run(
            *("session", "update", created.document["sessionId"], "--read-first"),
            *("--after", save({"billing": {"city": "Ystad"}})),
        )

    assert result.status == 1
    assert "--depth section" in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("environment", "advice"),
    [
        ({"BRIQPAY_USERNAME": ""}, "Set BRIQPAY_USERNAME in the environment."),
        ({"BRIQPAY_ENVIRONMENT": "moon"}, "BRIQPAY_ENVIRONMENT must be playground or production."),
        ({"BRIQPAY_BASE_URL": "http://shop.example"}, "Use https:// for shop.example"),
    ],
)
async def test_settings_that_cannot_work_are_wrong_input(
    run: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], advice: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    result = await run("session", "read", UNKNOWN_ID)

    assert result.status == 2
    assert advice in result.line


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["read", "not-a-uuid"], "/sessionId must be a UUID"),
        (["read", UNKNOWN_ID, "--fields", "none,data"], "/fields must be names of top-level members"),
        (["update", "not-a-uuid", "--after", "{file}"], "/sessionId must be a UUID"),
        (["update", UNKNOWN_ID], "--after requires an argument"),
        (["update", UNKNOWN_ID, "--after", "nowhere.json"], "cannot read nowhere.json: No such file or directory"),
        (["update", UNKNOWN_ID, "--after", "-", "--before", "-"], "only one of the files can be stdin"),
        (["update", UNKNOWN_ID, "--after", "{file}", "--before", "{file}", "--read-first"], "not both"),
        (["update", UNKNOWN_ID, "--after", "{file}", "--absent", "keep"], "add --before or --read-first"),
        (["update", UNKNOWN_ID, "--after", "{file}", "--depth", "deep"], 'Choose from: "field", "section"'),
        (["create", "{file}"], "/product is required"),
        (["create", "--nope"], "cannot read --nope: No such file or directory"),
        (["diff", "-", "-"], "only one of the files can be stdin"),
        (["diff", "{file}"], "requires an argument"),
        (["diff", "{file}", "{file}", "{file}"], "Unused Tokens"),
    ],
)
async def test_wrong_usage_and_values_are_one_line_and_no_request(
    run: Any, sandbox: Sandbox, save: Save, argv: list[str], message: str
) -> None:
    file = str(save({"billing": {"city": "Ystad"}}))

    result = await run("session", *(argument.replace("{file}", file) for argument in argv))

    assert (result.status, result.out) == (2, "")
    assert result.line.startswith("briqpay: ")
    assert message in result.line
    assert len(sandbox.journal) == 0


async def test_every_value_that_the_api_would_refuse_is_named(
    run: Any, sandbox: Sandbox, session_id: str, save: Save
) -> None:
    after = {"billing": {"city": "x" * 101, "zip": "y" * 101}}

    result = await run("session", "update", session_id, "--after", save(after))

    assert result.status == 2
    assert "/data/billing/city" in result.line
    assert "/data/billing/zip" in result.line
    assert patches(sandbox) == []


@pytest.mark.parametrize("option", ["--after", "--before"])
async def test_a_file_of_another_session_is_refused(
    run: Any, sandbox: Sandbox, session_id: str, save: Save, option: str
) -> None:
    files = {"--after": {"billing": {}}, "--before": {"billing": {}}, option: {"sessionId": UNKNOWN_ID}}
    saved = {name: save(content, f"{name}.json") for name, content in files.items()}

    result = await run(
        "session", "update", session_id, *(part for name, path in saved.items() for part in (name, path))
    )

    assert result.status == 2
    assert result.line == f"briqpay: the file is of session {UNKNOWN_ID}, not of {session_id}"
    assert patches(sandbox) == []


async def test_diff_refuses_files_of_two_sessions(run: Any, session_id: str, save: Save) -> None:
    one, other = save({"sessionId": session_id}, "a.json"), save({"sessionId": UNKNOWN_ID}, "b.json")

    result = await run("session", "diff", one, other)

    assert result.status == 2
    assert result.line == f"briqpay: the file is of session {UNKNOWN_ID}, not of {session_id}"


async def test_what_a_file_says_cannot_steer_the_terminal(run: Any, session_id: str, save: Save) -> None:
    result = await run("session", "update", session_id, "--after", save({"billing": {"\x1b[31mred": "x"}}))

    assert "\\x1b[31mred" in result.err
    assert "\x1b" not in result.err


async def test_what_a_server_says_cannot_steer_the_terminal(run: Any, sandbox: Sandbox, session_id: str) -> None:
    sandbox.faults.add("status", status=400, code="X", message="bad\x1b[31m\r\nred\x07", endpoint="read")

    result = await run("session", "read", session_id)

    assert result.status == 1
    assert "400 X: bad\\x1b[31m red\\x07" in result.line


# --- decide and metadata --------------------------------------------------------------------------------------


async def test_a_purchase_can_be_allowed(run: Any, sandbox: Sandbox, session_id: str) -> None:
    result = await run("session", "decide", session_id, "allow")

    assert (result.status, result.out, result.line) == (0, "", "decided: allow")
    assert sandbox.sessions[session_id]["decision"] == {"decision": "allow"}


async def test_a_purchase_can_be_rejected_with_reasons(run: Any, sandbox: Sandbox, session_id: str) -> None:
    result = await run(
        *("session", "decide", session_id, "reject", "--rejection", "notify_user"),
        *("--message", "Sold out", "--hint", "Take the red one", "--hint", "Wait"),
    )

    assert (result.status, result.out, result.line) == (0, "", "decided: reject")
    assert sandbox.sessions[session_id]["decision"] == {
        "decision": "reject",
        "rejectionType": "notify_user",
        "hardError": {"message": "Sold out"},
        "softErrors": [{"message": "Take the red one"}, {"message": "Wait"}],
    }


async def test_references_and_addresses_can_be_set(run: Any, sandbox: Sandbox, session_id: str) -> None:
    result = await run(
        *("session", "metadata", session_id, "--reference", "reference1=A=1", "--reference", "cart=7"),
        *("--redirect", "https://shop.example/done", "--fields", "references,urls"),
    )

    assert result.document == {
        "references": {"reference1": "A=1", "cart": "7"},
        "urls": {"redirect": "https://shop.example/done"},
    }
    assert result.line == "updated"
    assert sandbox.sessions[session_id]["references"] == {"reference1": "A=1", "cart": "7"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["decide", UNKNOWN_ID, "reject"], "a rejection needs --rejection notify_user or"),
        (["decide", UNKNOWN_ID, "allow", "--message", "no"], "belong to a rejection"),
        (["decide", UNKNOWN_ID, "perhaps"], 'Choose from: "allow", "reject"'),
        (["decide", "x", "allow"], "/sessionId must be a UUID"),
        (["metadata", UNKNOWN_ID], "give --reference NAME=VALUE, --redirect or --terms"),
        (["metadata", UNKNOWN_ID, "--reference", "reference1"], "--reference takes NAME=VALUE, not 'reference1'"),
        (["metadata", UNKNOWN_ID, "--reference", "=1"], "--reference takes NAME=VALUE, not '=1'"),
        (["metadata", UNKNOWN_ID, "--reference", "a=1", "--reference", "a=2"], "names 'a' twice"),
        (["metadata", UNKNOWN_ID, "--terms", "https://shop.example/t"], "/urls/redirect is required"),
    ],
)
async def test_decisions_and_metadata_that_cannot_be_are_one_line_and_no_request(
    run: Any, sandbox: Sandbox, argv: list[str], message: str
) -> None:
    result = await run("session", *argv)

    assert (result.status, result.out) == (2, "")
    assert message in result.line
    assert len(sandbox.journal) == 0


async def test_credentials_over_http_to_another_machine_are_warned_of(
    run: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIQPAY_BASE_URL", "http://sandbox.invalid:1")
    monkeypatch.setenv("BRIQPAY_INSECURE_HTTP", "1")

    result = await run("session", "read", "not-a-uuid")

    assert result.status == 2
    assert "credentials and personal data travel to sandbox.invalid unencrypted" in result.err
