"""Secrets that are kept elsewhere: file, variable, program and inline; vectors after jsm.go's tests."""

import base64
from pathlib import Path

import pytest

from natsmon.config.secret_sources import SecretUnavailable, nsc_profile, reference_scheme, resolve, resolve_text


def program(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program on the PATH, alone with the shell."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        ("env://X", "env"), ("ENV://X", "env"), ("env:abc", "env"), ("data:x", "data"), ("file:///a b", "file"),
        ("nsc://op/acct/user", "nsc"), ("op://vault/item/field", "op"),
        ("secret", ""), ("a:b", ""), ("C:\\creds", ""), ("http://x", ""), ("://x", ""), ("1env://x", ""), ("", ""),
        # Go's url.Parse fails for these, so they are literals:
        ("op://Vault Name/item", ""), ("env://FOO:x", ""), ("env://F%4FO", ""), ("file:///a%zz", ""), ("env://a\n", ""),
        ("data:x#%zz", ""),
        # but not for these:
        ("data:%zz", "data"), ("env://FOO:1", "env"), ("file:///x?%zz", "file"), ("op://u:p@vault/x", "op"),
    ],
)  # fmt: skip
def test_scheme_of_a_reference_is_the_one_go_finds(value: str, scheme: str) -> None:
    assert reference_scheme(value) == scheme


def test_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATSMON_TEST_TOKEN", "hunter2\r\n")
    for reference in ("env://NATSMON_TEST_TOKEN", "ENV://NATSMON_TEST_TOKEN", "Env://NATSMON_TEST_TOKEN"):
        assert resolve_text(reference) == "hunter2"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("env://", "env:// names no variable"), ("env://NATSMON_UNSET", "the variable NATSMON_UNSET is not set"),
        ("env://NATSMON_EMPTY", "the variable NATSMON_EMPTY is empty"), ("env:abc", "the variable env:abc is not set"),
        ("data:x", "must be data:;base64,…"), ("data:text/plain,x", "must be data:;base64,…"),
        ("data:;base64,?", "is not valid"), ("file:///nope", "/nope cannot be read: No such file"),
        ("file://", "cannot be read: No such file"), ("nsc://o/a/u", "the program nsc is not installed"),
        ("op://v/i/f", "the program op is not installed"),
    ],
)  # fmt: skip
def test_secret_that_cannot_be_read_is_explained(value: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATSMON_EMPTY", "")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SecretUnavailable) as caught:
        resolve(value)
    assert why in str(caught.value)


@pytest.mark.parametrize("header", ["", "text/plain", "text/plain;charset=utf-8"])
def test_inline_secret_is_decoded(header: str) -> None:
    encoded = base64.b64encode(b"\xffhunter2?").decode()
    assert resolve(f"data:{header};base64,{encoded}") == b"\xffhunter2?"
    assert resolve(f"DATA:{header};base64,{encoded}") == b"\xffhunter2?"


def test_file_is_read_and_its_path_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("hunter2\n\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for reference in (f"file://{tmp_path}/token", f"FILE://{tmp_path}/token", "file://~/token", "file://$HOME/token"):
        assert resolve_text(reference) == "hunter2"


def test_program_of_1password_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "op", 'echo "$*"', monkeypatch)
    assert resolve_text("OP://vault/item/field") == "read op://vault/item/field"


def test_program_that_fails_is_quoted_safely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "op", "printf 'not signed in\\033[31m' >&2; exit 1", monkeypatch)
    with pytest.raises(SecretUnavailable, match=r"op failed: not signed in\\x1b\[31m"):
        resolve("op://v/i/f")


def test_nsc_answers_with_credentials_and_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    creds = tmp_path / "user.creds"
    creds.write_text("JWT and seed")
    answer = f'{{"user_creds": "{creds}", "operator": {{"service": ["nats://a", "nats://b"]}}}}'
    program(tmp_path, "nsc", f"echo \"$*\" > {tmp_path}/asked; cat <<'END'\n{answer}\nEND", monkeypatch)
    for reference in ("nsc://op/acct/user", "NSC://op/acct/user", "op/acct/user"):
        assert nsc_profile(reference)[1] == "nats://a,nats://b"
        assert (tmp_path / "asked").read_text() == "generate profile nsc://op/acct/user\n"
    assert resolve("nsc://op/acct/user") == b"JWT and seed"


@pytest.mark.parametrize("answer", ["", "[]", "{", '{"operator": 5}'])
def test_answer_of_nsc_that_is_not_understood(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "nsc", f"echo '{answer}'", monkeypatch)
    with pytest.raises(SecretUnavailable, match="is not understood"):
        nsc_profile("nsc://o/a/u")


@pytest.mark.parametrize("reference", ["nsc://o/a\0/u", "o/a\0/u"])
def test_nul_in_what_a_program_is_given_is_explained(reference: str) -> None:
    with pytest.raises(SecretUnavailable, match=r"cannot be started: nsc://o/a\\x00/u has a NUL"):
        nsc_profile(reference)
