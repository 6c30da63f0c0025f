"""Pages as whole texts, and what one piece of them takes."""


def body(page):
    """All of a page."""
    return "".join(page.pieces)


def most_between(pieces, count):
    """How many things ``count()`` says were done for the piece that took most."""
    most, before = 0, count()
    for _ in pieces:
        most, before = max(most, count() - before), count()
    return most
