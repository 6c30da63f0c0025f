"""Every provider provides what it says."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from acra_twisted import interfaces
from acra_twisted.pipeline.observers import Observers
from acra_twisted.plugins.chosen import stage_factories
from acra_twisted.stages.censor import CensorStage
from acra_twisted.stages.query_capture import QueryCapture
from acra_twisted.telemetry.export.http import HttpExporter, LogExporter
from acra_twisted.telemetry.logs.audit import AuditLog
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.link import RawSecurity, TLSSecurity
from tests.support.sessions import Recorder


class Providers(SynchronousTestCase):
    def test_classes(self):
        for observer in (AuditLog, ServerExchanges, Observers, ExchangeTracing, Recorder):
            verifyClass(interfaces.IPipelineObserver, observer)
        for stage in (CensorStage, QueryCapture):
            verifyClass(interfaces.IStatementStage, stage)
        for exporter in (HttpExporter, LogExporter):
            verifyClass(interfaces.ISpanExporter, exporter)
        for security in (RawSecurity, TLSSecurity):
            verifyClass(interfaces.ITransportSecurity, security)
        verifyClass(interfaces.ISecuredProtocol, Channel)

    def test_stage_factories(self):
        for factory in stage_factories().values():
            verifyObject(interfaces.IStageFactory, factory)
