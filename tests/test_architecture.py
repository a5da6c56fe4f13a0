"""The floors of the package: a file imports from below, never from above, and nothing leaks through."""

from __future__ import annotations

import ast
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import attrs

import briqpay_async

ROOT = Path(briqpay_async.__file__).parent
PACKAGE = "briqpay_async"

# What stands on which floor, by first name below the package.
FLOORS = {
    "errors": 1,
    "redaction": 1,
    "version": 1,
    "config": 2,
    "models": 2,
    "conversion": 3,
    "patch": 4,
    "transport": 4,
    "webhooks": 4,
    "shared": 4,
    "bulk": 5,
    "resources": 6,
    "client": 7,
    "blocking": 8,
    "integrations": 8,
    "testing": 8,
    "cli": 8,
    "": 8,
}
APART = "sandbox"
MAY_USE_THE_SANDBOX = {APART, "testing", "cli"}
LONGEST = 400
MOST_FILES = 18
FILES = sorted(ROOT.rglob("*.py"))


def _name(path: Path) -> str:
    """The dotted name of a file below the package; the package itself is the empty name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in FILES}


def _room(name: str) -> str:
    """The first part of a module's name: the file or folder that has a floor."""
    return name.partition(".")[0]


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text("utf-8"))


@cache
def _nodes(name: str) -> list[ast.AST]:
    return list(ast.walk(_tree(name)))


def _statements(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The import statements below a node, and whether each runs when the module is imported."""
    if not isinstance(tree, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case):
        return  # an expression has none
    for node in ast.iter_child_nodes(tree):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            later = True
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, True
        elif later:
            yield from ((statement, False) for statement, _ in _statements(node))
        else:
            yield from _statements(node)


def _targets(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules that a statement names, in full; of a name imported from a package, the module if it is one."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    assert statement.level == 0, "imports are absolute"
    for alias in statement.names:
        whole = f"{statement.module}.{alias.name}"
        below = whole.removeprefix(f"{PACKAGE}.")
        yield whole if whole.startswith(f"{PACKAGE}.") and below in MODULES else str(statement.module)


@cache
def _imports(name: str, *, running: bool = False) -> set[str]:
    """The modules of the package that a module imports; with ``running`` only what its own import imports."""
    return {
        target.removeprefix(PACKAGE).lstrip(".")
        for statement, at_import in _statements(_tree(name))
        if at_import or not running
        for target in _targets(statement)
        if target == PACKAGE or target.startswith(f"{PACKAGE}.")
    }


@cache
def _foreign(name: str) -> set[str]:
    """The libraries that a module imports anywhere."""
    return {
        target.split(".")[0]
        for statement, _ in _statements(_tree(name))
        for target in _targets(statement)
        if target.split(".")[0] != PACKAGE
    }


def test_every_file_has_a_floor() -> None:
    assert {_room(name) for name in MODULES} - set(FLOORS) - {APART} == set()


def _breaches(rooms: Callable[[str], bool], forbidden: Callable[[str, str], bool]) -> dict[str, set[str]]:
    """For each module of some rooms, the modules of the package that it should not import."""
    found = {
        name: {target for target in _imports(name) if forbidden(name, target)}
        for name in MODULES
        if rooms(_room(name))
    }
    return {name: targets for name, targets in found.items() if targets}


def test_a_file_imports_from_its_own_floor_and_below() -> None:
    def upward(name: str, target: str) -> bool:
        return _room(target) != APART and FLOORS.get(_room(target), 99) > FLOORS[_room(name)]

    assert _breaches(lambda room: room != APART, upward) == {}


def test_only_tools_for_developers_use_the_sandbox() -> None:
    assert _breaches(lambda room: room not in MAY_USE_THE_SANDBOX, lambda _, target: _room(target) == APART) == {}


def test_the_sandbox_imports_nothing_of_the_client() -> None:
    assert _breaches(lambda room: room == APART, lambda _, target: _room(target) != APART) == {}


def test_the_sandbox_reads_and_checks_in_its_own_way() -> None:
    # An emulator with the client's converter would have the client's bugs, and hide them.
    users = {name for name in MODULES if _room(name) == APART and _foreign(name) & {"cattrs", "cattr", "tenacity"}}
    assert users == set()


def test_the_models_know_neither_their_conversion_nor_their_checks() -> None:
    for name in MODULES:
        if _room(name) == "models":
            assert "conversion" not in {_room(target) for target in _imports(name)}
    assert "conversion.validate" not in _imports("conversion.decode")


def test_no_two_files_need_each_other() -> None:
    """Within a floor files may use each other, but never in a circle."""
    needs = {name: _imports(name, running=True) & set(MODULES) - {name} for name in MODULES}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join((*trail, name))}"
        if name not in done:
            for target in needs[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in needs:
        visit(name, ())


PURE_ROOMS = {"errors", "redaction", "version", "config", "models", "conversion", "patch"}


def test_the_lower_floors_do_no_io_and_keep_no_time() -> None:
    world = {"aiohttp", "asyncio", "socket", "ssl", "threading", "time", "random", "tenacity"}
    users = {name: _foreign(name) & world for name in MODULES if _room(name) in PURE_ROOMS}
    # Several threads may read one answer, so filling it takes a lock.
    assert {name: libraries for name, libraries in users.items() if libraries} == {
        "conversion.lazy": {"threading"}
    }


def test_two_files_speak_http_and_three_know_how_to_retry() -> None:
    users = {
        library: {name for name in MODULES if library in _foreign(name) and FLOORS.get(_room(name), 9) < 7}
        for library in ("aiohttp", "tenacity", "cattrs", "sqlite3")
    }
    assert users["aiohttp"] == {"transport.aiohttp_internals", "transport.aiohttp_transport"}
    assert users["tenacity"] == {"transport.retry", "transport.retry_loop", "transport.call"}
    assert users["cattrs"] == {"conversion.decode", "conversion.encode"}
    assert all(_room(name) in {"bulk", "webhooks"} for name in users["sqlite3"])


def _calls(name: str) -> set[str]:
    """The names of the functions that a module calls."""
    return {
        node.func.id for node in _nodes(name) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_one_file_compiles_source_text() -> None:
    assert {name for name in MODULES if _calls(name) & {"exec", "eval", "compile"}} == {"conversion.codegen"}


def _uses(name: str) -> Iterator[tuple[str, str]]:
    """The attributes that a module reads or sets, as ``(owner, attribute)`` in source text."""
    for node in _nodes(name):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node.value), node.attr
        if isinstance(node, ast.ImportFrom):
            yield from ((str(node.module), alias.name) for alias in node.names)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "setattr", "hasattr"}:
            owner, attribute = node.args[:2]
            if isinstance(attribute, ast.Constant):
                yield ast.unparse(owner), str(attribute.value)


# What aiohttp documents is in the package itself and in these modules.
_DOCUMENTED_OF_AIOHTTP = {"aiohttp", "aiohttp.web", "aiohttp.abc", "aiohttp.resolver"}
_PRIVATE_OF_AIOHTTP = {
    name
    for cls in (aiohttp.ClientSession, aiohttp.TCPConnector, aiohttp.ClientResponse, aiohttp.ClientRequest)
    for name in {*dir(cls), *getattr(cls, "ATTRS", ()), *getattr(cls, "__annotations__", {})}
    if name.startswith("_") and not name.endswith("__")
}


def test_one_file_uses_what_aiohttp_does_not_document() -> None:
    undocumented = {
        name
        for name in MODULES
        if _room(name) != APART and "aiohttp" in _foreign(name)
        for owner, attribute in _uses(name)
        if (owner.split(".")[0] == "aiohttp" and owner not in _DOCUMENTED_OF_AIOHTTP)
        or (owner == "aiohttp" and attribute.startswith("_") and attribute != "__version__")
        or (_room(name) == "transport" and owner != "self" and attribute in _PRIVATE_OF_AIOHTTP)
    }
    assert undocumented == {"transport.aiohttp_internals"}


def test_one_file_decodes_when_it_is_read() -> None:
    hooks = {"__getattr__", "__getattribute__"}
    definers = {
        name
        for name in MODULES
        if _room(name) != APART
        for node in _nodes(name)
        if isinstance(node, ast.FunctionDef) and node.name in hooks
    }
    fillers = {
        name
        for name in MODULES
        if _room(name) in {"models", "conversion", "patch", "resources"}
        and any(attribute == "_pending" for _, attribute in _uses(name))
    }
    assert fillers == {"conversion.lazy"}
    assert definers == fillers | {""}  # the package itself loads a few of its names when they are asked for


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for name in MODULES:
        for node in _nodes(name):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {cls: modules for cls, modules in places.items() if len(modules) > 1} == {}


def test_an_integration_loads_its_library_only_when_it_is_used() -> None:
    heavy = {
        "redis",
        "anyio",
        "opentelemetry",
        "taskiq",
        "celery",
        "arq",
        "pytest",
        "hypothesis",
        "rich",
        "cyclopts",
        "uvloop",
    }
    for name in MODULES:
        at_import = {
            target.split(".")[0]
            for statement, runs in _statements(_tree(name))
            if runs
            for target in _targets(statement)
        }
        assert not at_import & heavy or _room(name) in {"testing", "cli"}


def test_a_folder_holds_few_enough_files_to_know_them() -> None:
    folders: dict[Path, int] = {}
    for path in FILES:
        folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > MOST_FILES} == {}


def test_a_file_is_one_room() -> None:
    lengths = {name: path.read_text("utf-8").count("\n") for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_the_first_lines_of_a_file_say_why_it_is_there() -> None:
    assert [name for name in MODULES if _tree(name).body and not ast.get_docstring(_tree(name))] == []


def test_sources_are_those_that_users_can_see() -> None:
    unseen = ("SEED", "reference §")
    assert [
        name for name, path in MODULES.items() if any(word in path.read_text("utf-8") for word in unseen)
    ] == []


# --- public signatures -----------------------------------------------------------------------------------

ALLOWED = {("BriqpayClient.__init__", "http_session")}


@cache
def _type_checking_names(module: types.ModuleType) -> dict[str, Any]:
    """What a module imports for type checkers only."""
    names: dict[str, Any] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            exec(compile(ast.Module(node.body, []), str(module.__file__), "exec"), names)  # noqa: S102 - our source
    return names


def _leaves(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of."""
    inner = typing.get_args(annotation)
    if isinstance(annotation, list | tuple):
        inner = tuple(annotation)
    elif isinstance(annotation, typing.TypeVar):
        inner = annotation.__constraints__ or ((annotation.__bound__,) if annotation.__bound__ else ())
    for part in inner:
        yield from _leaves(part)
    yield typing.get_origin(annotation) or annotation


def _leaks(subject: Any, where: str) -> list[tuple[str, str]]:
    """Parameters of a function, or members of an attrs class, whose types are another library's."""
    if inspect.isclass(subject):
        hints = {field.name: field.type for field in attrs.fields(attrs.resolve_types(subject))}
    else:
        module = importlib.import_module(subject.__module__)
        hints = typing.get_type_hints(subject, localns=_type_checking_names(module))
    return [
        (where, parameter)
        for parameter, annotation in hints.items()
        for leaf in _leaves(annotation)
        if str(getattr(leaf, "__module__", "")).split(".")[0] in {"aiohttp", "tenacity", "cattrs", "yarl"}
    ]


def _functions(value: Any, where: str) -> Iterator[tuple[Any, str]]:
    """A function; or a class of members, and the public methods of a class and of its bases that are ours."""
    if inspect.isclass(value):
        if attrs.has(value):  # its __init__ is generated: the members stand for the parameters
            yield value, where
        for base in value.__mro__:
            if base.__module__.startswith(PACKAGE):
                for name, member in vars(base).items():
                    inner = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
                    ours = inspect.isfunction(inner) and inner.__module__.startswith(PACKAGE)
                    generated = name == "__init__" and attrs.has(base)
                    if ours and not generated and (name == "__init__" or not name.startswith("_")):
                        yield inspect.unwrap(inner), f"{where}.{name}"
    elif inspect.isfunction(value):
        yield value, where


def _surface() -> dict[str, Any]:
    """The public names, and the classes of what hangs publicly on a client."""
    client = briqpay_async.BriqpayClient("user", "secret")
    resources = {type(value).__name__: type(value) for name, value in vars(client).items() if name[0] != "_"}
    return {name: getattr(briqpay_async, name) for name in briqpay_async.__all__} | resources


def test_no_type_of_another_library_is_in_a_public_signature() -> None:
    leaks = {
        leak
        for name, value in _surface().items()
        for subject, where in _functions(value, name)
        for leak in _leaks(subject, where)
    }
    assert leaks - ALLOWED == set()


def test_no_public_class_is_made_of_a_class_of_another_library() -> None:
    for value in _surface().values():
        libraries = {base.__module__.split(".")[0] for base in getattr(value, "__mro__", ())}
        assert not libraries & {"aiohttp", "tenacity", "cattrs"}


def test_a_leak_would_be_found() -> None:
    def leaky(session: list[aiohttp.ClientSession] | None) -> None: ...

    @attrs.frozen
    class Leaky:
        session: aiohttp.ClientSession | None = None

    assert _leaks(leaky, "leaky") == [("leaky", "session")]
    assert _leaks(Leaky, "Leaky") == [("Leaky", "session")]
    assert ("BriqpayClient.__init__", "http_session") in _leaks(
        briqpay_async.BriqpayClient.__init__, "BriqpayClient.__init__"
    )
