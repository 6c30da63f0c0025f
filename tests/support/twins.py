"""Compare bytes that pass whole with the same bytes taken apart."""

from __future__ import annotations

from acra_twisted.errors import WireError
from tests.support.playbook import Playbook


def both(conversation, inspects=(), **options):
    """Plays ``conversation`` (pairs of a side and bytes) as daemons do, and with every chunk taken
    apart; returns what there is to see of each: bytes, exchanges, session, errors."""
    return tuple(
        _played(Playbook(inspects=inspects, general=general, **options), conversation)
        for general in (False, True)
    )


def _played(play, conversation):
    to_client, to_database, failure = b"", b"", ""
    for side, data in conversation:
        try:
            if side == "client":
                to_database += play.client(data)
                to_client += play.extra
            else:
                to_client += play.database(data)
        except WireError as error:
            failure = f"{error.side}: {error}"
            break
    session = play.session
    return {
        "to_client": to_client,
        "to_database": to_database,
        "failure": failure,
        "owed": [(action, code) for action, code, _, _ in session.outstanding],
        "status": session.transaction,
        "copying": session.copying_in,
        "exchanges": [_shown(exchange, not failure) for exchange in play.recorder.opened],
        "closed": len(play.recorder.closed),
        "works": [kind for kind, _ in play.works],
    }


def _shown(exchange, whole):
    # Where the session ends, how far the reply was read that ends it is nobody's business.
    statement = exchange.statement.text if exchange.statement is not None else None
    return (
        *(exchange.kind, statement, exchange.outcome, exchange.rows, exchange.remote),
        *(exchange.linked, exchange.attributes),
        *(bool(exchange.sent), whole and bool(exchange.first_byte), bool(exchange.closed)),
    )
