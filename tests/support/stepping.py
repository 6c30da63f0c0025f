"""Generators that work in steps and return something."""

from collections.abc import Iterator

from acra_twisted.telemetry.pages.waiting import Wait


def plain(value):
    """Return the values of a view with the items of its iterators in lists."""
    return {
        name: list(part) if isinstance(part, Iterator) else part for name, part in value.items()
    }


def returned(steps):
    """Return the value that it ends with; each step is an empty piece of a page, and what it waits
    for has come."""
    while True:
        try:
            piece = next(steps)
        except StopIteration as end:
            return end.value
        if isinstance(piece, Wait):
            over = []
            piece.then(lambda over=over: over.append(True))
            assert over, "it waits"
        else:
            assert piece == "", piece
