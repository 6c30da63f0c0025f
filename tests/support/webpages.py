"""Pages as whole texts, and what one piece of them takes."""

from acra_twisted.telemetry.pages.waiting import Wait


def body(page):
    """All of a page; what it waits for has come."""
    return "".join(piece for piece in page.pieces if not isinstance(piece, Wait))


def most_between(pieces, count):
    """How many things ``count()`` says were done for the piece that took most."""
    most, before = 0, count()
    for _ in pieces:
        most, before = max(most, count() - before), count()
    return most
