"""Identity: every kind of credentials against real servers, and each way in which they are refused."""

import os
import time
from pathlib import Path
from typing import Any

import nkeys
import pytest

from natsmon.cli.check_command import check
from natsmon.cli.settings_layers import settings_from
from natsmon.cli.value_layers import Layers
from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import Events, listening, settings
from tests.harness.peer import Talk, playing
from tests.protocol.authority import Authority
from tests.protocol.dialing import Failure, failure
from tests.protocol.operator_mode import Operator, key, public, seed

ORIGINS = {
    "user": "flag --user",
    "password": "env NATS_PASSWORD",
    "token": "env NATS_TOKEN",
    "nkey": "flag --nkey",
    "creds": "env NATS_CREDS",
    "jwt": "flag --jwt",
    "seed": "flag --seed",
    "tlscert": "flag --tlscert",
}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    folder = tmp_path / "creds"
    folder.mkdir()
    return Operator(folder)


def settings_with(server: NatsServer, **credentials: Any) -> Settings:
    secret = {n: Secret(v) for n, v in credentials.items() if n in ("user", "password", "token", "jwt", "seed")}
    return settings(server.url, origins=ORIGINS, **credentials | secret)


async def refused(server: NatsServer, **credentials: Any) -> Failure:
    wanted = settings_with(server, retry_on_failed_connect=False, **credentials)
    failed = await failure(wanted)
    assert failed.end.stage == "connect"
    for name, value in credentials.items():
        if name not in ("creds", "nkey", "user"):
            assert value not in "\n".join(failed.lines)
    return failed


async def accepted(server: NatsServer, **credentials: Any) -> Events:
    async with listening(settings_with(server, **credentials)) as run:
        await run.events.until(ev.Identity)
        await run.events.until(ev.Echoed)
    return run.events


def names_accounts(server: NatsServer) -> bool:
    """From 2.12 on, a server sends the name of the account; older ones send its key, or nothing."""
    major, minor, *_ = map(int, server.info()["version"].split("."))
    return (major, minor) >= (2, 12)


async def sent(wanted: Settings) -> ev.DialConnect:
    """CONNECT to a server that takes it."""
    async with listening(wanted) as run:
        await run.events.until(ev.Connected)
    (connect,) = run.events.of(ev.DialConnect)
    return connect


def by_command_line(*args: str) -> Settings:
    with check.make_context("check", list(args)) as context:
        return settings_from(Layers(context))


def nkey_file(folder: Path, pair: Any) -> str:
    path = folder / "user.nk"
    path.write_text(seed(pair) + "\n")
    return str(path)


# -- what works -------------------------------------------------------------------------------------


async def test_user_and_password(nats_server: StartServer) -> None:
    server = nats_server(config="accounts { A { users: [{ user: ann, password: pw }] } }")
    events = await accepted(server, user="ann", password="pw")
    (connect,) = events.of(ev.DialConnect)
    assert connect.credentials == "user (flag --user), password (env NATS_PASSWORD)"
    assert connect.connect["pass"] == "****"
    accounts = [(event.account, event.system) for event in events.of(ev.Account)]
    assert accounts == ([("A", False)] if names_accounts(server) else [])
    (user,) = events.of(ev.Identity)
    assert (user.user, user.account, user.expires) == ("ann", "A", 0.0)


async def test_token(nats_server: StartServer) -> None:
    events = await accepted(nats_server(config="authorization { token: planted }"), token="planted")
    assert "planted" not in str(events.seen)


async def test_nkey(nats_server: StartServer, tmp_path: Path) -> None:
    pair = key(nkeys.PREFIX_BYTE_USER)
    server = nats_server(config=f"authorization {{ users: [{{ nkey: {public(pair)} }}] }}")
    events = await accepted(server, nkey=nkey_file(tmp_path, pair))
    assert events.of(ev.Identity)[0].user == public(pair)


async def test_credentials_file(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(expires_in=3600, pub={"deny": ["secret.>"]})
    server = nats_server(config=operator.config)
    events = await accepted(server, creds=operator.creds(jwt, user_seed))
    (connect,) = events.of(ev.DialConnect)
    (user,) = events.of(ev.Identity)
    assert connect.expires == pytest.approx(time.time() + 3600, abs=30)
    assert user.expires == pytest.approx(connect.expires, abs=5)
    assert user.publish_deny == ["secret.>"]
    assert user.account == ("ORDERS" if names_accounts(server) else public(operator.account))


async def test_jwt_and_seed(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user()
    await accepted(nats_server(config=operator.config), jwt=jwt, seed=user_seed)


# -- several at once --------------------------------------------------------------------------------


async def test_user_password_and_token_are_all_sent(nats_server: StartServer) -> None:
    server = nats_server(config="authorization { token: planted }")
    connect = await sent(settings_with(server, user="ann", password="pw", token="planted"))
    assert connect.credentials == "user (flag --user), password (env NATS_PASSWORD), token (env NATS_TOKEN)"
    assert (connect.connect["pass"], connect.connect["auth_token"]) == ("****", "****")


async def test_userinfo_in_a_url_goes_beside_a_jwt(nats_server: StartServer, operator: Operator) -> None:
    server = nats_server(config=operator.config)
    creds = operator.creds(*operator.user())
    connect = await sent(by_command_line(f"nats://ann:pw@{server.authority}", "--creds", creds))
    assert connect.credentials == "user (URL argument), password (URL argument), credentials file (flag --creds)"


async def test_password_that_is_missing_is_not_called_a_default(server: NatsServer) -> None:
    connect = await sent(settings(server.url, user=Secret("ann"), origins={"user": "context prod"}))
    assert connect.credentials == "user (context prod), no password"


async def test_userinfo_in_a_url_takes_the_place_of_an_nkey(nats_server: StartServer, tmp_path: Path) -> None:
    server = nats_server(config="authorization { user: ann, password: pw }")
    file = nkey_file(tmp_path, key(nkeys.PREFIX_BYTE_USER))
    connect = await sent(by_command_line(f"nats://ann:pw@{server.authority}", "--nkey", file))
    assert connect.credentials == "user (URL argument), password (URL argument)"
    assert "nkey" not in connect.connect


async def test_user_by_flag_leaves_the_credentials_file_out(nats_server: StartServer, operator: Operator) -> None:
    creds = operator.creds(*operator.user())
    failed = await refused(nats_server(config=operator.config), user="ann", password="planted", creds=creds)
    assert failed.end.cause == "auth"
    assert "jwt" not in failed.events.of(ev.DialConnect)[0].connect
    assert not failed.logs("credentials file")


async def test_nkey_leaves_the_jwt_out(nats_server: StartServer, operator: Operator, tmp_path: Path) -> None:
    known, ours = key(nkeys.PREFIX_BYTE_USER), key(nkeys.PREFIX_BYTE_USER)
    server = nats_server(config=f"authorization {{ users: [{{ nkey: {public(known)} }}] }}")
    jwt, user_seed = operator.user()
    failed = await refused(server, nkey=nkey_file(tmp_path, ours), jwt=jwt, seed=user_seed)
    assert failed.end.cause == "auth_nkey"
    assert failed.logs(public(ours), "used: nkey (flag --nkey) ")


# -- a server that gives no nonce to sign -----------------------------------------------------------


async def test_jwt_is_sent_without_a_nonce(server: NatsServer, operator: Operator) -> None:
    jwt, user_seed = operator.user()
    connect = await sent(settings_with(server, jwt=jwt, seed=user_seed))
    assert connect.credentials == "JWT (flag --jwt)"
    assert connect.connect["jwt"] == "****"
    assert "sig" not in connect.connect


async def test_jwt_is_refused_by_a_server_without_operators(nats_server: StartServer, operator: Operator) -> None:
    server = nats_server(config="authorization { user: ann, password: pw }")
    jwt, user_seed = operator.user(expires_in=-86_400)
    failed = await refused(server, creds=operator.creds(jwt, user_seed))
    assert failed.end.cause == "auth_jwt"
    assert failed.logs("no nonce to sign", "used: credentials file (env NATS_CREDS)")


async def test_nkey_is_refused_by_a_server_without_nkeys(nats_server: StartServer, tmp_path: Path) -> None:
    server = nats_server(config="authorization { user: ann, password: pw }")
    failed = await refused(server, nkey=nkey_file(tmp_path, key(nkeys.PREFIX_BYTE_USER)))
    assert failed.end.cause == "nkeys_unsupported"
    assert failed.logs("no nonce for the nkey to sign", "leave --nkey out")
    assert not failed.events.of(ev.DialConnect)


# -- what is refused --------------------------------------------------------------------------------


async def test_no_credentials(nats_server: StartServer) -> None:
    failed = await refused(nats_server(config="authorization { token: t }"))
    assert failed.end.cause == "auth_missing"
    assert failed.logs("no credentials were given", "--creds")


async def test_wrong_password(nats_server: StartServer) -> None:
    server = nats_server(config="authorization { user: ann, password: pw }")
    failed = await refused(server, user="ann", password="planted")
    assert failed.end.cause == "auth"
    assert failed.logs("Authorization Violation", "is the password right")
    assert failed.logs("user (flag --user), password (env NATS_PASSWORD)")


async def test_wrong_token(nats_server: StartServer) -> None:
    failed = await refused(nats_server(config="authorization { token: t }"), token="planted")
    assert failed.end.cause == "auth"
    assert failed.logs("token (env NATS_TOKEN)")


async def test_wrong_nkey(nats_server: StartServer, tmp_path: Path) -> None:
    known, ours = key(nkeys.PREFIX_BYTE_USER), key(nkeys.PREFIX_BYTE_USER)
    server = nats_server(config=f"authorization {{ users: [{{ nkey: {public(known)} }}] }}")
    failed = await refused(server, nkey=nkey_file(tmp_path, ours))
    assert failed.end.cause == "auth_nkey"
    assert failed.logs(public(ours), "nkey (flag --nkey)", "must be among the users")
    assert seed(ours) not in "\n".join(failed.lines)


async def test_expired_jwt(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(expires_in=-86_400)
    failed = await refused(nats_server(config=operator.config), creds=operator.creds(jwt, user_seed))
    assert failed.end.cause == "auth_expired"
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    assert failed.logs(f"the user JWT expired on {day}", "credentials file (env NATS_CREDS)", "get new ones")


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize(
    ("sent", "cause", "expires_in", "dated"),
    [
        ("User Authentication Expired", "auth_expired", -60.0, True),
        ("User Authentication Expired", "auth_expired", 3600.0, False),
        ("Account Authentication Expired", "auth_account_expired", -60.0, False),
    ],
)
async def test_expiry_is_shown_for_the_user_jwt_only(
    operator: Operator, sent: str, cause: str, expires_in: float, dated: bool, connected: bool
) -> None:
    """Of an account's JWT only the server knows, and a server's clock may be ahead of ours."""

    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        await talk.send((b"PONG\r\n" if connected else b"") + f"-ERR '{sent}'\r\n".encode())
        await talk.until_closed()

    creds = operator.creds(*operator.user(expires_in=expires_in))
    async with playing(script) as peer, listening(settings(peer.url, creds=creds)) as run:
        if connected:
            text = (await run.events.until(ev.Disconnected, lambda end: end.cause == cause)).text
        else:
            text = (await run.events.until(ev.DialEnd, lambda end: end.cause == cause)).text
    assert sent.casefold() in text.casefold()
    assert ("the user JWT expired on" in text) is dated


async def test_client_certificate_that_stands_for_a_user(nats_server: StartServer, tmp_path: Path) -> None:
    ca = Authority(tmp_path, "ours")
    users = '\nauthorization { users: [{ user: "known.example" }] }'
    server = nats_server(config=ca.server_config(HOST, more="verify_and_map: true") + users)
    certificate, its_key = ca.issue("known.example")
    connect = await sent(settings_with(server, tlsca=ca.file, tlscert=certificate, tlskey=its_key))
    assert connect.credentials == "client certificate (flag --tlscert)"
    certificate, its_key = ca.issue("unknown.example")
    failed = await refused(server, tlsca=ca.file, tlscert=certificate, tlskey=its_key)
    assert failed.end.cause == "auth_certificate"
    assert failed.logs("used: client certificate (flag --tlscert)", "verify_and_map")


async def test_client_certificate_is_not_sent_unasked(nats_server: StartServer, tmp_path: Path) -> None:
    ca = Authority(tmp_path, "ours")
    server = nats_server(config=ca.server_config(HOST) + "\nauthorization { token: t }")
    certificate, its_key = ca.issue("known.example")
    failed = await refused(server, tlsca=ca.file, tlscert=certificate, tlskey=its_key)
    assert failed.end.cause == "auth_missing"


async def test_jwt_of_an_account_that_is_unknown_to_the_server(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(by=key(nkeys.PREFIX_BYTE_ACCOUNT))
    failed = await refused(nats_server(config=operator.config), jwt=jwt, seed=user_seed)
    assert failed.end.cause == "auth_jwt"
    assert failed.logs("JWT (flag --jwt), seed (flag --seed)")


async def test_unusable_credentials_file(server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "empty.creds"
    path.write_text("nothing")
    failed = await refused(server, creds=str(path))
    assert failed.end.cause == "credentials"


async def test_credentials_file_is_read_again_at_each_dial(nats_server: StartServer, operator: Operator) -> None:
    server = nats_server(config=operator.config)
    creds = Path(operator.creds(*operator.user()))
    async with listening(settings_with(server, creds=str(creds))) as run:
        await run.events.until(ev.Connected)
        away = creds.with_suffix(".away")
        os.rename(creds, away)
        run.execute(commands.Reconnect())
        failed = await run.events.until(ev.DialEnd, lambda end: end.outcome == "failed")
        assert (failed.stage, failed.cause) == ("connect", "credentials")
        assert failed.text == f"the credentials file {creds} cannot be read: No such file or directory"
        os.rename(away, creds)
        await run.events.until(ev.Connected)


# -- limits -----------------------------------------------------------------------------------------


async def test_too_many_connections(nats_server: StartServer) -> None:
    """The server refuses before it receives anything. CONNECT may cost the text of it, and the second look reads it."""
    server = nats_server(config="max_connections: 1")
    async with listening(settings(server.url)) as run:
        await run.events.until(ev.Connected)
        failed = await refused(server)
    if failed.end.cause != "limit":
        assert failed.end.cause in ("reset", "eof")
        assert failed.finding is not None
        assert failed.finding.cause == "limit"
    assert failed.logs("maximum connections exceeded", "max_connections")


async def test_too_many_connections_of_an_account(nats_server: StartServer, tmp_path: Path) -> None:
    operator = Operator(tmp_path, connections=1)
    server = nats_server(config=operator.config)
    creds = operator.creds(*operator.user())
    async with listening(settings_with(server, creds=creds)) as run:
        await run.events.until(ev.Connected)
        failed = await refused(server, creds=creds)
    assert failed.end.cause == "account_limit"
    assert failed.logs("maximum account active connections exceeded")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Authentication Timeout", "auth_timeout"),
        ("User Authentication Expired", "auth_expired"),
        ("User Authentication Revoked", "auth_revoked"),
        ("Connection throttling is active. Please try again later.", "throttled"),
        ("Server Shutdown", "shutdown"),
    ],
)
async def test_refused_in_the_words_of_a_server(text: str, cause: str) -> None:
    async with peers.err_after_connect(text) as peer:
        failed = await failure(settings(peer.url, retry_on_failed_connect=False))
    assert failed.where == ("connect", cause)
    assert text in failed.text
