"""Connector, server and database on loopback, from ini files: the whole chain in one object."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import Daemon, Process, free_port, twistd

Ini = dict[str, dict[str, str]]


def write_ini(path: Path, sections: Mapping[str, Mapping[str, str]]) -> Path:
    """An ini file from sections of keys and texts."""
    blocks = [
        "\n".join([f"[{name}]", *(f"{key} = {text}" for key, text in keys.items())])
        for name, keys in sections.items()
    ]
    path.write_text("\n\n".join(blocks) + "\n")
    return path


def merge(base: Ini, more: Mapping[str, Mapping[str, str]] | None) -> Ini:
    """Sections of both; keys of ``more`` win."""
    merged = {name: dict(keys) for name, keys in base.items()}
    for name, keys in (more or {}).items():
        merged.setdefault(name, {}).update(keys)
    return merged


class Chain:
    """``database`` is host and port.  With ``link="tls"`` or ``"secure-session"`` a connector
    stands before the server; with ``link="none"`` applications come to the server directly, over
    a plain connection.  ``keys`` is the server's key store: needed for Secure Session and for the
    stages that read containers.

    ``server`` and ``connector`` are further sections of the ini files, ``environment`` is for
    both daemons.  Everything is kept in ``folder``: certificates, ini files, logs.
    """

    def __init__(
        self,
        database: tuple[str, int],
        *,
        link: str = "tls",
        server: Mapping[str, Mapping[str, str]] | None = None,
        connector: Mapping[str, Mapping[str, str]] | None = None,
        reactor: str = "",
        folder: Path | None = None,
        authority: Authority | None = None,
        keys: Keys | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = environment
        self.folder = folder or Path(tempfile.mkdtemp(prefix="acra-chain-"))
        self.authority = authority or Authority(self.folder)
        hosts = ("localhost", "127.0.0.1")
        certificate, key = self.authority.issue("acra-server", hosts=hosts)
        self.link = link
        self._reactor = reactor
        self.server_port, self.connector_port = free_port(), free_port()
        self.server_pages, self.connector_pages = free_port(), free_port()
        sections: Ini = {
            "server": {
                "incoming_connection_string": f"tcp://127.0.0.1:{self.server_port}",
                "incoming_connection_close_timeout": "5",
            },
            "database": {"db_host": database[0], "db_port": str(database[1])},
            "tls": {
                "tls_ca": str(self.authority.path),
                "tls_cert": str(certificate),
                "tls_key": str(key),
            },
            "logging": {"v": "true", "logging_format": "json"},
            "metrics": _pages(self.server_pages),
            "pipeline": {"stages": ""},
        }
        self._keys = keys
        if keys is not None:
            sections["keystore"] = keys.ini()
            sections["pipeline"]["stages"] = "decryptor"
        if link == "tls":
            sections["server"]["acraconnector_tls_transport_enable"] = "true"
            sections["tls"]["tls_client_id_from_cert"] = "true"
        elif link == "none":
            sections["server"]["acraconnector_transport_encryption_disable"] = "true"
            sections["server"]["client_id"] = keys.client_id if keys else "sandbox application"
            sections["tls"]["tls_client_auth"] = "0"
        self.server_ini = write_ini(self.folder / "acra-server.ini", merge(sections, server))
        self.connector_ini = self._connector_ini(connector)
        self.server: Daemon | None = None
        self.connector: Daemon | None = None

    def _connector_ini(self, more: Mapping[str, Mapping[str, str]] | None) -> Path:
        certificate, key = self.authority.issue("acra-connector")
        sections: Ini = {
            "connector": {
                "incoming_connection_string": f"tcp://127.0.0.1:{self.connector_port}",
                "incoming_connection_close_timeout": "5",
            },
            "acraserver": {
                "acraserver_connection_string": f"tcp://127.0.0.1:{self.server_port}",
                "acraserver_tls_transport_enable": "true",
            },
            "tls": {
                "tls_ca": str(self.authority.path),
                "tls_cert": str(certificate),
                "tls_key": str(key),
            },
            "logging": {"v": "true", "logging_format": "json"},
            "metrics": _pages(self.connector_pages),
        }
        if self.link == "secure-session":
            keys = self._keys
            assert keys is not None, "Secure Session needs keys"  # noqa: S101 - for tests
            del sections["acraserver"]["acraserver_tls_transport_enable"], sections["tls"]
            sections["acraserver"]["client_id"] = keys.client_id
            sections["keystore"] = keys.ini(keys.connector_folder())
        return write_ini(self.folder / "acra-connector.ini", merge(sections, more))

    @property
    def port(self) -> int:
        """Where applications connect."""
        return self.server_port if self.link == "none" else self.connector_port

    def start(self) -> Chain:
        """Start both daemons at once, and wait until they listen.  Raises RuntimeError."""
        assert self.server is None, "it is running already"  # noqa: S101 - for tests
        self.server = self._begin("acra-server", self.server_ini)
        if self.link != "none":
            self.connector = self._begin("acra-connector", self.connector_ini)
        try:
            self.server.wait_until_it_serves()
            if self.connector is not None:
                self.connector.wait_until_it_serves()
        except RuntimeError:
            self.stop()
            raise
        return self

    def _begin(self, plugin: str, ini: Path) -> Daemon:
        log = self.folder / f"{ini.stem}.log"
        command = twistd(plugin, ini, reactor=self._reactor)
        return Daemon(command, log, environment=self._environment)

    def one_more(self) -> tuple[Process, int]:
        """Start another server on the same port (``incoming_connection_reuse_port``), and return it
        with the port of its pages.  The caller ends it."""
        pages = free_port()
        ini = self.server_ini.with_name("acra-server-2.ini")
        text = self.server_ini.read_text().replace(f":{self.server_pages}\n", f":{pages}\n")
        ini.touch(0o600)
        ini.write_text(text)
        another = self._begin("acra-server", ini)
        another.wait_until_it_serves()
        return another, pages

    def stop(self) -> tuple[int, ...]:
        """Stop both, the connector first; their exit statuses."""
        running = [p for p in (self.connector, self.server) if p is not None]
        self.connector = self.server = None
        return tuple(process.stop() for process in running)

    def __enter__(self) -> Chain:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()


def _pages(port: int) -> dict[str, str]:
    address = f"tcp://127.0.0.1:{port}"
    return {
        "incoming_connection_prometheus_metrics_string": address,
        "incoming_connection_zpages_string": address,
    }
