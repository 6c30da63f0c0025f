"""The words that a daemon says of itself at every log level."""

from types import SimpleNamespace

from twisted.logger import Logger, LogLevel
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.logs.formats import FORMATS, LogWriter

SETTINGS = defaults(SERVER_SECTIONS).but(incoming_connection_string=Address("::1", 9393))


class Sink:
    lost = 0

    def __init__(self):
        self.lines = []

    def send(self, line, event):
        self.lines.append(line)
        return True


class Lines(SynchronousTestCase):
    def setUp(self):
        self.sink = Sink()
        writer = LogWriter(FORMATS["plaintext"]("x"), LogLevel.warn, [self.sink])
        self.log = Logger(observer=writer)

    def test_the_start_at_every_level(self):
        self.log.info("not of interest")
        exporters = [SimpleNamespace(name=name) for name in ("zipkin", "otlp")]
        banner.begins(self.log, SETTINGS, exporters, link="TLS", stages="censor")
        (line,) = self.sink.lines
        for part in (
            'level=info msg="Start listening connections" address="[::1]:9393" code=530',
            'exporters="otlp, zipkin" link=TLS metrics=none pages=none stages=censor version=',
        ):
            self.assertIn(part, line)
        self.assertNotIn("always", line)

    def test_where_to_look(self):
        pages, metrics = Address("127.0.0.1", 9399), Address("127.0.0.1", 9398)
        for settings, expected in (
            ({"incoming_connection_zpages_string": pages}, "pages=http://127.0.0.1:9399/"),
            (
                {"incoming_connection_zpages_string": pages, "zpages_tls_enable": True},
                "pages=https://127.0.0.1:9399/",
            ),
            (
                {"incoming_connection_prometheus_metrics_string": metrics},
                "metrics=http://127.0.0.1:9398/metrics",
            ),
            (
                {
                    "incoming_connection_prometheus_metrics_string": metrics,
                    "incoming_connection_zpages_string": pages,
                    "zpages_tls_enable": True,
                },
                "metrics=http://127.0.0.1:9398/metrics",
            ),
            (
                {
                    "incoming_connection_prometheus_metrics_string": pages,
                    "incoming_connection_zpages_string": pages,
                    "zpages_tls_enable": True,
                },
                "metrics=https://127.0.0.1:9399/metrics",
            ),
            (
                {"incoming_connection_prometheus_metrics_string": Address(path="/run/m")},
                "metrics=unix:///run/m",
            ),
        ):
            self.sink.lines.clear()
            banner.begins(self.log, SETTINGS.but(**settings), ())
            self.assertIn(expected, self.sink.lines[0].replace('"', ""))

    def test_the_end(self):
        banner.stops(self.log)
        banner.stopped(self.log)
        self.assertIn('msg="Stop listening" code=531', self.sink.lines[0])
        self.assertIn("msg=Stopped code=531", self.sink.lines[1])

    def test_stages_with_what_they_say_of_themselves(self):
        stages = (SimpleNamespace(name="censor", summary="3 rules"), SimpleNamespace(name="other"))
        self.assertEqual(banner.summaries(stages), "censor (3 rules), other")
        self.assertEqual(banner.summaries(()), "none")
