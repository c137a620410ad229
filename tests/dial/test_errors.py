"""The family of DialError."""

import copy
import errno
import pickle
import socket
import ssl

import pytest

import natsmon
from natsmon.dial.causes import Stage
from natsmon.dial.errors import DialError, classify
from natsmon.protocol.server_info import HandshakeError


class OfAUser(DialError):
    """A subclass with a constructor of its own."""

    def __init__(self, reason: str) -> None:
        super().__init__("tcp", "unreachable", reason)
        self.extra = [1]


@pytest.mark.parametrize(
    ("stage", "cause", "builtin"),
    [
        ("tcp", "refused", ConnectionRefusedError),
        ("tcp", "timeout", TimeoutError),
        ("tls", "timeout", TimeoutError),
        ("tcp", "reset", ConnectionResetError),
        ("connect", "eof", ConnectionResetError),
        ("dns", "dns", socket.gaierror),
        ("tls", "tls_expired", ssl.SSLCertVerificationError),
        ("tls", "tls_protocol", ssl.SSLError),
        ("tls", "tls_mismatch", ssl.SSLError),
        ("tcp", "unreachable", OSError),
        ("tcp", "unknown", OSError),
    ],
)
def test_dial_error_is_the_builtin_error_of_its_cause(stage: Stage, cause: str, builtin: type[Exception]) -> None:
    error = DialError(stage, cause, "words", address="east-1:4222")
    assert isinstance(error, builtin)
    assert isinstance(error, ConnectionError) == issubclass(builtin, ConnectionError)
    assert (error.stage, error.cause, error.text, error.address) == (stage, cause, "words", "east-1:4222")
    assert str(error) == f"east-1:4222: words (stage {stage}, cause {cause})"


def test_dial_error_itself_derives_from_exception_only() -> None:
    assert DialError.__mro__ == (DialError, Exception, BaseException, object)
    assert "__slots__" not in vars(DialError)


@pytest.mark.parametrize(
    "error",
    [
        DialError("tcp", "refused", "no", address="a:1"),
        DialError("tcp", "unreachable", "no", origin=OSError(errno.EHOSTUNREACH, "x")),
        DialError("dns", "dns", "no", origin=socket.gaierror(socket.EAI_NONAME, "x")),
        DialError("tls", "tls_expired", "no"),
        HandshakeError("info", "info_bad", "no"),
        OfAUser("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_dial_error_survives_copy_and_pickle(error: DialError) -> None:
    error.proxy, error.hop = "p:1080", "proxy"
    for twin in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))
        assert getattr(twin, "errno", None) == getattr(error, "errno", None)
        assert getattr(twin, "strerror", None) == getattr(error, "strerror", None)


def test_refused_has_its_errno() -> None:
    assert DialError("tcp", "refused", "no").errno == errno.ECONNREFUSED
    found = OSError(errno.EHOSTUNREACH, "x")
    assert DialError("tcp", *classify(found), origin=found).errno == errno.EHOSTUNREACH


def test_certificate_error_copies_the_verification() -> None:
    origin = ssl.SSLCertVerificationError(1, "failed")
    origin.verify_code, origin.verify_message = 10, "certificate has expired"
    origin.reason, origin.library = "CERTIFICATE_VERIFY_FAILED", "SSL"
    error = DialError("tls", *classify(origin), origin=origin)
    assert isinstance(error, natsmon.DialCertificateError)
    assert (error.verify_code, error.verify_message) == (10, "certificate has expired")
    assert (error.reason, error.library, error.errno) == ("CERTIFICATE_VERIFY_FAILED", "SSL", 1)
    bare = natsmon.DialCertificateError("tls", "tls_expired", "no")
    assert (bare.verify_code, bare.verify_message, bare.reason, bare.library) == (0, "", "", "")


def test_errno_of_a_race_is_the_first_ones() -> None:
    group = ExceptionGroup("all", [ExceptionGroup("nested", [OSError(errno.ENETUNREACH, "x")]), OSError(1, "y")])
    assert DialError("tcp", "unreachable", "no", origin=group).errno == errno.ENETUNREACH


def test_subclass_is_not_replaced() -> None:
    assert type(natsmon.DialFailed("tcp", "refused", "no")) is natsmon.DialFailed
