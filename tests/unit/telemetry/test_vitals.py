"""Facts about how a daemon is."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry import vitals


class Vitals(SynchronousTestCase):
    def test_the_process(self):
        now = [5 * 10**9]
        process = vitals.Process(lambda: now[0])
        self.assertEqual((process.shown()["lags"], process.shown()["lag_p99_ms"]), (0, 0.0))
        for number in range(2 * vitals.LAGS_MAX):
            process.lagged(number / 1000)
        process.lagged(-1)
        now[0] += 90 * 10**9
        told = process.shown()
        self.assertEqual((told["lags"], told["seconds"]), (vitals.LAGS_MAX, 90.0))
        self.assertEqual(told["lag_max_ms"], 2 * vitals.LAGS_MAX - 1)
        self.assertAlmostEqual(told["lag_p99_ms"], 1194.0, delta=1)
        self.assertGreater(told["memory"], 10_000_000)

    def test_memory_where_the_system_does_not_tell(self):
        self.patch(vitals, "_STATM", "/nowhere")
        self.assertGreater(vitals.memory(), 10_000_000)

    def test_exporters(self):
        batching = SimpleNamespace(
            name="otlp",
            party=SimpleNamespace(where="a:1"),
            queued=3,
            limit=9,
            counts={"sent": 2},
            trouble="refused",
        )
        bare = SimpleNamespace(name="log", queued=0, counts={})
        first, second = vitals.exporters([batching, bare])
        self.assertEqual((first["where"], first["limit"], first["trouble"]), ("a:1", 9, "refused"))
        self.assertEqual((second["where"], second["limit"], second["trouble"]), ("", 0, ""))

    def test_revocation(self):
        checker = SimpleNamespace(
            lists=[SimpleNamespace(end=9.0), SimpleNamespace(end=7.0)],
            policy=SimpleNamespace(ocsp=SimpleNamespace(active=False)),
            last_good=0.0,
        )
        (told,) = vitals.revocation({"clients": checker})
        self.assertEqual((told["leg"], told["lists"], told["list_ends"]), ("clients", 2, 7.0))
