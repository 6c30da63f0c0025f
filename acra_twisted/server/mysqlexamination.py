"""Checks of acra-doctor for a database that is MySQL or MariaDB: it is visited as a client's login
would, up to its decision about a user whom it does not know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, TimeoutError
from twisted.python.failure import Failure

from acra_twisted.dialects.mysql.authentication import CACHING, SHA256
from acra_twisted.dialects.mysql.refusals import reason_of_error
from acra_twisted.dialects.mysql.visit import Visit
from acra_twisted.doctor.far import peer, told
from acra_twisted.doctor.result import Result, fail, ok, warn
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.lines import printable
from acra_twisted.loginactions import Action, StartTLS, Write
from acra_twisted.options import Settings
from acra_twisted.server.database import Database, DatabaseChannel
from acra_twisted.server.loginadvice import ends_client_tls
from acra_twisted.transport.failures import Party, reason_of
from acra_twisted.transport.spoken import MYSQL, foreign, silent

_ABOUT: Final = "database"
_TEXT_MAX: Final = 300
#: What is to be done about errors of a server that takes no connection.
_REMEDIES: Final = {
    1040: "raise max_connections of the database, or lower max_connections here",
    1129: "run FLUSH HOSTS in the database, and switch skip_name_resolve on there, or raise "
    "max_connect_errors: docs/mysql.rst says what counts",
    1130: "accounts of the database must be for AcraServer's address: 'user'@'address'",
    1203: "raise max_user_connections of the database",
}


async def visited(
    reactor: Any, reached: Database, settings: Settings, party: Party, user: bytes
) -> AsyncIterator[Result]:
    """Visit a database as ``user``."""
    try:
        channel = await reached.connect(plain=True)
    except Exception as error:
        yield told(_ABOUT, reason_of(error, party))
        return
    visit = Visit(user, reached.tls)
    try:
        await _carried_out(visit, channel, reached).addTimeout(
            settings["db_connect_timeout"], reactor
        )
    except TimeoutError:
        if visit.greeting is None:
            what, remedy = silent(MYSQL)
            yield fail(_ABOUT, f"{party} {what}", remedy)
        else:
            yield fail(_ABOUT, f"it is {visit.system} and does not answer")
    except Exception as error:
        yield told(_ABOUT, reason_of(error, party, stood=visit.greeting is not None))
    else:
        for result in results(visit, channel.certificate, settings, party):
            yield result
    finally:
        channel.abort()


def _carried_out(visit: Visit, channel: DatabaseChannel, reached: Database) -> Deferred[None]:
    """Fires when the server has decided."""
    decided: Deferred[None] = Deferred()
    heard = bytearray()

    def do(step: Callable[[], Sequence[Action]]) -> None:
        try:
            for action in step():
                if isinstance(action, Write):
                    channel.write(action.data)
                elif isinstance(action, StartTLS):
                    channel.start_tls(reached.creator, True)
        except (WireError, HandshakeError) as error:
            end(Failure(error))
        if visit.over:
            end(None)

    def end(result: Any) -> None:
        if not decided.called:
            decided.callback(result)

    def received(data: bytes) -> None:
        if not heard:
            heard.extend(data[:1])
            strange = foreign(data, MYSQL)
            if strange is not None:
                end(Failure(strange))
                return
        do(lambda: visit.feed(data))

    channel.receiver, channel.on_lost = received, end
    channel.on_encrypted = lambda: do(visit.tls_started)
    return decided


def results(
    visit: Visit, certificate: bytes | None, settings: Settings, party: Party
) -> Iterator[Result]:
    """Say what a visit has shown; ``certificate`` is the server's, None without TLS."""
    error = visit.error
    if visit.greeting is None:
        assert error is not None  # noqa: S101 - it has decided
        yield fail(
            _ABOUT,
            f"{party} takes no connection: {_shown(error.text)} ({error.number})",
            _REMEDIES.get(error.number, ""),
        )
        return
    protection = "with TLS" if certificate is not None else "without TLS"
    yield ok(_ABOUT, f"{party} can be reached, {protection}")
    yield from peer(_ABOUT, certificate)
    if visit.admitted:
        yield warn(
            _ABOUT,
            f"it is {visit.system} and lets in a user whom nobody has made",
            "drop the accounts without a name: SELECT host FROM mysql.user WHERE user = ''",
        )
    elif error is not None and not reason_of_error(error.number):
        text = f"{_shown(error.text)} ({error.number})"
        yield warn(_ABOUT, f"it is {visit.system} and says: {text}")
    else:
        yield ok(_ABOUT, f"it is {visit.system}; it knows no user of this name, as it should be")
    plugin = visit.greeting.plugin
    if plugin in (CACHING, SHA256) and ends_client_tls(settings) != (certificate is not None):
        leg = "the database's" if certificate is not None else "the applications'"
        yield warn(
            _ABOUT,
            f"its plugin is {plugin.decode()}, and only {leg} side has TLS: a user whom the "
            "database has not cached cannot log in",
            "have TLS on both sides (client_tls, db_tls)",
        )


def _shown(text: bytes) -> str:
    return printable(text.decode("utf-8", "replace"), " ")[:_TEXT_MAX]
