"""A database on this host: reached by TLS where it offers that, and without where it does not.

SCRAM with channel binding passes no proxy that ends TLS on both sides.  A database without TLS
offers no binding, and clients that could bind get in.  So a login by SCRAM, of a client that may
have TLS, goes on without TLS here, as it would with ``db_tls = disable``; unless the database takes
nobody without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionLost

from acra_twisted.daemon.dialect import DIALECT

if TYPE_CHECKING:
    from acra_twisted.server.database import Database, DatabaseChannel


async def reach(
    database: Database, startup: bytes, may_bind: bool, span: Any = None
) -> DatabaseChannel:
    """A channel that is ready for ``startup``; or one whose ``answer`` to it is there already.

    ``may_bind``: the client may have TLS, and want to bind its login to it.  ``span`` is that of
    `Database.connect`.
    """
    channel = await database.connect(span=span)
    if not (may_bind and channel.encrypted):
        return channel
    plain: DatabaseChannel | None = None
    try:
        await channel.ask(startup)
        if DIALECT.offers_binding(channel.answer):
            plain = await database.connect(plain=True)
            await plain.ask(startup)
            if not DIALECT.is_error(plain.answer):
                channel.close()
                return plain
            plain.abort()
        if channel.is_lost:
            raise ConnectionLost()
    except BaseException:
        for one in (channel, plain):
            if one is not None:
                one.abort()
        raise
    return channel
