"""The one module with private names of nats-py."""

import ast
import inspect
import re
from pathlib import Path

import nats.aio.client
import pytest

from natsmon.library import client, nats_py_versions


@pytest.mark.parametrize("name", nats_py_versions.PRIVATE_NAMES)
def test_nats_py_without_a_private_name_is_refused_in_one_line(name: str) -> None:
    class Other(nats.aio.client.Client):
        def __getattribute__(self, wanted: str) -> object:
            if wanted == name:
                raise AttributeError(name)
            return super().__getattribute__(wanted)

    with pytest.raises(ImportError, match=rf"natsmon works with nats-py 2\.10 to [0-9.]+; [0-9.]+ has no {name}$"):
        nats_py_versions.check_nats_py(Other)


def test_every_private_name_of_a_client_is_checked() -> None:
    source = Path(inspect.getsourcefile(client) or "").read_text()
    own = {name for name in vars(nats.aio.client.Client()) | vars(nats.aio.client.Client) if re.match("_[a-z]", name)}
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute | ast.AsyncFunctionDef)
    }
    assert used & own <= set(nats_py_versions.PRIVATE_NAMES)


@pytest.mark.parametrize("version", ["2.9.1", "2.17.0", "3.0.0"])
def test_nats_py_that_was_not_tested_is_refused_in_one_line(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats.aio.client, "__version__", version)
    with pytest.raises(ImportError, match=rf"natsmon works with nats-py 2\.10 to [0-9.]+, not {version}$"):
        nats_py_versions.check_nats_py(nats.aio.client.Client)


def test_installed_nats_py_is_a_tested_one() -> None:
    assert ".".join(nats.aio.client.__version__.split(".")[:2]) in nats_py_versions.TESTED_VERSIONS
