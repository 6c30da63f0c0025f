"""Services of the compose file as they are started from an image's folder, in a network of its own.

    unshare --net --mount --fork python -m tests.support.composed FOLDER

``FOLDER/image`` is the image (`images.Builder`).  Names of services are addresses that are not
loopback; PostgreSQL, which is another image, is this machine's.  What happened is printed as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.postgres import Postgres, system
from acra_twisted.sandbox.processes import Process
from tests.support.images import TOP, Image

DOCKER = TOP / "examples" / "docker"
ADDRESSES = {
    name: f"192.0.2.{number}"
    for number, name in enumerate(("postgres", "acra-server", "acra-connector", "jaeger"), 2)
}


class Composed:
    """The services of a compose file, one after the other."""

    def __init__(self, folder: Path, image: Image) -> None:
        self._folder = folder
        self._image = image
        self.services: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())[
            "services"
        ]
        self.volumes = folder / "volumes"
        hosts = [f"{address} {name}" for name, address in ADDRESSES.items()]
        lines = ["127.0.0.1 localhost", *hosts, ""]
        (image.root / "etc/hosts").write_text("\n".join(lines))

    def command(self, name: str, *instead: str) -> list[str]:
        """How a service is started, or a command in its container."""
        service = self.services[name]
        root = str(self._image.root)
        script = ['mount --bind "$0" "$0"', 'mount -t proc proc "$0/proc"']
        script.append('mount --rbind /dev "$0/dev"')
        for volume in service["volumes"]:
            source, target, *mode = volume.split(":")
            place = self._image.root / target.lstrip("/")
            if source.startswith("."):
                path = (DOCKER / source).resolve()
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            else:
                path = self.volumes / source
                path.mkdir(parents=True, exist_ok=True)
                place.mkdir(parents=True, exist_ok=True)
            script.append(f"mount --bind '{path}' '{place}'")
            if mode == ["ro"]:
                script.append(f"mount -o remount,ro,bind '{place}'")
        script += [f"mount -t tmpfs none '{root}{place}'" for place in service["tmpfs"]]
        if service["read_only"]:
            script.append('mount -o remount,ro,bind "$0"')
        script.append('exec chroot "$0" "$@"')
        user, _, group = service.get("user", self._image.user).partition(":")
        kept = "".join(f",+{name.lower()}" for name in service.get("cap_add", ()))
        assert (
            service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
        )
        inside = [
            *("/usr/bin/env", "-i", *(f"{k}={v}" for k, v in self._image.env.items())),
            *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", f"--bounding-set=-all{kept}", f"--inh-caps=-all{kept}", "--"),
            *("/bin/sh", "-c", f'cd {self._image.workdir}; exec "$@"', "sh"),
        ]
        entry = service.get("entrypoint", self._image.entrypoint)
        own = instead or [*entry, *service.get("command", self._image.command)]
        return ["unshare", "--mount", "sh", "-ec", "; ".join(script), root, *inside, *own]

    def start(self, name: str) -> Process:
        """A service that stays; it is healthy when this returns."""
        process = Process(self.command(name), self._folder / f"{name}.log")
        process.wait_until(lambda: self.healthy(name), "healthy")
        return process

    def healthy(self, name: str) -> bool:
        """The answer of its health check."""
        kind, *check = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run(self.command(name, *check), capture_output=True).returncode == 0

    def database(self) -> Postgres:
        """PostgreSQL with the certificate, key and password that its service has."""
        service = self.services["postgres"]
        settings = [text for text in service["command"] if "=" in text]
        given = dict(text.split("=") for text in settings)
        assert given["ssl"] == "on"

        def mine(path: str) -> Path:
            return self.volumes / "database" / Path(path).relative_to("/secrets")

        password = mine(service["environment"]["POSTGRES_PASSWORD_FILE"]).read_text().strip()
        cluster = Postgres(
            system(),
            tls=(mine(given["ssl_cert_file"]), mine(given["ssl_key_file"])),
            password=password,
            settings=["listen_addresses = '*'", "port = 5432"],
        )
        cluster.port = 5432
        with (cluster.data / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")
        return cluster


def until(what: Callable[[], bool], seconds: float = 120) -> bool:
    """True once something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def tree(folder: Path) -> dict[str, str]:
    """Files, and whose they are with their modes."""
    return {
        str(path.relative_to(folder)): f"{path.stat().st_uid} {path.stat().st_mode & 0o777:o}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    """Prepare twice, start both daemons, connect as README.rst says."""
    folder = Path(sys.argv[1])
    image = Image(folder / "image", **json.loads((folder / "image.json").read_text()))
    for address in ADDRESSES.values():
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    composed = Composed(folder, image)
    seen = []
    for _ in range(2):
        done = subprocess.run(composed.command("prepare"), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        seen.append(tree(composed.volumes))
    collector = Collector(4318, ADDRESSES["jaeger"]).start()
    with composed.database() as postgres:
        started = [composed.start(name) for name in ("acra-server", "acra-connector")]
        password = (composed.volumes / "database/password").read_text().strip()
        shown = subprocess.run(
            [
                *(str(postgres.bin / "psql"), "-h", "127.0.0.1", "-p", "9494", "-U", "postgres"),
                *("-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
            ],
            env={"PGPASSWORD": password, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        until(lambda: {"acra-server", "acra-connector"} <= {s["service"] for s in collector.spans})
        inside = [
            subprocess.run(
                composed.command(name, "cat", "/secrets/server.key"), capture_output=True
            )
            for name in ("acra-server", "acra-connector")
        ]
        wrote = subprocess.run(
            composed.command("acra-server", "touch", "/opt/acra/x", "/secrets/x")
        )
        outcome = {
            "psql": shown.stdout + shown.stderr,
            "services": sorted({span["service"] for span in collector.spans}),
            "traces": sorted(len(spans) for spans in collector.traces().values()),
            "trees": seen,
            "server's key": [done.returncode for done in inside],
            "wrote": wrote.returncode,
            "statuses": [process.stop() for process in reversed(started)],
            "logs": [process.output() for process in started],
        }
    collector.stop()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
