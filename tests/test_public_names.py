"""The public surface: what ``import briqpay_async`` gives, and what it leaves alone."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import types

import pytest

import briqpay_async

HEAVY = (
    "anyio",
    "redis",
    "rich",
    "sqlite3",
    "hypothesis",
    "cyclopts",
    "uvloop",
    "opentelemetry",
    "pytest",
    "tenacity",
)
ASIDE = ("blocking", "shared", "sandbox", "cli", "testing", "integrations", "bulk.engine", "bulk.throttle")
NEEDED = {"aiohttp", "attr", "attrs", "cattrs", "orjson", "typing_extensions"}

# Taking a name away breaks a program, and a new one stays for good: both happen here first.
NAMES = (
    "APIError",
    "Address",
    "AnyCartItem",
    "AttemptEvent",
    "AuthenticationError",
    "BriqpayClient",
    "BriqpayError",
    "BulkJournal",
    "BulkProgress",
    "CLEAR",
    "CallHooks",
    "CallTimeoutError",
    "CancelNotSupportedError",
    "Capture",
    "CaptureNotAllowedError",
    "CaptureState",
    "CaptureStatusHook",
    "CartItem",
    "CartItemNotFoundError",
    "ChangedElsewhereEvent",
    "ChargeSession",
    "Clear",
    "Company",
    "CompanyExtraData",
    "CompanyExtraDataOutput",
    "ConfigurationError",
    "ConflictError",
    "ConnectError",
    "Consumer",
    "CustomInput",
    "CustomInputComponent",
    "CustomInputType",
    "CustomerType",
    "Decision",
    "DecisionKind",
    "DecisionMessage",
    "EditConflictError",
    "EditableData",
    "Environment",
    "FailureEvent",
    "FieldAnswer",
    "Hook",
    "HookMethod",
    "HostedPage",
    "HostedPageConfig",
    "InvalidDataError",
    "JournalRow",
    "JournalSummary",
    "MergeDepth",
    "Model",
    "ModuleState",
    "ModuleStatus",
    "Modules",
    "ModulesConfig",
    "NewSession",
    "Order",
    "OrderStatus",
    "OrderStatusHook",
    "OtherHook",
    "OutcomeUnknownError",
    "PatchBuilder",
    "PatchNotAppliedError",
    "PaymentConfig",
    "PaymentDecisionConfig",
    "PaymentMethod",
    "PaymentModuleState",
    "Pool",
    "Product",
    "ProductIntent",
    "ProductKind",
    "ProductType",
    "RateLimit",
    "RateLimitedError",
    "Refund",
    "RefundState",
    "RefundStatusHook",
    "RejectionType",
    "ResponseDecodeError",
    "ResponseEvent",
    "RetryEvent",
    "RetryPolicy",
    "SalesTaxItem",
    "ServerError",
    "Session",
    "SessionCompletedError",
    "SessionConfig",
    "SessionData",
    "SessionInitializingError",
    "SessionNotFoundError",
    "SessionPatch",
    "SessionStatus",
    "SessionStatusHook",
    "SessionUpdate",
    "SessionWriter",
    "SettlementStatus",
    "SharedStateError",
    "StrongAuth",
    "StrongAuthOutput",
    "TermsAnswer",
    "TermsCheckbox",
    "TermsConfig",
    "Timeouts",
    "Token",
    "TokenState",
    "Tokenization",
    "TotalsDiscrepancy",
    "TotalsMismatchError",
    "Transaction",
    "TransactionStatus",
    "TransportError",
    "UiStatus",
    "UnpatchableChangeError",
    "UpdateOutcome",
    "UpdateStatus",
    "UpsellConfig",
    "Urls",
    "ValidationError",
    "VatValidation",
    "WebhookError",
    "WebhookMalformedError",
    "WebhookNotConfirmedError",
    "WebhookSignatureError",
    "WrongLoopError",
    "__version__",
    "structure",
    "unstructure",
)


def test_the_names_are_the_ones_promised() -> None:
    # Names that are yet to come may be added to the package; one that was promised stays.
    assert tuple(briqpay_async.__all__) == NAMES


def test_the_names_are_sorted_and_unique() -> None:
    assert briqpay_async.__all__ == sorted(set(briqpay_async.__all__))


def test_a_star_import_gives_the_names_and_no_more() -> None:
    given: dict[str, object] = {}
    exec("from briqpay_async import *", given)  # noqa: S102 - a star import is the subject
    assert set(given) - {"__builtins__"} == set(briqpay_async.__all__)
    assert [name for name in briqpay_async.__all__ if given[name] is None] == []


LATER = briqpay_async._LOADED_LATER  # names that are loaded when they are asked for


def test_a_name_that_is_loaded_when_asked_for_is_the_one_of_its_module() -> None:
    for name in LATER:
        found = getattr(briqpay_async, name)
        assert found is getattr(importlib.import_module(found.__module__), name)
    with pytest.raises(AttributeError, match=r"briqpay_async.*Nothing"):
        _ = briqpay_async.Nothing  # type: ignore[attr-defined]


def test_nothing_else_is_public() -> None:
    public = {
        name
        for name, value in vars(briqpay_async).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public | LATER.keys() == {name for name in briqpay_async.__all__ if not name.startswith("_")}


def test_everything_public_says_what_it_is_for() -> None:
    undocumented: list[str] = []
    for name in briqpay_async.__all__:
        value = getattr(briqpay_async, name)
        if inspect.isfunction(value) and not inspect.getdoc(value):
            undocumented.append(name)
        elif inspect.isclass(value):
            undocumented += [] if vars(value).get("__doc__") else [name]
            undocumented += [
                f"{name}.{attribute}"
                for attribute, member in vars(value).items()
                if not attribute.startswith("_")
                and isinstance(member, types.FunctionType | property | classmethod | staticmethod)
                and not inspect.getdoc(getattr(value, attribute))
            ]
    assert undocumented == []


def test_there_is_a_version() -> None:
    assert [part.isdigit() for part in briqpay_async.__version__.split(".")[:3]] == [True, True, True]


def _loaded_by(*packages: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after importing some packages."""
    program = f"import sys, {', '.join(packages)}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return _loaded_by("briqpay_async")


@pytest.mark.parametrize("name", ASIDE)
def test_importing_the_package_leaves_its_side_rooms_closed(loaded: set[str], name: str) -> None:
    assert "briqpay_async.client" in loaded
    assert not any(f"{module}.".startswith(f"briqpay_async.{name}.") for module in loaded)


@pytest.mark.parametrize("name", HEAVY)
def test_importing_the_package_loads_nothing_that_it_can_do_without(loaded: set[str], name: str) -> None:
    assert not any(module == name or module.startswith(f"{name}.") for module in loaded)


def test_importing_the_package_loads_few_libraries_beyond_aiohttp(loaded: set[str]) -> None:
    beyond = {name.split(".")[0] for name in loaded - _loaded_by("aiohttp")} - sys.stdlib_module_names
    beyond = {name for name in beyond if not name.startswith("_sysconfigdata")}  # named after the machine
    assert beyond - NEEDED == {"briqpay_async"}


def test_importing_the_package_starts_nothing_and_says_nothing() -> None:
    program = "import briqpay_async, threading, asyncio; assert threading.active_count() == 1"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
