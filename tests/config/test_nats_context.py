"""Contexts of the nats CLI: vectors after jsm.go's tests, and a comparison with a second reader."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.config import nats_context
from natsmon.config.nats_context import ContextError, expand, load, names, selected


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the CLI, empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "nats" / "context").mkdir(parents=True)
    return tmp_path / "nats"


def save(folder: Path, name: str, content: Any) -> Path:
    path = folder / "context" / f"{name}.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_root_is_below_home_without_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", "/home/ada")
    assert nats_context.root() == Path("/home/ada/.config/nats")


def test_selected_is_trimmed_and_silent_where_it_cannot_be_read(folder: Path) -> None:
    assert selected() == ""
    (folder / "context.txt").write_text(" gotest\n")
    assert selected() == "gotest"
    (folder / "context.txt").write_text(" \n")
    assert selected() == ""
    (folder / "context.txt").unlink()
    (folder / "context.txt").mkdir()
    assert selected() == ""


def test_names_are_sorted_and_only_those_of_contexts(folder: Path) -> None:
    for name in ("b", "a.b", "a", "a..b"):
        save(folder, name, {})
    save(folder, "empty", b"")
    (folder / "context" / "folder.json").mkdir()
    (folder / "context" / "note.txt").write_text("x")
    (folder / "context" / ".json").write_text("{}")
    assert names() == ["a", "a.b", "b"]


def test_all_kinds_of_credentials_together_are_loaded(folder: Path) -> None:
    """As ``multi_creds.json`` of jsm.go, which only its ``Validate`` refuses."""
    save(
        folder, "multi", {"url": "demo.nats.io", "token": "foo", "user": "foo", "creds": "foo", "nkey": "foo", "ca": ""}
    )
    assert load("multi").fields == {"url": "demo.nats.io", "token": "foo", "user": "foo", "creds": "foo", "nkey": "foo"}


def test_keys_match_in_any_case_and_null_keeps_the_default(folder: Path) -> None:
    save(
        folder,
        "a",
        b'{"URL": "x", "Tls_First": true, "user": null, "name": "other", "unknown": 5, "token": "t", "TOKEN": null}',
    )
    assert load("a").fields == {"url": "x", "tls_first": True, "token": "t"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not JSON: line 1"),
        (b"{", "is not JSON: line 1"),
        (b"[]", "is not a JSON object"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b'{"tls_first": "true"}', '"tls_first" must be true or false, not text'),
        (b'{"tls_first": 1}', '"tls_first" must be true or false, not `1`'),
        (b'{"URL": 7}', '"URL" must be text, not `7`'),
        (b'{"url": ["a"]}', '"url" must be text'),
        (b'{"user": {}}', '"user" must be text'),
        (b'{"windows_ca_certs_match": "x"}', '"windows_ca_certs_match" must be a list of texts, not text'),
        (b'{"windows_ca_certs_match": [1]}', '"windows_ca_certs_match" must be a list of texts'),
        (b'{"url": NaN}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_malformed_context_is_an_error_with_file_and_key(folder: Path, content: bytes, why: str) -> None:
    path = save(folder, "bad", content)
    with pytest.raises(ContextError) as caught:
        load("bad")
    assert str(caught.value).startswith(str(path))
    assert why in str(caught.value)


def test_null_is_an_empty_context(folder: Path) -> None:
    save(folder, "nothing", b"null")
    assert load("nothing").fields == {}


@pytest.mark.parametrize("name", ["", "foo/bar", "foo\\bar", "../evil", "foo..bar", "..", "a..", "..a"])
def test_invalid_name_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ContextError, match="is not the name of a context"):
        load(name)


@pytest.mark.parametrize("name", ["ngs.js", "foo bar", "foo\tbar", "foo*bar", "foo>bar", "foo\x7fa", "ünï"])
def test_unusual_name_is_accepted(folder: Path, name: str) -> None:
    save(folder, name, {"url": "x"})
    assert load(name).name == name


def test_unknown_context_is_refused_with_suggestions(folder: Path) -> None:
    with pytest.raises(ContextError, match="there is none"):
        load("prod")
    save(folder, "prod", {})
    save(folder, "stage", {})
    with pytest.raises(ContextError, match=r"did you mean prod\?"):
        load("prdo")
    with pytest.raises(ContextError, match="there are prod, stage"):
        load("xyz")


def test_file_is_loaded_by_its_path(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.where.json"
    path.write_text('{"url": "x"}')
    context = load(str(path))
    assert (context.name, context.path, context.fields) == ("some.where", path, {"url": "x"})
    other = tmp_path / "other.txt"
    other.write_text("{}")
    with pytest.raises(ContextError, match="is not the name of a context"):
        load(str(other))


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("foo", "foo"), ("~/foo", "/home/ada/foo"), ("~bob/x", "/home/adabob/x"), ("/~/foo", "/~/foo"),
        ("$NATS_TEST_PATH/certs", "/some/path/certs"), ("${NATS_TEST_PATH}x", "/some/pathx"),
        ("$NATS_TEST_UNSET/foo", "/foo"), ("$NATS_TEST_HOME/x", "/home/ada/x"), ("a$", "a$"), ("a$/b", "a$/b"),
        ("a${", "a"), ("a${}b", "ab"), ("$1a", "a"), ("", ""),
    ],
)  # fmt: skip
def test_paths_are_expanded_as_go_does(path: str, expanded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("NATS_TEST_PATH", "/some/path")
    monkeypatch.setenv("NATS_TEST_HOME", "~")
    monkeypatch.delenv("NATS_TEST_UNSET", raising=False)
    assert expand(path) == expanded


def test_paths_of_a_context_are_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    save(folder, "a", {"creds": "~/c", "nkey": "$HOME/n", "cert": "~/t", "key": "~/k", "ca": "~/ca", "user": "~/u"})
    assert load("a").fields == {
        "creds": "/home/ada/c", "nkey": "/home/ada/n", "cert": "/home/ada/t", "key": "/home/ada/k",
        "ca": "/home/ada/ca", "user": "~/u",
    }  # fmt: skip


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$~"), max_size=8)
_SAME = ("url", "user", "password", "token", "creds", "nkey", "cert", "key", "ca", "inbox_prefix", "user_jwt", "nsc")


@given(st.dictionaries(st.sampled_from([*_SAME, "socks_proxy", "jetstream_domain"]), _TEXTS), st.booleans())
def test_fields_are_those_of_a_second_reader(fields: dict[str, str], tls_first: bool) -> None:
    """``natsio.natscontext`` is an independent reader of the same files."""
    reader = pytest.importorskip("natsio.natscontext", reason="natsio-natscontext needs Python 3.13")
    other = reader.Context.from_dict(fields | {"tls_first": tls_first}, name="x")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "context.json"
        path.write_text(json.dumps(fields | {"tls_first": tls_first}))
        ours = load(str(path)).fields
    for name in (*_SAME, "socks_proxy", "jetstream_domain"):
        assert ours.get(name, "") == getattr(other, name)
    assert ours.get("tls_first", False) == other.tls_first
