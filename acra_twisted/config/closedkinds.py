"""Kinds of settings whose texts may hold passwords, tokens or values, and are shown to nobody."""

from __future__ import annotations

from typing import Final

from acra_twisted.optionkinds import Kind, Names


class Assignments(Names):
    """Settings of a plug-in, which alone knows which of them are secret."""

    noun = "NAME=VALUE, comma-separated"
    is_public = False


class Statement(Kind):
    """An SQL statement, which may have literals."""

    is_public = False


ASSIGNMENTS: Final = Assignments()
STATEMENT: Final = Statement()
