"""Who we are: every kind of credentials against real servers, and each way in which they are refused."""

import time
from pathlib import Path
from typing import Any

import nkeys
import pytest

from natsmon import events as ev
from natsmon.sandbox.server import NatsServer
from natsmon.settings import Secret, Settings
from tests import peers
from tests.conftest import StartServer
from tests.dial.dialing import Failure, failure
from tests.dial.operator_mode import Operator, key, public, seed
from tests.listening import Events, listening, settings

ORIGINS = {
    "user": "flag --user",
    "password": "env NATS_PASSWORD",
    "token": "env NATS_TOKEN",
    "nkey": "flag --nkey",
    "creds": "env NATS_CREDS",
    "jwt": "flag --jwt",
    "seed": "flag --seed",
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
        await run.events.until(ev.UserInfo)
        await run.events.until(ev.Echoed)
    return run.events


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
    (told,) = events.of(ev.Account)
    assert (told.account, told.system) == ("A", False)
    (user,) = events.of(ev.UserInfo)
    assert (user.user, user.account, user.expires) == ("ann", "A", 0.0)


async def test_token(nats_server: StartServer) -> None:
    events = await accepted(nats_server(config="authorization { token: planted }"), token="planted")
    assert "planted" not in str(events.seen)


async def test_nkey(nats_server: StartServer, tmp_path: Path) -> None:
    pair = key(nkeys.PREFIX_BYTE_USER)
    server = nats_server(config=f"authorization {{ users: [{{ nkey: {public(pair)} }}] }}")
    events = await accepted(server, nkey=nkey_file(tmp_path, pair))
    assert events.of(ev.UserInfo)[0].user == public(pair)


async def test_credentials_file(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(expires_in=3600, pub={"deny": ["secret.>"]})
    events = await accepted(nats_server(config=operator.config), creds=operator.creds(jwt, user_seed))
    (connect,) = events.of(ev.DialConnect)
    (user,) = events.of(ev.UserInfo)
    assert connect.expires == pytest.approx(time.time() + 3600, abs=30)
    assert user.expires == pytest.approx(connect.expires, abs=5)
    assert user.publish_deny == ["secret.>"]
    assert user.account == "ORDERS"


async def test_jwt_and_seed(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user()
    await accepted(nats_server(config=operator.config), jwt=jwt, seed=user_seed)


# -- what is refused --------------------------------------------------------------------------------


async def test_no_credentials(nats_server: StartServer) -> None:
    failed = await refused(nats_server(config="authorization { token: t }"))
    assert failed.end.cause == "auth_missing"
    assert failed.told("no credentials were given", "--creds")


async def test_wrong_password(nats_server: StartServer) -> None:
    server = nats_server(config="authorization { user: ann, password: pw }")
    failed = await refused(server, user="ann", password="planted")
    assert failed.end.cause == "auth"
    assert failed.told("Authorization Violation", "is the password right")
    assert failed.told("user (flag --user), password (env NATS_PASSWORD)")


async def test_wrong_token(nats_server: StartServer) -> None:
    failed = await refused(nats_server(config="authorization { token: t }"), token="planted")
    assert failed.end.cause == "auth"
    assert failed.told("token (env NATS_TOKEN)")


async def test_wrong_nkey(nats_server: StartServer, tmp_path: Path) -> None:
    known, ours = key(nkeys.PREFIX_BYTE_USER), key(nkeys.PREFIX_BYTE_USER)
    server = nats_server(config=f"authorization {{ users: [{{ nkey: {public(known)} }}] }}")
    failed = await refused(server, nkey=nkey_file(tmp_path, ours))
    assert failed.end.cause == "auth_nkey"
    assert failed.told(public(ours), "nkey (flag --nkey)", "must be among the users")
    assert seed(ours) not in "\n".join(failed.lines)


async def test_expired_jwt(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(expires_in=-86_400)
    failed = await refused(nats_server(config=operator.config), creds=operator.creds(jwt, user_seed))
    assert failed.end.cause == "auth_expired"
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    assert failed.told(f"the user JWT expired on {day}", "credentials file (env NATS_CREDS)", "get new ones")


async def test_jwt_of_an_account_that_the_server_does_not_know(nats_server: StartServer, operator: Operator) -> None:
    jwt, user_seed = operator.user(by=key(nkeys.PREFIX_BYTE_ACCOUNT))
    failed = await refused(nats_server(config=operator.config), jwt=jwt, seed=user_seed)
    assert failed.end.cause == "auth_jwt"
    assert failed.told("JWT (flag --jwt), seed (flag --seed)")


async def test_unusable_credentials_file(server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "empty.creds"
    path.write_text("nothing")
    failed = await refused(server, creds=str(path))
    assert failed.end.cause == "credentials"


# -- limits -----------------------------------------------------------------------------------------


async def test_too_many_connections(nats_server: StartServer) -> None:
    """The server says so before it has heard anything; our CONNECT may cost us its word, and the look gets it."""
    server = nats_server(config="max_connections: 1")
    async with listening(settings(server.url)) as run:
        await run.events.until(ev.Connected)
        failed = await refused(server)
    if failed.end.cause != "limit":
        assert failed.end.cause in ("reset", "eof")
        assert failed.finding is not None
        assert failed.finding.cause == "limit"
    assert failed.told("maximum connections exceeded", "max_connections")


async def test_too_many_connections_of_an_account(nats_server: StartServer, tmp_path: Path) -> None:
    operator = Operator(tmp_path, connections=1)
    server = nats_server(config=operator.config)
    creds = operator.creds(*operator.user())
    async with listening(settings_with(server, creds=creds)) as run:
        await run.events.until(ev.Connected)
        failed = await refused(server, creds=creds)
    assert failed.end.cause == "account_limit"
    assert failed.told("maximum account active connections exceeded")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Authentication Timeout", "auth_timeout"),
        ("User Authentication Expired", "auth_expired"),
        ("User Authentication Revoked", "auth_revoked"),
        ("Connection throttling is active. Please try again later.", "limit"),
        ("Server Shutdown", "shutdown"),
    ],
)
async def test_refused_in_the_words_of_a_server(text: str, cause: str) -> None:
    async with peers.err_after_connect(text) as peer:
        failed = await failure(settings(peer.url, retry_on_failed_connect=False))
    assert failed.where == ("connect", cause)
    assert text in failed.text
