"""Generators that work in steps and return something."""


def returned(steps):
    """Return the value that it ends with; each step is an empty piece of a page."""
    while True:
        try:
            piece = next(steps)
        except StopIteration as end:
            return end.value
        assert piece == "", piece
