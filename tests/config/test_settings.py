"""Server URLs, subjects and settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.config.secret import Secret
from natsmon.config.server_urls import BadURL, parse_server, parse_servers
from natsmon.config.settings import Server, Settings, describe, from_line, to_line


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("localhost", Server("localhost")),
        ("localhost:1234", Server("localhost", 1234)),
        ("nats://10.0.0.1", Server("10.0.0.1")),
        ("NATS://Example.COM:65535/", Server("example.com", 65535)),
        ("tls://a.b-c_d.", Server("a.b-c_d.", scheme="tls")),
        ("[::1]", Server("::1")),
        ("nats://[2001:DB8::1]:5", Server("2001:db8::1", 5)),
        ("nats://[fe80::1%25eth0]", Server("fe80::1%eth0")),
        ("nats://münchen.example", Server("xn--mnchen-3ya.example")),
        ("nats://u:p@h:1", Server("h", 1)),
        ("tcp://h:1", Server("h", 1)),
        ("http://h", Server("h")),
        ("nats://h/path?query#fragment", Server("h")),
        ("nats:1", Server("nats", 1)),
        ("ws://h", Server("h", 80, "ws")),
        ("wss://h/", Server("h", 443, "wss")),
        ("ws://h/a/b?tenant=x&q=%40", Server("h", 80, "ws", path="/a/b", query=Secret("tenant=x&q=%40"))),
        ("ws://h?q", Server("h", 80, "ws", query=Secret("q"))),
    ],
)
def test_url_is_one_server(text: str, server: Server) -> None:
    assert parse_server(text) == server
    assert parse_servers([text])[0] == (server,)


def test_query_of_a_url_is_masked() -> None:
    server = parse_server("ws://h/p?token=hunter2")
    assert str(server) == server.url == "ws://h:80/p?****"
    assert server.request_url == "ws://h:80/p?token=hunter2"
    assert "hunter2" not in repr(server)


@pytest.mark.parametrize("text", ["a,", ",a", " a , ", "a,,", "a\n", ", ,a/ ,"])
def test_list_with_loose_punctuation_is_accepted(text: str) -> None:
    assert parse_servers([text])[0] == (Server("a"),)


def test_lists_are_joined_and_each_server_stands_once() -> None:
    servers, userinfo = parse_servers(["a, b:1", "nats://a:4222,tls://a"])
    assert servers == (Server("a"), Server("b", 1), Server("a", scheme="tls"))
    assert userinfo == {}


@pytest.mark.parametrize(
    ("url", "user", "password", "token"),
    [
        ("nats://joe:p%23w%40%3A@h", "joe", "p#w@:", None),
        ("nats://joe:a:b@h", "joe", "a:b", None),
        ("nats://t0k%20en@h", None, None, "t0k en"),
        ("joe:@h", "joe", "", None),
        ("nats://j:p@a,nats://b,nats://j:p@c", "j", "p", None),
    ],
)
def test_userinfo_is_taken_out_and_decoded(url: str, user: str | None, password: str | None, token: str | None) -> None:
    servers, userinfo = parse_servers([url])
    assert userinfo
    found = tuple(userinfo.get(name) for name in ("user", "password", "token"))
    assert [None if secret is None else secret.reveal() for secret in found] == [user, password, token]
    assert not any("@" in str(server) for server in servers)


BAD_URLS = [
    ("", "names no server"), (" , ,", "names no server"), ("nats://", "host is empty"),
    ("nats://:4222", "host is empty"),
    ("nats://u:hunter2@", "host is empty"), ("nats://h:", "port is missing"), ("nats://h:0", "out of range"),
    ("nats://h:65536", "out of range"), ("h:-1", "not a number"), ("nats://h:4x2", "not a number"),
    ("nats://joe:hunter2", "not a number"), ("nats://joe:hunter2:x", "two colons"), ("::1", "brackets"),
    ("nats://fe80::1%lo:4222", "brackets"), ("1:2:3:4:5:6:7:8", "brackets"), ("h:1:2", "two colons"),
    ("nats:127.0.0.1:4222", "follow the scheme: nats://"), ("ws:h:80", "follow the scheme: ws://"),
    ("nats:/h:4222", "follow the scheme"), ("nats//h", "follow the scheme"), ("tls:h", "follow the scheme"),
    ("a:1;b:2", "separated by commas"), ("nats://a:1 nats://b:1", "separated by commas"), ("a;b", "by commas"),
    ('"nats://h:1"', "quotation marks"), ("'h'", "quotation marks"), ("http:h:1", "follow the scheme"),
    ("nats://[::1", "brackets"), ("nats://[::1]x", "brackets"), ("nats://[hunter2]:1", "not an IPv6"),
    ("nats://a b", "no spaces"), ("nats://" + "a" * 64, "not a valid name"), ("nats://a..b", "not a valid"),
    ("nats://" + "a." * 150, "not a valid name"), ("nats://h\x1b[31m", "not a valid name"), ("ü" * 80, "not a valid"),
    ("://h", "not a scheme"), ("hun ter2://joe:hunter2@h", "not a scheme"),
    ("ws://joe:hunter2@h/p?q=hun\"ter2", "percent-encoded"), ("wss://h/#hunter2", "percent-encoded"),
    ("ws://h/hun ter2", "percent-encoded"), ("ws://h/\x1b[31m", "percent-encoded"),
    ("ws://h,nats://h", "cannot be mixed"), ("tls://h,wss://joe:hunter2@h", "cannot be mixed"),
    ("ws://h?q=hunter2@a", "percent-encoded"),
    ("nats://joe:hun/ter2@h", "percent-encoded"), ("nats://joe:hunter%@h", "percent-encoded"),
    ("nats://joe:hunter2%ff@h", "not UTF-8"), ("nats://joe:hunter2,x@h", "written %2C"),
    ("joe:hunter2,x@h", "written %2C"), ("nats://joe:hunter2@a,nats://jim:hunter2@b", "other credentials"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), BAD_URLS)
def test_bad_url_raises_without_its_secret(text: str, why: str) -> None:
    with pytest.raises(BadURL, match=why) as caught:
        parse_servers([text])
    text = f"{caught.value.shown} {caught.value}"
    assert text.isprintable()
    assert "hunter2" not in text.replace("[hunter2]", "")
    assert "ter2" not in text.replace("[hunter2]", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h:x", "http://h:****"), ("ftp://h:x", "ftp://h:****"), ("://h", "://h"), ("::1", "::1"),
        ("nats://joe:hunter2@h:x", "nats://****@h:****"),
        # What looks like a scheme, an address or a host may be a part of a password.
        ("admin:hun://ter2@h", "****"), ("admin:hun://ter2", "****"),
        ("ed:dead:beef", "ed:****"), ("nats://joe:hun@ter2@h!", "nats://****"), ("h:1@joe:hun@ter2", "****"),
        ("nats://joe:hun@ter2!,x@h", "nats://****"), ("nats://hun,.ter2,x@h", "****"), ("joe:1,hun!,x@h", "****"),
        ("nats://joe:1,hun!,a://ter2@h", "****"), ("nats://h!,nats://joe:hunter2@h", "nats://h!"),
    ],
)  # fmt: skip
def test_error_shows_url_without_its_secret(text: str, shown: str) -> None:
    with pytest.raises(BadURL) as caught:
        parse_servers([text])
    assert caught.value.shown == shown


@given(st.text())
def test_any_text_is_servers_or_bad_url(text: str) -> None:
    try:
        servers, _ = parse_servers([text])
    except BadURL:
        return
    assert all(1 <= server.port <= 65535 and server.host for server in servers)


def test_settings_reach_the_probe_and_show_no_secret() -> None:
    settings = Settings(
        servers=(Server("h", 1), Server("::1")),
        user=Secret("joe"),
        password=Secret("hunter2"),
        payload=b"\x00\xff",
        headers=(("Authorization", Secret("Bearer hunter2")), ("Kind", Secret("test"))),
        origins={"password": "env NATS_PASSWORD"},
    )
    assert from_line(to_line(settings)) == settings
    assert "hunter2" not in repr(settings)
    shown = describe(settings)
    assert shown["password"] == ("****", "env NATS_PASSWORD")
    assert shown["headers"] == ("Authorization: ****, Kind: ****", "default")
    assert shown["token"] == ("", "default")
    assert shown["servers"] == ("nats://h:1, nats://[::1]:4222", "default")
    assert shown["payload"] == (r"\x00\xff", "default")


def test_every_setting_is_described() -> None:
    internal = {"origins", "creds_data", "nkey_data", "credentials_in_url", "every_message"}
    fields = set(Settings.__struct_fields__) - internal
    assert len(describe(Settings())) == len(fields)
    assert describe(Settings(interval=0.0))["rate"][0] == "max"
    assert describe(Settings(payload=b"x" * 5000))["payload"][0].endswith("… (4.9 KiB)")


def test_servers_that_differ_in_a_secret_can_be_sorted() -> None:
    servers = [Server("h", scheme="ws", query=Secret(token)) for token in ("b", "a")]
    assert [server.query.reveal() for server in sorted(servers)] == ["a", "b"]
