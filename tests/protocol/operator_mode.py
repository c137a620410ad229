"""An operator, its accounts and their users: JWTs signed here, as ``nsc`` would, for a nats-server with no others."""

import base64
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import nkeys


def key(kind: int) -> Any:
    """A new key pair: ``nkeys.PREFIX_BYTE_OPERATOR``, ``_ACCOUNT`` or ``_USER``."""
    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), kind))


def public(pair: Any) -> str:
    return str(pair.public_key.decode())


def seed(pair: Any) -> str:
    return str(bytes(pair.seed).decode())


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(
    issuer: Any,
    subject: Any,
    name: str,
    nats: dict[str, Any],
    *,
    expires_in: float | None = None,
    begins_in: float | None = None,
) -> str:
    now = int(time.time())
    claims = {"iat": now - 60, "iss": public(issuer), "sub": public(subject), "name": name}
    if expires_in is not None:
        claims["exp"] = int(now + expires_in)
    if begins_in is not None:
        claims["nbf"] = int(now + begins_in)
    digest = hashlib.sha256(json.dumps(claims).encode()).digest()
    claims |= {"jti": base64.b32encode(digest).decode().rstrip("="), "nats": {**nats, "version": 2}}
    body = f"{_part(json.dumps({'typ': 'JWT', 'alg': 'ed25519-nkey'}).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{body}.{_part(issuer.sign(body.encode()))}"


class Operator:
    """One operator with a system account and an account ``ORDERS``; ``config`` is for a nats-server."""

    def __init__(self, folder: Path, *, connections: int = -1) -> None:
        self._folder = folder
        self._key = key(nkeys.PREFIX_BYTE_OPERATOR)
        self._system = key(nkeys.PREFIX_BYTE_ACCOUNT)
        self.account = key(nkeys.PREFIX_BYTE_ACCOUNT)
        accounts = {
            public(self._system): self._account(self._system, "SYS", -1),
            public(self.account): self._account(self.account, "ORDERS", connections),
        }
        self.account_jwt = accounts[public(self.account)]
        preload = "\n".join(f"{name}: {jwt}" for name, jwt in accounts.items())
        operator = sign(self._key, self._key, "op", {"type": "operator", "system_account": public(self._system)})
        self.config = f"operator: {operator}\nresolver: MEMORY\nresolver_preload: {{\n{preload}\n}}"

    def _account(self, pair: Any, name: str, connections: int) -> str:
        limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "leaf"), -1)
        claims = {"type": "account", "limits": {**limits, "wildcards": True, "conn": connections}}
        return sign(self._key, pair, name, claims)

    def user(
        self,
        *,
        expires_in: float | None = None,
        begins_in: float | None = None,
        by: Any = None,
        system: bool = False,
        **claims: Any,
    ) -> tuple[str, str]:
        """JWT and seed of a new user, with further claims; ``by`` signs for an account that it is not."""
        pair = key(nkeys.PREFIX_BYTE_USER)
        claims = {"type": "user", "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}, **claims}
        issuer = by or (self._system if system else self.account)
        jwt = sign(issuer, pair, "app", claims, expires_in=expires_in, begins_in=begins_in)
        return jwt, seed(pair)

    def creds(self, jwt: str, user_seed: str) -> str:
        """The path of a credentials file."""
        path = self._folder / f"{len(list(self._folder.iterdir()))}.creds"
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user_seed}\n------END USER NKEY SEED------\n"
        )
        return str(path)
