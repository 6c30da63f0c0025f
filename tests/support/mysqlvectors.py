"""Conversations of MySQL and MariaDB that were recorded: see ``tests/vectors/README.rst``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

CLIENT = "C"
SERVER = "S"
_SHOWN = "P"
_NOTE = "-"
_COMPRESSING = 0x20 | 0x4000000


class Packet(NamedTuple):
    """One packet: who says it (`CLIENT` or `SERVER`), its number, its bytes, and what it is."""

    leg: str
    sequence: int
    payload: bytes
    about: str

    @property
    def encoded(self) -> bytes:
        """The packet with its header."""
        return len(self.payload).to_bytes(3, "little") + bytes((self.sequence,)) + self.payload


class Conversation(NamedTuple):
    """One session.

    ``capabilities`` and ``extended`` (MariaDB's) are those in force.  ``shown`` is the greeting
    that a relay showed the client, if it changed it.  ``of_one_leg`` is false where only one leg of
    the relay had TLS: then the numbers of the login's packets are of two legs.
    """

    name: str
    client: str
    capabilities: int
    extended: int
    packets: tuple[Packet, ...]
    shown: bytes
    of_one_leg: bool

    @property
    def has_login(self) -> bool:
        """True if it begins with the greeting, or with the error in its place."""
        return self.packets[0].leg == SERVER

    def said(self, leg: str) -> bytes:
        """All bytes of one side."""
        return b"".join(packet.encoded for packet in self.packets if packet.leg == leg)


@cache
def load() -> dict[str, Any]:
    """The file: ``encodings`` and ``conversations``."""
    return json.loads((Path(__file__).parents[1] / "vectors/mysql.json").read_text())


@cache
def conversations() -> dict[str, Conversation]:
    """All conversations without compression, by name."""
    made = (_conversation(item) for item in load()["conversations"])
    return {one.name: one for one in made if not one.capabilities & _COMPRESSING}


def _conversation(item: dict[str, Any]) -> Conversation:
    said = [
        Packet(leg, number, bytes.fromhex(text), about)
        for leg, number, text, about in item["packets"]
    ]
    capabilities, extended = (int(text, 16) for text in item["in_force"])
    return Conversation(
        item["name"],
        item["client"],
        capabilities,
        extended,
        tuple(packet for packet in said if packet.leg in (CLIENT, SERVER)),
        b"".join(packet.payload for packet in said if packet.leg == _SHOWN),
        sum(packet.leg == _NOTE for packet in said) != 1,
    )
