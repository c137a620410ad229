"""Docstrings of what other programs import: what is raised, and the source of what mirrors another program."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import natsmon
from natsmon import testing

SOURCES = {
    "ByteReader": "asyncio.StreamReader",
    "ByteWriter": "asyncio.StreamWriter",
    "Client": "nats.go: ``SetCustomDialer``",
    "CommandDialer": "OpenSSH's ``ProxyCommand``",
    "CustomDialer": "nats.go: ``SetCustomDialer``",
    "DialError": "OSError",
    "DialTrace": "Go's ``net/http/httptrace``",
    "Dialer": "RFC 8305",
    "HttpConnectDialer": "RFC 9110",
    "OpenTelemetryTrace": "semantic conventions",
    "ProxyProtocolDialer": "HAProxy's proxy-protocol.txt",
    "SocksDialer": "RFC 1928",
    "UnixDialer": "asyncio.open_unix_connection",
    "WebSocketDialer": "RFC 6455",
    "connect": "nats.connect",
    "proxy_from_environment": "Go's\n``proxy.FromEnvironment``",
}
"""What a public name mirrors, as its docstring names it."""
OWN = {
    "DialCertificateError", "DialFailed", "DialNameError", "DialRefused", "DialReset", "DialTimeout", "DialTlsError",
    "HandshakeError", "LoggingTrace", "RelayDialer", "Stream", "as_stream",
    "Published", "ScriptedServer", "Session", "close", "greet", "memory_pipe", "refuse", "reject", "serve", "silent",
}  # fmt: skip
"""Public names that mirror nothing."""


def public() -> dict[str, Any]:
    """Every public class and function, by name."""
    ours = {name: getattr(natsmon, name) for name in natsmon.__all__ if name != "__version__"}
    theirs = {name: value for name, value in vars(testing).items() if hasattr(value, "__module__") and name != "Script"}
    return ours | {name: value for name, value in theirs.items() if value.__module__.startswith("natsmon.")}


def functions() -> Iterator[tuple[str, Callable[..., object], str]]:
    """Every public function and method of ours, with its name and docstring; a constructor has that of its class."""
    for name, thing in public().items():
        if not inspect.isclass(thing):
            yield name, thing, inspect.getdoc(thing) or ""
            continue
        for base in thing.__mro__:
            if not base.__module__.startswith("natsmon."):
                continue
            for attribute, member in vars(base).items():
                function = getattr(member, "__func__", member)
                overridden = inspect.getattr_static(thing, attribute) is not member
                if overridden or not inspect.isfunction(function) or function.__module__ != base.__module__:
                    continue
                if attribute == "__init__":
                    yield f"{name}()", function, f"{inspect.getdoc(thing)}\n{function.__doc__}"
                elif not attribute.startswith("_"):
                    yield f"{name}.{attribute}", function, inspect.getdoc(getattr(thing, attribute)) or ""


def raised_in(function: Callable[..., object]) -> set[str]:
    """Names of the exceptions that a function constructs and raises; ``""`` for one that it passes on."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    found = set()
    pending: list[ast.AST] = [definition]
    while pending:
        node = pending.pop()
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        pending += [child for child in ast.iter_child_nodes(node) if not isinstance(child, inner)]
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else None
            found.add(called.id if isinstance(called, ast.Name) else "")
    return found


FUNCTIONS = {name: (function, doc) for name, function, doc in functions()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_names_what_is_raised(name: str) -> None:
    function, doc = FUNCTIONS[name]
    raised = raised_in(function)
    if raised or name.endswith(".dial"):
        section = doc.partition("Raises:")[2]
        assert section, f"{name} can raise, and its docstring has no Raises"
        assert [error for error in raised if error not in section] == []


def test_docstring_names_the_source_of_what_is_mirrored() -> None:
    missing = {name for name, source in SOURCES.items() if source not in (inspect.getdoc(public()[name]) or "")}
    assert missing == set()


def test_every_public_name_has_a_source_or_none_to_name() -> None:
    assert set(public()) == {*SOURCES, *OWN}
