"""The demo's protected columns: plain SQL goes in, the database holds none of its values."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from telling import Failed, ask, begin, event, expect, say, show, the_trace

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain, Ini
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.telemetry.tracing.records import as_record

SUPPORT = "support desk"
NUMBER = "5500 0000 0000 0004"
COLUMNS = """# The same number in three columns, each protected in another way.
schemas:
  - table: payment
    encrypted:
      - column: card
        data_type: str
        searchable: true
      - column: receipt
        data_type: str
        masking: "**** "
        plaintext_length: 4
        plaintext_side: right
      - column: export
        token_type: str
        consistent_tokenization: true
"""
WRITTEN = f"INSERT INTO payment VALUES (1, '{NUMBER}', '{NUMBER}', '{NUMBER}')"
#: The values by what became of them, on all spans of the application's trace.
COUNTED = {"encrypted": 2, "tokenized": 1, "searched": 1, "opened": 2, "detokenized": 1}


def configured(folder: Path) -> Ini:
    """Write the configuration of the columns; return the sections of the ini file that name it."""
    path = folder / "encryptor.yaml"
    path.write_text(COLUMNS)
    return {
        "encryptor": {"encryptor_config_file": str(path)},
        "tokens": {"token_store": f"sqlite:{folder / 'tokens.db'}"},
    }


def make_keys(keys: Keys) -> None:
    """Make the search key of the application, and the keys of the support desk."""
    keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
    for purpose in (purposes.STORAGE, purposes.STORAGE_SYMMETRIC, purposes.SEARCH_HMAC):
        keys.writer.generate(purpose, SUPPORT)


def work(on: Any, chain: Chain, keys: Keys, collector: Collector, settings: Ini) -> str:
    """Write a number in plain SQL; look at it as the database, as its owner and as another client;
    be refused; show the trace, and return its id.  ``on`` is a database with its application."""
    page = begin("a payment")
    say("\nThe application's own SQL, on columns that encryptor.yaml names:")
    with on.connect(chain.port, page) as db:
        ask(db, on.payment)
        say(f"    {WRITTEN}")
        ask(db, WRITTEN)
        with on.connect(on.port) as direct:
            token = stored(direct)
        found = ask(db, "SELECT id FROM payment WHERE card = %s", NUMBER)
        expect("found by its number, rows", found, [(1,)])
        read = ask(db, "SELECT card, receipt, export FROM payment")
        expect("the application reads", read, [(NUMBER, NUMBER, NUMBER)])
        say("    the application sorts by the number, which the stored bytes cannot answer ...")
        refused = refusal(on, db, "SELECT id FROM payment ORDER BY card")
        expect("it is refused, with", refused, on.unsupported)
    page.end = time.time_ns()
    with support_desk(chain, keys, on.port, settings) as other, on.connect(other.port) as db:
        read = ask(db, "SELECT receipt, export FROM payment")
        expect(f"the {SUPPORT}, with keys of its own, reads", read, [("**** 0004", token)])
    spans = the_trace(collector, chain, page.trace_id)
    spans.append(as_record(page, "application"))
    say("\nIts trace:\n")
    show(spans)
    check(chain, spans)
    return page.trace_id


def stored(db: Any) -> str:
    """Show what the database holds, and return the token."""
    [(card, receipt, token)] = ask(db, "SELECT card, receipt, export FROM payment")
    say("  the database holds:")
    say(f"    card, searchable: {card[:24].hex()}... ({len(card)} bytes)")
    say(f"    receipt, masked:  {receipt[:24].hex()}... ({len(receipt)} bytes)")
    say(f"    export, a token:  {token}")
    if token == NUMBER or any(NUMBER.encode() in cell for cell in (card, receipt)):
        raise Failed("the database holds the number")
    return str(token)


def support_desk(chain: Chain, keys: Keys, database: int, settings: Ini) -> Chain:
    """Make an AcraServer for a client with other keys, not yet started."""
    place = chain.folder / "support"
    place.mkdir()
    own = {"server": {"client_id": SUPPORT}, "pipeline": {"stages": "encryptor, decryptor"}}
    server = {**settings, **own}
    return Chain(("127.0.0.1", database), link="none", keys=keys, server=server, folder=place)


def refusal(on: Any, db: Any, statement: str) -> Any:
    """Show the error that a statement ends with; return what tells of it."""
    try:
        ask(db, statement)
    except on.error as error:
        code, text = on.told(error)
        say(f"    {text}")
        return code
    raise Failed("a statement that sorts by an encrypted column was not refused")


def check(chain: Chain, spans: list[dict[str, Any]]) -> None:
    """The trace names the columns, the event leads to it, and the number is in neither."""
    say("\nOn the spans of its statements, values of protected columns:")
    for action, wanted in COUNTED.items():
        numbers = [span["attributes"].get(f"acra.columns_{action}", 0) for span in spans]
        expect(action, sum(numbers), wanted)
    denied = event(chain.folder, 2050)
    expect("\nThe refusal is event 2050, column", denied["column"], "payment.card")
    expect("  its reason", denied["rule"], "order")
    expect("  its trace", denied["trace_id"], spans[0]["trace_id"])
    log = (chain.folder / "acra-server.log").read_text()
    if any(form in text for form in (NUMBER, NUMBER.encode().hex()) for text in (str(spans), log)):
        raise Failed("the number is in the trace or in the log")
