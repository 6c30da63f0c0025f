"""Dialects provide what they say."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from acra_twisted import dialectinterfaces
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from tests.support.sessions import make_session


class Providers(SynchronousTestCase):
    def test_flows(self):
        for interface, flow in (
            (dialectinterfaces.IRequestFlow, RequestFlow(make_session())),
            (dialectinterfaces.IReplyFlow, ResponseFlow(make_session())),
        ):
            verifyClass(interface, type(flow))
            verifyObject(interface, flow)

    def test_the_dialect(self):
        dialect = PostgresqlDialect()
        verifyObject(dialectinterfaces.IDatabaseDialect, dialect)
        verifyObject(dialectinterfaces.IServerDialect, dialect)
