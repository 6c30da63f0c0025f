"""Examine files, certificates, keys, ports, limits and the clock, without asking anybody."""

from __future__ import annotations

import ctypes
import io
import os
import resource
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from acra_twisted import purposes
from acra_twisted.config.listeners import ADDRESS, each
from acra_twisted.config.reading import Program
from acra_twisted.doctor.owner import owner_of
from acra_twisted.doctor.result import FAIL, Result, fail, of_lines, ok, warn
from acra_twisted.errors import AcraError, ConfigError, KeyStoreError
from acra_twisted.keystore import masterkey
from acra_twisted.keystore.factory import FILESYSTEM
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.telemetry.logs.chainreport import examine
from acra_twisted.transport import certificates
from acra_twisted.transport.certificates import Loaded
from acra_twisted.transport.endpoints import bind

#: Options whose files are written.
_WRITTEN = ("log_to_file", "security_log_file", "parse_errors_log", "trace_store_file")
_LISTENS = (
    "incoming_connection_api_string",
    "incoming_connection_prometheus_metrics_string",
    "incoming_connection_zpages_string",
)
#: Bytes that logs should have room for.
_ROOM_WANTED = 64 << 20
#: Descriptors beside those of connections.
_OTHERS = 64
#: A signed log that is longer is not read to its end.
_LOG_MAX = 64 << 20
#: adjtimex(2): the clock is not synchronised.
_TIME_ERROR = 5


def files(program: Program, settings: Settings) -> Iterator[Result]:
    """Files that will be written, and the configuration's own."""
    for option in _WRITTEN:
        if settings.get(option):
            yield _written(option, settings[option])
    for stage, own in settings.stages.items():
        if own.get("filepath"):
            yield _written(f"[stage:{stage}] filepath", own["filepath"])
    secrets = [
        option.name
        for section in program.sections
        for option in section.options
        if option.secret and settings.given.get(option.name, "").startswith(settings.file)
    ]
    if settings.file and secrets and os.stat(settings.file).st_mode & 0o077:
        mode = stat.S_IMODE(os.stat(settings.file).st_mode)
        yield warn(
            "files",
            f"{settings.file} holds {', '.join(secrets)} and others can read it (mode {mode:04o})",
            f"chmod 600 {shlex.quote(settings.file)}",
        )


def _written(option: str, path: str) -> Result:
    folder = os.path.dirname(os.path.abspath(path))
    room = _room(folder)
    if room is not None and room < _ROOM_WANTED:
        text = f"{option}: {room >> 20} MiB are free where {path} is"
        return warn("files", text, "make room, or name a file elsewhere")
    if os.path.isdir(path):
        return fail("files", f"{option}: {path} is a folder", "name a file")
    if os.path.exists(path):
        if os.access(path, os.W_OK):
            return ok("files", f"{option}: {path} can be written")
        return fail("files", f"{option}: {path} cannot be written", _give(path))
    if not os.path.isdir(folder):
        return fail(
            "files", f"{option}: there is no folder {folder}", f"mkdir -p {shlex.quote(folder)}"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return fail("files", f"{option}: nothing can be made in {folder}", _give(folder))
    return ok("files", f"{option}: {path} can be made")


def _room(folder: str) -> int | None:
    """Return the bytes that are free there for users other than root; None if unknown."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _give(path: str) -> str:
    return f"as root: chown {os.geteuid()} {shlex.quote(path)}; or run as who may write it"


def certificate(loaded: Loaded) -> Iterator[Result]:
    """A certificate of this side that is in order: what is wrong with one is told of by the
    check of the settings."""
    if not [*loaded.findings(certificates.clock())]:
        hosts = ", ".join(certificates.names(loaded.certificate))
        yield ok(
            "certificates",
            f"{loaded.option}: {certificates.subject(loaded.certificate)}, until "
            f"{certificates.date(loaded.ends)}{', for ' + hosts if hosts else ''}",
        )


@contextmanager
def _store(settings: Settings, environment: Mapping[str, str]) -> Iterator[FilesystemKeyStore]:
    """The key store of the settings, closed in the end.  Raises KeyStoreError."""
    given = dict(environment)
    master = masterkey.load(given, settings["master_key_file"], settings["master_key_command"])
    folder = os.path.abspath(settings["keys_dir"])
    store = FilesystemKeyStore(folder, master, settings["keys_dir_public"])
    try:
        yield store
    finally:
        store.close()


def _is_elsewhere(settings: Settings) -> bool:
    """Tell whether keys are in a store that somebody else has written."""
    return bool(settings["keystore"] != FILESYSTEM)


def keys(settings: Settings, environment: Mapping[str, str]) -> Iterator[Result]:
    """The key store, and whose keys are in it.  That it can be opened has been checked."""
    if _is_elsewhere(settings):
        yield ok("keys", f"in the key store {settings['keystore']!r}, which is not looked into")
        return
    folder = settings["keys_dir"]
    if not folder or not os.path.isdir(folder):
        return
    try:
        with _store(settings, environment) as store:
            present = store.present()
            owners = sorted({owner for kind, owner in present if kind.owner == purposes.CLIENT})
            halves = [owner for owner in owners if half_of_a_link(store, owner)]
    except KeyStoreError:
        return
    for owner in halves:
        yield warn(
            "keys",
            f"{folder}: {owner} has the server's key and no public key of its connector",
            f"copy the connector's {owner}.pub there, if it comes over Secure Session",
        )
    shown = ", ".join(owners[:8]) + (f" and {len(owners) - 8} more" if len(owners) > 8 else "")
    yield ok("keys", f"{folder}: {len(present)} keys, of {shown or 'no client id'}")


def half_of_a_link(store: FilesystemKeyStore, owner: str) -> bool:
    """Find clients with a server's key whose connector could not be recognised."""
    try:
        server = store.keys(purposes.SERVER, owner)
        return bool(server) and store.public_key(purposes.CONNECTOR, owner) is None
    except KeyStoreError:
        return False


def audit(settings: Settings, environment: Mapping[str, str]) -> Iterator[Result]:
    """Check that nobody has changed the signed log."""
    path = settings["log_to_file"]
    if not settings["audit_log_enable"] or not path or not os.path.exists(path):
        return
    if os.path.getsize(path) > _LOG_MAX:
        yield warn("signed log", f"{path} is too long to be read here", "run acra-log-verifier")
        return
    if _is_elsewhere(settings):
        text = f"{path}: its key is in the key store {settings['keystore']!r}, and not looked for"
        yield warn("signed log", text, "check it where that key is, by acra-log-verifier")
        return
    output = io.StringIO()
    try:
        with (
            _store(settings, environment) as store,
            open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as lines,
        ):
            examine(store, lines, output, open_ok=True)
    except (AcraError, OSError) as error:
        first = next(iter(output.getvalue().splitlines()), "")
        text = f"{path}: {error}{'; first: ' + first if first else ''}"
        yield fail("signed log", text, "find out who changed it; acra-log-verifier tells more")
    else:
        yield ok("signed log", f"{path}: {output.getvalue().strip().splitlines()[-1]}")


def ports(program: Program, settings: Settings) -> Iterator[Result]:
    """Check that the daemon can listen on each address, by listening there for a moment."""
    seen: set[str] = set()
    addresses: list[tuple[str, Address | None]] = [
        (mark + ADDRESS, own.get(ADDRESS)) for mark, own in each(settings)
    ]
    for option, address in [*addresses, *((name, settings.get(name)) for name in _LISTENS)]:
        if address is None or str(address) in seen:
            continue
        if option == "incoming_connection_api_string" and not settings["http_api_enable"]:
            continue
        seen.add(str(address))
        yield from _port(program, option, address)


def _port(program: Program, option: str, address: Address) -> Iterator[Result]:
    try:
        existed = bool(address.path) and os.path.lexists(address.path)
        listener = bind(option, address)
    except ConfigError as error:
        who = owner_of(address)
        if who and program.name in who.command:
            yield ok("ports", f"{address}: {program.name} listens there (process {who.pid})")
            return
        for result in of_lines(FAIL, "ports", str(error)):
            text = f"{result.text} (process {who.pid}: {who.command})" if who else result.text
            yield result._replace(text=text)
        return
    listener.close()
    if address.path and not existed:
        os.unlink(address.path)
    yield ok("ports", f"{option}: {address} is free")


def limits(settings: Settings) -> Iterator[Result]:
    """Descriptors, of which a session of the server has two, and of the connector as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * settings["max_connections"] + settings["http_max_connections"] + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        yield ok("limits", f"{soft} files may be open, enough for max_connections")
        return
    fits = max((soft - settings["http_max_connections"] - _OTHERS) // 2, 1)
    yield warn(
        "limits",
        f"{soft} files may be open, {wanted} are needed for max_connections = "
        f"{settings['max_connections']}",
        f"LimitNOFILE={wanted} in the systemd unit, or ulimit -n {wanted}, or max_connections = "
        f"{fits}",
    )


def clock() -> Iterator[Result]:
    """Check that the kernel considers the clock right, as certificates and traces need it."""
    try:
        # modes = 0: nothing is changed; the structure is 208 bytes where longs have 8.
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return
    now = certificates.date(certificates.clock())
    if state == _TIME_ERROR:
        yield warn(
            "clock",
            f"{now}; nothing keeps it right, as far as the kernel knows",
            "run chrony or systemd-timesyncd (in a container: on its host)",
        )
    elif state >= 0:
        yield ok("clock", f"{now}, kept right by the kernel's account")
