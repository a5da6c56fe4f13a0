"""The asyncio client for Briqpay's v3 checkout-session API: send only what changed.

``examples.md`` beside this file has an example for every public name.
"""

import importlib
import typing

from briqpay_async.bulk.rows import BulkProgress, SessionUpdate, UpdateOutcome, UpdateStatus
from briqpay_async.client import BriqpayClient
from briqpay_async.config import Environment, Pool, RateLimit, RetryPolicy, Timeouts
from briqpay_async.conversion.decode import structure, unstructure
from briqpay_async.errors import (
    APIError,
    AuthenticationError,
    BriqpayError,
    CallTimeoutError,
    CancelNotSupportedError,
    CaptureNotAllowedError,
    CartItemNotFoundError,
    ConfigurationError,
    ConflictError,
    ConnectError,
    EditConflictError,
    InvalidDataError,
    OutcomeUnknownError,
    PatchNotAppliedError,
    RateLimitedError,
    ResponseDecodeError,
    ServerError,
    SessionCompletedError,
    SessionInitializingError,
    SessionNotFoundError,
    SharedStateError,
    TotalsMismatchError,
    TransportError,
    UnpatchableChangeError,
    ValidationError,
    WebhookError,
    WebhookMalformedError,
    WebhookNotConfirmedError,
    WebhookSignatureError,
    WrongLoopError,
)
from briqpay_async.models.address import Address
from briqpay_async.models.base import CLEAR, Clear, Model
from briqpay_async.models.buyer_answers import (
    CompanyExtraData,
    CompanyExtraDataOutput,
    FieldAnswer,
    StrongAuth,
    StrongAuthOutput,
    TermsAnswer,
)
from briqpay_async.models.cart import AnyCartItem, CartItem, SalesTaxItem
from briqpay_async.models.company import Company, Consumer, VatValidation
from briqpay_async.models.decision import Decision, DecisionMessage
from briqpay_async.models.enums import (
    CaptureState,
    CustomerType,
    CustomInputComponent,
    CustomInputType,
    DecisionKind,
    HookMethod,
    OrderStatus,
    ProductIntent,
    ProductKind,
    ProductType,
    RefundState,
    RejectionType,
    SessionStatus,
    SettlementStatus,
    TokenState,
    TransactionStatus,
    UiStatus,
)
from briqpay_async.models.modules import (
    CustomInput,
    Modules,
    ModulesConfig,
    PaymentConfig,
    PaymentDecisionConfig,
    TermsCheckbox,
    TermsConfig,
    UpsellConfig,
)
from briqpay_async.models.order import Order, TotalsDiscrepancy
from briqpay_async.models.payments import Capture, Refund, Transaction
from briqpay_async.models.session import (
    EditableData,
    ModuleState,
    ModuleStatus,
    NewSession,
    PaymentModuleState,
    Product,
    Session,
    SessionConfig,
    SessionData,
    Tokenization,
    Urls,
)
from briqpay_async.models.webhook_subscriptions import (
    CaptureStatusHook,
    Hook,
    OrderStatusHook,
    OtherHook,
    RefundStatusHook,
    SessionStatusHook,
)
from briqpay_async.patch.session_patch import MergeDepth, SessionPatch
from briqpay_async.resources.session_writer import SessionWriter
from briqpay_async.transport.hooks import (
    AttemptEvent,
    CallHooks,
    ChangedElsewhereEvent,
    FailureEvent,
    ResponseEvent,
    RetryEvent,
)
from briqpay_async.version import __version__

if typing.TYPE_CHECKING:
    from briqpay_async.bulk.journal import BulkJournal, JournalRow, JournalSummary
    from briqpay_async.models.hosted_page import HostedPage, HostedPageConfig
    from briqpay_async.models.token import ChargeSession, PaymentMethod, Token
    from briqpay_async.patch.builder import PatchBuilder

__all__ = [
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
]

_LOADED_LATER = {
    "BulkJournal": "bulk.journal",
    "ChargeSession": "models.token",
    "HostedPage": "models.hosted_page",
    "HostedPageConfig": "models.hosted_page",
    "JournalRow": "bulk.journal",
    "JournalSummary": "bulk.journal",
    "PatchBuilder": "patch.builder",
    "PaymentMethod": "models.token",
    "Token": "models.token",
}

if not typing.TYPE_CHECKING:  # type checkers report names that do not exist

    def __getattr__(name: str) -> object:
        """Load what not every program needs when it is asked for."""
        if name not in _LOADED_LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}")
        found = globals()[name] = getattr(module, name)
        return found
