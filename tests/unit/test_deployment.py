"""The service manager's files: as closed as they can be, and right about the daemons."""

import json
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import parse_qsl

import yaml
from packaging.specifiers import SpecifierSet
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import VIEWS
from acra_twisted.telemetry.metrics.histogram import DurationsBy

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "examples" / "systemd"
#: Security requirement PK-1.
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "CapabilityBoundingSet": "",
    "SystemCallArchitectures": "native",
    "LimitCORE": "0",
    "Type": "notify",
    "User": "acra",
}


def unit(name):
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string((UNITS / name).read_text())
    return parser


class Systemd(SynchronousTestCase):
    def test_pk1_services_are_closed(self):
        for daemon in ("acra-server", "acra-connector"):
            service = unit(f"{daemon}.service")["Service"]
            found = {key: service.get(key) for key in HARDENED}
            self.assertEqual(found, HARDENED)
            self.assertIn("@system-service", (UNITS / f"{daemon}.service").read_text())
            self.assertGreater(int(service["WatchdogSec"]), 0)
            self.assertIn(f"--nodaemon --pidfile= {daemon} ", service["ExecStart"])
            self.assertEqual(unit(f"{daemon}.service")["Unit"]["Requires"], f"{daemon}.socket")
            # Keys are where the daemon looks for them by default, and no other daemon's.
            self.assertEqual(service["StateDirectory"], daemon)
            self.assertEqual(service["WorkingDirectory"], f"%S/{daemon}")

    def test_one_of_several_is_as_closed(self):
        one, several = (unit(f"acra-server{at}.service")["Service"] for at in ("", "@"))
        self.assertEqual(one, {key: several.get(key) for key in one})
        text = (UNITS / "acra-server@.service").read_text()
        self.assertIn("PROMETHEUS_METRICS_STRING=tcp://127.0.0.1:942%i\n", text)

    def test_rl8_sockets_have_the_address_of_the_sample(self):
        for daemon in ("acra-server", "acra-connector"):
            address = unit(f"{daemon}.socket")["Socket"]["ListenStream"]
            sample = (ROOT / "etc" / f"{daemon}.ini").read_text()
            self.assertIn(f"incoming_connection_string = tcp://{address}\n", sample)


class Logrotate(SynchronousTestCase):
    def test_each_daemon_opens_its_files_anew(self):
        text = (UNITS / "acra.logrotate").read_text()
        signals = [line.split() for line in text.splitlines() if "systemctl kill" in line]
        [[*_, signal, pattern]] = signals
        self.assertEqual(signal, "--signal=USR1")
        services = [path.name for path in UNITS.glob("*.service")]
        self.assertGreater(len(services), 2)
        for name in services:
            self.assertTrue(fnmatch(name.replace("@", "@1"), pattern.strip("'")), name)


class Prometheus(SynchronousTestCase):
    def test_what_is_scraped_is_named_with_its_setting(self):
        text = (ROOT / "examples/monitoring/prometheus.yml").read_text()
        found = yaml.safe_load(text)["scrape_configs"][0]["static_configs"][0]["targets"]
        self.assertIn("incoming_connection_prometheus_metrics_string", text)
        for target in found:
            self.assertIn(f"tcp://{target}", text)


class Grafana(SynchronousTestCase):
    def view_at(self, address):
        """Return the view at an address of the console; its arguments are those that it has."""
        path, _, query = address.partition("?")
        view = VIEWS[path.removeprefix("/console/")]
        view.asked(dict(parse_qsl(query, strict_parsing=bool(query))), 0)
        return view.name

    def test_exemplars_open_their_traces_in_the_console(self):
        text = (ROOT / "examples/monitoring/grafana-datasource.yml").read_text()
        (source,) = yaml.safe_load(text)["datasources"]
        (there,) = source["jsonData"]["exemplarTraceIdDestinations"]
        registry = CollectorRegistry()
        times = DurationsBy(registry, "x", "text", ["db"], (1.0,)).labels("shop")
        times.count(5)
        times.note(5, ("ab" * 16, "cd" * 8), 1.0)
        self.assertIn(there["name"], generate_latest(registry).decode())
        address = there["url"].replace("$${__value.raw}", "ab" * 16)
        base, _, path = address.partition("/console/")
        self.assertEqual(self.view_at(f"/console/{path}"), "trace")
        board = json.loads((ROOT / "examples/monitoring/grafana-dashboard.json").read_text())
        (console,) = [one for one in board["templating"]["list"] if one["name"] == "console"]
        self.assertEqual(console["query"], base)
        views = [self.view_at(one["url"].removeprefix("${console}")) for one in board["links"]]
        self.assertIn("overview", views)
        self.assertEqual(len(views), 5)


class Containers(SynchronousTestCase):
    def setUp(self):
        self.compose = yaml.safe_load((ROOT / "examples/docker/compose.yaml").read_text())

    def test_pk2_closed(self):
        for name in ("acra-server", "acra-connector"):
            service = self.compose["services"][name]
            self.assertEqual(
                (service["read_only"], service["cap_drop"], service["security_opt"]),
                (True, ["ALL"], ["no-new-privileges:true"]),
            )
            self.assertIn("/readyz", service["healthcheck"]["test"][-1])
        dockerfile = (ROOT / "examples/docker/Dockerfile").read_text()
        self.assertIn("\nUSER 10001:10001\n", dockerfile)

    def test_nothing_is_open_to_others(self):
        for service in self.compose["services"].values():
            for port in service.get("ports", ()):
                self.assertTrue(port.startswith("127.0.0.1:"), port)
        self.assertEqual(self.compose["services"]["postgres"]["networks"], ["database"])

    def test_what_is_mounted_is_there(self):
        for service in self.compose["services"].values():
            for volume in service.get("volumes", ()):
                path = volume.partition(":")[0]
                if path.startswith("."):
                    self.assertTrue((ROOT / "examples/docker" / path).exists(), path)

    def test_each_has_only_its_own_secrets(self):
        volumes = {
            name: {volume.partition(":")[0] for volume in service.get("volumes", ())}
            for name, service in self.compose["services"].items()
        }
        for name, volume in (("acra-server", "server"), ("acra-connector", "connector")):
            self.assertEqual(volumes[name], {f"./{name}.ini", volume})
        others = set().union(*(volumes[name] for name in volumes if name != "prepare"))
        self.assertNotIn("authority", others)

    def test_prometheus_scrapes_both_where_they_answer(self):
        scraped = yaml.safe_load((ROOT / "examples/docker/prometheus.yml").read_text())
        (job,) = scraped["scrape_configs"]
        for name in ("acra-server", "acra-connector"):
            ini = ConfigParser()
            ini.read(ROOT / f"examples/docker/{name}.ini")
            port = ini["metrics"]["incoming_connection_prometheus_metrics_string"].split(":")[-1]
            self.assertIn(f"{name}:{port}", job["static_configs"][0]["targets"])
            self.assertIn(f":{port}/", self.compose["services"][name]["healthcheck"]["test"][-1])
            self.assertEqual(ini["tracing"]["otlp_endpoint"], "http://jaeger:4318/v1/traces")

    def test_grafana_finds_its_source_and_its_dashboard(self):
        mounted = dict(v.split(":")[:2] for v in self.compose["services"]["grafana"]["volumes"])
        folder = ROOT / "examples/docker/grafana"
        (provider,) = yaml.safe_load((folder / "dashboards.yaml").read_text())["providers"]
        place = mounted["../monitoring/grafana-dashboard.json"]
        self.assertEqual(str(Path(place).parent), provider["options"]["path"])
        sources = yaml.safe_load((folder / "datasources.yaml").read_text())["datasources"]
        self.assertEqual([one["type"] for one in sources if one.get("isDefault")], ["prometheus"])
        for file, kind in (("datasources", "datasources"), ("dashboards", "dashboards")):
            target = mounted[f"./grafana/{file}.yaml"]
            self.assertEqual(target, f"/etc/grafana/provisioning/{kind}/acra.yaml")
        for one in sources:
            self.assertIn(one["url"].split("//")[1].split(":")[0], self.compose["services"])


class Pins(SynchronousTestCase):
    def test_each_can_be_installed_on_the_oldest_debian(self):
        """Python 3.11.2 is that of Debian 12; pip tries for hours where one cannot be."""
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        pinned = dict(line.split("==") for line in lines if "==" in line)
        looked_at = 0
        for name, version in pinned.items():
            try:
                found = distribution(name)
            except PackageNotFoundError:
                continue
            needs = found.metadata.get("Requires-Python", "")
            if found.version == version:
                looked_at += 1
                self.assertIn("3.11.2", SpecifierSet(needs), name)
        self.assertGreater(looked_at, 100)
