"""From the settings to exporters: every destination that is configured, several at once.

Encoders are imported where they are used: protobuf alone takes 30 ms.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.ssl import trustRootFromCertificates

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.hosts import host_and_port
from acra_twisted.keystore.files import check_private
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.export.http import HttpExporter, LogExporter
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.transport.credentials import read_certificates
from acra_twisted.transport.keepalive import keepalive

#: Spans per request where nobody says.  Those of OTLP are encoded one by one as they come, so that
#: more at once keep nobody waiting; a request takes half a millisecond (docs/performance.rst).
_BATCH, _BATCH_OF_PIECES = 256, 1024


def make_exporters(
    reactor: Any, service: str, settings: Mapping[str, Any], resource: Resource | None = None
) -> list[Any]:
    """ISpanExporters; none has been started.  Raises ConfigError.

    ``resource`` is whose spans they are; ``service`` alone, if there is none.
    """
    whose = Resource(service) if resource is None else resource
    limits = batching(settings)
    shared = {"trust": _trust(settings["tracing_tls_ca"]), "keepalive": keepalive(settings)}

    def http(name: str, option: str, encode: Any, **more: Any) -> HttpExporter:
        url = endpoint(option, settings[option])
        more = {**limits, **shared, "setting": option, **more}
        return HttpExporter(reactor, name, url, encode, whose, **more)

    found: list[Any] = [LogExporter()] if settings["tracing_log_enable"] else []
    for make in (_otlp, _lightstep, _zipkin, _datadog, _jaeger_collector):
        exporter = make(settings, http)
        if exporter is not None:
            found.append(exporter)
    agent = _jaeger_agent(reactor, whose, settings, limits)
    if agent is not None:
        found.append(agent)
    return found + _by_path(reactor, settings["tracing_exporters"], limits)


#: Where collectors of each kind take spans, if a URL names a host alone.
_PATHS = {
    "otlp_endpoint": "/v1/traces",
    "lightstep_endpoint": "/traces/otlp/v0.9",
    "zipkin_endpoint": "/api/v2/spans",
    "datadog_endpoint": "/v0.4/traces",
    "jaeger_collector_endpoint": "/api/traces",
}
_GRPC = 4317


def endpoint(option: str, url: str) -> str:
    """The URL that spans are sent to.  One that names a host alone gets the path of its kind, and
    Datadog's agent any path but its own."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    usual = _PATHS[option]
    if option == "datadog_endpoint" and not path.endswith(usual):
        return parts._replace(path=path + usual).geturl()
    return url if path else parts._replace(path=usual).geturl()


def doubts(settings: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return a sentence for each destination that will probably not work."""
    problem = Resource("", environ).problem
    found = [problem] if problem else []
    return found + [
        f"{option}: port {_GRPC} is that of OTLP over gRPC, which is not spoken here; OTLP over "
        f"HTTP has port 4318"
        for option in ("otlp_endpoint", "lightstep_endpoint")
        if settings[option] and urlsplit(settings[option]).port == _GRPC
    ]


def batching(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the queue for every BatchExporter."""
    return {
        "max_queue": settings["tracing_queue_size"],
        "max_batch": settings["tracing_batch_size"] or _BATCH,
        "interval": settings["tracing_interval"],
    }


_Http = Callable[..., HttpExporter]


def _otlp(settings: Mapping[str, Any], http: _Http) -> HttpExporter | None:
    url = settings["otlp_endpoint"]
    if not url:
        return None
    headers = _headers(settings["otlp_headers"])
    compress = _is_packed(settings["otlp_compression"], url)
    return _by_otlp("otlp", "otlp_endpoint", settings, http, headers, compress)


def _by_otlp(
    name: str,
    option: str,
    settings: Mapping[str, Any],
    http: _Http,
    headers: Mapping[str, str],
    compress: bool,
) -> HttpExporter:
    from acra_twisted.telemetry.export import otlp, otlpforms

    return http(
        name,
        option,
        otlp.assemble,
        headers=headers,
        compress=compress,
        piece=otlp.piece,
        pieces=otlpforms.pieces,
        max_batch=settings["tracing_batch_size"] or _BATCH_OF_PIECES,
    )


def _is_packed(compression: str, url: str) -> bool:
    """A collector on the same host shares our processor, and has the bytes for nothing."""
    if compression != "auto":
        return compression == "gzip"
    return not Address(urlsplit(url).hostname or "").is_local


def _lightstep(settings: Mapping[str, Any], http: _Http) -> HttpExporter | None:
    if not settings["lightstep_endpoint"]:
        return None
    token = settings["lightstep_access_token"]
    path = settings["lightstep_access_token_file"]
    if path and not token:
        token = read_secret("lightstep_access_token_file", path)
    if not token:
        raise ConfigError(
            "lightstep_endpoint needs lightstep_access_token (in the ini file or as "
            "ACRA_LIGHTSTEP_ACCESS_TOKEN) or lightstep_access_token_file"
        )
    headers = {"lightstep-access-token": token}
    return _by_otlp("lightstep", "lightstep_endpoint", settings, http, headers, compress=True)


def _zipkin(settings: Mapping[str, Any], http: _Http) -> HttpExporter | None:
    if not settings["zipkin_endpoint"]:
        return None
    from acra_twisted.telemetry.export import zipkin

    return http("zipkin", "zipkin_endpoint", zipkin.encode)


def _datadog(settings: Mapping[str, Any], http: _Http) -> HttpExporter | None:
    if not settings["datadog_endpoint"]:
        return None
    try:
        from acra_twisted.telemetry.export import datadog
    except ImportError as error:
        raise _missing("datadog_endpoint", "datadog", error) from None
    return http("datadog", "datadog_endpoint", datadog.encode, method=b"PUT")


def _jaeger(settings: Mapping[str, Any]) -> Any:
    """The encoders' module."""
    if not (settings["jaeger_agent_endpoint"] or settings["jaeger_collector_endpoint"]):
        raise ConfigError(
            "tracing_jaeger_enable: empty jaeger_agent_endpoint and jaeger_collector_endpoint"
        )
    from acra_twisted.telemetry.export import jaeger

    return jaeger


def _jaeger_collector(settings: Mapping[str, Any], http: _Http) -> HttpExporter | None:
    if not settings["tracing_jaeger_enable"]:
        return None
    jaeger = _jaeger(settings)
    if not settings["jaeger_collector_endpoint"]:
        return None
    headers = {}
    user, password = (settings[f"jaeger_basic_auth_{part}"] for part in ("username", "password"))
    if user and password:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["authorization"] = f"Basic {pair}"
    encode = jaeger.collector(settings["jaeger_acra_names"])
    return http("jaeger", "jaeger_collector_endpoint", encode, headers=headers)


def _jaeger_agent(
    reactor: Any, resource: Resource, settings: Mapping[str, Any], batching: Mapping[str, Any]
) -> Any:
    # As in Acra: with both named, the collector gets the spans.
    if not settings["tracing_jaeger_enable"] or settings["jaeger_collector_endpoint"]:
        return None
    jaeger = _jaeger(settings)
    host, port = host_and_port(settings["jaeger_agent_endpoint"])
    from acra_twisted.telemetry.export.udp import UdpExporter

    encode = jaeger.agent(settings["jaeger_acra_names"])
    return UdpExporter(reactor, "jaeger", host, port, encode, resource, **batching)


def _by_path(reactor: Any, paths: tuple[str, ...], batching: Mapping[str, Any]) -> list[Any]:
    if not paths:
        return []
    from acra_twisted.telemetry.export.opencensus import OpenCensusExporter, load

    found = []
    for number, path in enumerate(paths, 1):
        name = f"opencensus_{number}_{path.rpartition('.')[2].lower()}"
        found.append(OpenCensusExporter(reactor, name, load(path), **batching))
    return found


# -- parts ----------------------------------------------------------------------------------------


def _headers(text: str) -> dict[str, str]:
    """``name=value, ...``.  Raises ConfigError, which shows no value."""
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name.replace("-", "").isalnum() or not value.isprintable():
            raise ConfigError("otlp_headers: expected name=value with commas between")
        found[name.lower()] = value
    return found


def read_secret(option: str, path: str) -> str:
    """A secret from a file that nobody else can read.  Raises ConfigError."""
    try:
        with open(path, encoding="utf-8") as file:
            check_private(path, os.fstat(file.fileno()), f"{option}:")
            return file.read(4096).strip()
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{option}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{option}: {path} is not UTF-8 text") from None


def _trust(path: str) -> Any:
    """CA certificates of a file, None for the system's.  Raises ConfigError."""
    found = read_certificates("tracing_tls_ca", path)
    return trustRootFromCertificates(found) if found else None


def _missing(option: str, extra: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"{option}: {error.name} is not installed: pip install {error.name} (the extra {extra})"
    )
