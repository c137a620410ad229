"""Refused credentials: the evidence at hand is used before a password is blamed."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nkeys
import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import Server
from natsmon.dial.causes import Cause
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol import credentials
from natsmon.protocol.jwt_claims import Claims, contradictions, read_claims
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST, Talk, playing
from tests.protocol.dialing import Failure, failure
from tests.protocol.operator_mode import Operator, key, seed
from tests.protocol.websockets import address, listening_on

DAY = 86_400
NOTHING = ""


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


async def refused(server: NatsServer | Server | str, **credentials: Any) -> Failure:
    """A dial that fails at this server with these credentials."""
    fields = ("user", "password", "token", "jwt", "seed")
    given = {name: Secret(value) if name in fields else value for name, value in credentials.items()}
    url = server.url if isinstance(server, NatsServer) else server
    origins = dict.fromkeys(credentials, "env NATS_X")
    return await failure(settings(url, retry_on_failed_connect=False, origins=origins, **given))


# -- user JWTs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"src": ["10.0.0.0/8"]}, "for addresses in 10.0.0.0/8, the server sees 127.0.0.1"),
        ({"src": ["10.0.0.0/8", "192.0.2.7/32"]}, "in 10.0.0.0/8, 192.0.2.7/32, the"),
        ({"allowed_connection_types": ["WEBSOCKET"]}, "for WEBSOCKET connections, this is a STANDARD one"),
        ({"allowed_connection_types": ["MQTT", "LEAFNODE"]}, "for MQTT and LEAFNODE connections"),
        ({"times": [{"start": "00:00:01", "end": "00:00:01"}]}, "for 00:00:01 to 00:00:01 (time zone of the server)"),
        (
            {"times": [{"start": "00:00:01", "end": "00:00:01"}], "times_location": "Asia/Tokyo"},
            "for 00:00:01 to 00:00:01 (Asia/Tokyo)",
        ),
        ({"proxy_required": True}, "requires a trusted proxy"),
    ],
)
async def test_claim_that_speaks_against_the_connection_is_named(
    request: pytest.FixtureRequest, nats_server: StartServer, operator: Operator, claims: dict[str, Any], words: str
) -> None:
    if "proxy_required" in claims and request.config.getoption("--nats-server"):
        pytest.skip("an older nats-server may not check proxy_required: 2.12 and later do")
    jwt, user_seed = operator.user(**claims)
    failed = await refused(nats_server(config=operator.config), jwt=jwt, seed=user_seed)
    assert failed.where == ("connect", "auth_claims")
    assert words in failed.text
    assert "is the password right" not in "\n".join(failed.lines)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda jwt: jwt[:-20], "the signature of the user JWT has 66 characters instead of 86"),
        (lambda jwt: jwt.rpartition(".")[0], "the user JWT has 2 parts instead of 3"),
        (lambda jwt: f'"{jwt}"', "the user JWT has characters in it that are not of a JWT"),
        (lambda jwt: f"Bearer {jwt}", "as quotation marks or a word before it"),
    ],
)
async def test_jwt_that_no_server_can_read_is_described(
    nats_server: StartServer, operator: Operator, change: Callable[[str], str], words: str
) -> None:
    jwt, user_seed = operator.user()
    failed = await refused(nats_server(config=operator.config), jwt=change(jwt), seed=user_seed)
    assert failed.where == ("connect", "auth_claims")
    assert words in failed.text


async def test_jwt_that_is_not_valid_yet_is_dated(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(begins_in=3600)
    failed = await refused(nats_server(config=operator.config), creds=operator.creds(jwt, user_seed))
    assert failed.end.cause == "auth_claims"
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3600))
    assert f"is not valid before {day}" in failed.text
    assert "in 59m" in failed.text or "in 1h00m" in failed.text


async def test_jwt_for_standard_connections_over_websocket(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(allowed_connection_types=["STANDARD"])
    server = nats_server(config=f"{operator.config}\n{listening_on()}")
    failed = await refused(address(server), jwt=jwt, seed=user_seed)
    assert failed.end.cause == "auth_claims"
    assert "for STANDARD connections, this is a WEBSOCKET one" in failed.text


async def test_jwt_without_a_restriction_names_its_account(nats_server: StartServer, operator: Operator) -> None:
    stranger = key(nkeys.PREFIX_BYTE_ACCOUNT)
    jwt, user_seed = operator.user(by=stranger, src=["127.0.0.0/8"])
    failed = await refused(nats_server(config=operator.config), jwt=jwt, seed=user_seed)
    assert failed.end.cause == "auth_jwt"
    assert f"issued by the account {stranger.public_key.decode()}" in failed.text


async def test_seed_of_another_user_is_found_before_anything_is_sent(
    nats_server: StartServer, operator: Operator
) -> None:
    jwt, _ = operator.user()
    failed = await refused(nats_server(config=operator.config), jwt=jwt, seed=seed(key(nkeys.PREFIX_BYTE_USER)))
    assert failed.where == ("connect", "credentials")
    assert "do not belong together" in failed.text
    assert not failed.events.of(ev.DialConnect)


@pytest.mark.parametrize("by_file", [True, False])
async def test_jwt_of_an_account_is_found_before_anything_is_sent(
    nats_server: StartServer, operator: Operator, by_file: bool
) -> None:
    account, account_seed = operator.account_jwt, seed(operator.account)
    given: dict[str, Any] = {"creds": operator.creds(account, account_seed)}
    if not by_file:
        given = {"jwt": account, "seed": account_seed}
    failed = await refused(nats_server(config=operator.config), **given)
    assert failed.where == ("connect", "credentials")
    assert "the JWT is of the type account, not of a user" in failed.text
    assert not failed.events.of(ev.DialConnect)


async def test_seed_of_an_account_is_found_before_anything_is_sent(
    nats_server: StartServer, operator: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "account.nk"
    file.write_text(seed(operator.account))
    failed = await refused(nats_server(config=operator.config), nkey=str(file))
    assert failed.where == ("connect", "credentials")
    assert "the seed is one of an account, not of a user" in failed.text


async def test_bearer_jwt_needs_no_seed(nats_server: StartServer, operator: Operator) -> None:
    jwt, _ = operator.user(bearer_token=True)
    server = nats_server(config=operator.config)
    async with listening(settings(server.url, jwt=Secret(jwt))) as run:
        await run.events.until(ev.Connected)


async def test_jwt_that_is_not_a_bearer_token_needs_its_seed(nats_server: StartServer, operator: Operator) -> None:
    jwt, _ = operator.user()
    failed = await refused(nats_server(config=operator.config), jwt=jwt)
    assert failed.end.cause == "auth_claims"
    assert "is not a bearer token and needs its seed" in failed.text


def jwt_of(claims: object) -> str:
    return f"e.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


@pytest.mark.parametrize(
    "jwt",
    ["", "a.b", "a.!.c", jwt_of([1]), jwt_of({"nats": 5, "exp": "x", "nbf": -1}), jwt_of({"exp": 1e300}),
     jwt_of({"nats": {"src": 5, "times": [3, {}], "allowed_connection_types": [None], "bearer_token": "yes"}})],
    ids=range(7),
)  # fmt: skip
def test_claims_of_any_form_are_read(jwt: str) -> None:
    claims = read_claims(jwt)
    assert (claims.expires, claims.not_before, claims.bearer) == (0.0, 0.0, False)
    list(contradictions(claims, websocket=False, address="127.0.0.1", signed=True))


def test_token_of_another_issuer_is_not_judged() -> None:
    claims = read_claims(jwt_of({"iss": "https://login.example", "sub": "ann", "type": "account"}))
    assert claims.kind == ""


@pytest.mark.parametrize(
    ("claims", "seen", "speaks"),
    [
        (Claims(sources=["10.0.0.0/8"]), "10.1.2.3", False),
        (Claims(sources=["10.0.0.0/8"]), NOTHING, False),
        (Claims(sources=["fd00::/8"]), "fd00::1", False),
        (Claims(sources=["fd00::/8"]), "10.1.2.3", True),
        (Claims(sources=["nonsense"]), "10.1.2.3", False),
        (Claims(times=[("00:00:00", "23:59:59")]), NOTHING, False),
        (Claims(times=[("00:00:01", "00:00:00")]), NOTHING, False),
        (Claims(times=[("00:00:01", "00:00:01")], location="No/Where"), NOTHING, False),
        (Claims(times=[("soon", "later")]), NOTHING, False),
        (Claims(not_before=time.time() - DAY), NOTHING, False),
        (Claims(connection_types=["STANDARD", "MQTT"]), NOTHING, False),
    ],
)
def test_claims_that_allow_the_connection_are_silent(claims: Claims, seen: str, speaks: bool) -> None:
    assert bool(list(contradictions(claims, websocket=False, address=seen, signed=True))) is speaks


# -- white space ------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["\n", "\r\n", " ", "\t"])
async def test_white_space_around_jwt_and_seed_is_left_out(
    nats_server: StartServer, operator: Operator, space: str
) -> None:
    jwt, user_seed = operator.user()
    given = settings(
        nats_server(config=operator.config).url, jwt=Secret(f"{space}{jwt}{space}"), seed=Secret(f"{user_seed}{space}")
    )
    async with listening(given) as run:
        await run.events.until(ev.Connected)


async def test_seed_wrapped_into_lines_is_joined(nats_server: StartServer, operator: Operator) -> None:
    """As ``base64`` and ``fold`` wrap; Go's decoder skips line breaks."""
    jwt, user_seed = operator.user()
    given = settings(
        nats_server(config=operator.config).url, jwt=Secret(jwt), seed=Secret(f"{user_seed[:20]}\n{user_seed[20:]}")
    )
    async with listening(given) as run:
        await run.events.until(ev.Connected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"user": "ann", "password": "pw\n"}, "the password (env NATS_X) ends in a line break"),
        ({"user": "ann", "password": " pw"}, "the password (env NATS_X) begins with a blank"),
        ({"user": "ann\r\n", "password": "pw"}, "the user (env NATS_X) ends in a line break"),
        ({"user": "ann", "password": "pw\t"}, "ends in a tab"),
        ({"user": "ann", "password": '"pw"'}, "begins with a quotation mark"),
        ({"user": "ann", "password": "pw\u200b"}, "ends in an invisible character (U+200B)"),
        ({"token": "t\n"}, "the token (env NATS_X) ends in a line break"),
    ],
)
async def test_unseen_character_in_a_refused_secret_is_named(
    nats_server: StartServer, given: dict[str, str], words: str
) -> None:
    config = "authorization { token: t }" if "token" in given else "authorization { user: ann, password: pw }"
    failed = await refused(nats_server(config=config), **given)
    assert failed.where == ("connect", "auth_whitespace")
    assert words in failed.text
    assert "is the password right" not in "\n".join(failed.lines)


async def test_invisible_character_in_an_accepted_secret_is_ignored(nats_server: StartServer) -> None:
    server = nats_server(config=r'authorization { user: ann, password: "pw " }')
    given = settings(server.url, user=Secret("ann"), password=Secret("pw "))
    async with listening(given) as run:
        await run.events.until(ev.Connected)


# -- how long it took -------------------------------------------------------------------------------

CALLOUT = """
accounts {{ AUTH: {{ users: [ {{ user: auth, password: auth }} ] }}, APP: {{}} }}
authorization {{
  timeout: {timeout}
  auth_callout {{ issuer: ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA, account: AUTH, users: [ auth ] }}
}}
"""


@pytest.mark.parametrize("given", [{"user": "ann", "password": "pw"}, {"token": "t"}, {}])
async def test_refusal_of_an_auth_callout_that_does_not_answer(
    nats_server: StartServer, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.setattr(credentials, "_SLOW", 0.4)
    for timeout in (1.0, 10.0):
        failed = await refused(nats_server(config=CALLOUT.format(timeout=timeout)), **given)
        if failed.end.cause != "auth_timeout":  # then CONNECT came in time
            break
    assert failed.where == ("connect", "auth_callout")
    assert "refused after " in failed.text
    assert failed.logs("auth callout")
    assert not failed.logs("is the password right")


async def test_refusal_after_a_search_for_the_account(
    nats_server: StartServer, operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with an account resolver asks the others for an account that it does not have."""
    monkeypatch.setattr(credentials, "_SLOW", 0.4)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    resolver = f'{{ type: full, dir: "{tmp_path}/accounts", timeout: "1s" }}'
    server = nats_server(config=operator.config.replace("MEMORY", resolver))
    other = Operator(elsewhere)
    failed = await refused(server, creds=other.creds(*other.user()))
    assert failed.where == ("connect", "auth_callout")
    assert failed.logs("refused after ", "issued by the account A", "account resolver")


async def test_authentication_timeout_has_its_time() -> None:
    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        await talk.send(b"-ERR 'Authentication Timeout'\r\n")
        await talk.until_closed()

    async with playing(script) as peer:
        failed = await refused(peer.url)
    assert failed.where == ("connect", "auth_timeout")
    assert failed.text.startswith("Authentication Timeout after ")


# -- what the server could not read -----------------------------------------------------------------


async def test_connect_over_max_control_line_has_its_size(nats_server: StartServer) -> None:
    failed = await failure(
        settings(nats_server(config="max_control_line: 512").url, retry_on_failed_connect=False, name="n" * 600)
    )
    assert failed.end.cause == "control_line" or (failed.finding is not None and failed.finding.cause == "control_line")
    assert failed.logs("max_control_line")


@pytest.mark.parametrize("text", ["Server Overloaded", "Failed Something New", "'Quoted' Text", "Is This TLS"])
async def test_unknown_error_is_shown_without_a_guess(text: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        await talk.send(f"-ERR '{text}'\r\n".encode())
        await talk.until_closed()

    async with playing(script) as peer:
        failed = await failure(settings(Server(HOST, peer.port), retry_on_failed_connect=False))
    assert (failed.where, failed.text) == (("connect", Cause.SERVER_REFUSED), text)
    assert failed.logs(f"the server refused: {text}")
    assert not failed.logs("?")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", b"\x00\x01Garbage\r\n", b"SSH-2.0-x\r\n"])
async def test_answer_after_info_never_doubts_that_this_is_a_nats_server(answer: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        await talk.send(answer)
        await talk.until_closed()

    async with playing(script) as peer:
        failed = await refused(peer.url)
    assert failed.where == ("connect", Cause.PROTOCOL)
    assert failed.logs("something on the way")
    assert repr(answer.split()[0]) in failed.text
    assert not failed.logs("NATS server")
    assert not failed.logs("not NATS")
