"""Denies statements that name a table: the smallest useful stage, until the firewall is there.

Lexical: every word or quoted identifier of the statement is compared, so a column of the same
name is denied as well.  What the lexer cannot read is denied.
"""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.errors import LexError
from acra_twisted.interfaces import IStageFactory, IStatementStage
from acra_twisted.model import Exchange, Statement
from acra_twisted.options import NAMES, Option, Settings
from acra_twisted.sql import lexer
from acra_twisted.verdicts import PASS, Deny, Pass


@implementer(IPlugin, IStageFactory)
class DenyTableFactory:
    """Makes the stage ``deny_table``."""

    name = "deny_table"
    options = (Option("tables", NAMES, (), "Names that no statement may contain."),)
    after = ()
    before = ()
    advisory = False

    def make(self, settings: Settings, services: Any) -> DenyTable:
        """Nothing can be wrong with names."""
        return DenyTable(settings["tables"])


@implementer(IStatementStage)
class DenyTable:
    """``tables`` are compared without regard to case."""

    name = "deny_table"

    def __init__(self, tables: tuple[str, ...]) -> None:
        self._tables = frozenset(table.lower().encode() for table in tables)

    def on_statement(self, statement: Statement, exchange: Exchange) -> Pass | Deny:
        """Deny what names a table, and what can't be read."""
        text = statement.text
        try:
            found = lexer.tokens(text, exchange.session.conforming)
        except LexError:
            return Deny(reason="the statement cannot be read")
        for kind, start, end in found:
            if kind == lexer.UNICODE_QUOTED:
                return Deny(reason="an identifier with Unicode escapes cannot be compared")
            if kind in (lexer.WORD, lexer.QUOTED):
                if text[start:end].strip(b'"').lower() in self._tables:
                    return Deny(reason="it names a denied table")
        return PASS

    def stop(self) -> None:
        """Nothing to release."""
