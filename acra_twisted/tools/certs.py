"""``acra-certs``: a certificate authority, and certificates for everybody between application and
database, in one command."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.keystore import files
from acra_twisted.tools import commandline
from acra_twisted.tools.certkinds import KINDS, LOOPBACK, Kind
from acra_twisted.tools.commandline import Environment, Parser

if TYPE_CHECKING:
    from cryptography import x509

    from acra_twisted.transport.authority import Authority, Period

PROGRAM = "acra-certs"
_AUTHORITY = "ca"
_MAX_DAYS = 36500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Make a certificate authority and certificates for AcraServer, "
        "AcraConnector, an application and the database. The tool prints the "
        "settings that use them. It uses an existing authority in the folder.",
        epilog=f"{PROGRAM} connector --name=billing makes a certificate for one more connector; "
        f"{PROGRAM} --renew makes all of a folder's certificates anew before they expire.",
    )
    commandline.add_common(parser)
    parser.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help=f"certificates to make: {', '.join((_AUTHORITY, *KINDS))}; all by default",
    )
    parser.add_argument(
        "--dir", default="certs", metavar="FOLDER", help="folder of certificates and keys"
    )
    parser.add_argument(
        "--hosts",
        default=LOOPBACK,
        help="names and addresses of AcraServer for connectors, separated by commas",
    )
    parser.add_argument(
        "--database_hosts",
        default=LOOPBACK,
        help="names and addresses of the database for AcraServer, separated by commas",
    )
    parser.add_argument("--name", default="", help="name of the certificate, with one KIND")
    parser.add_argument("--organization", default="", help="organization in the subjects")
    parser.add_argument(
        "--days",
        default=365,
        type=commandline.whole_number,
        help="days for which certificates are valid",
    )
    parser.add_argument(
        "--ca_days",
        default=3650,
        type=commandline.whole_number,
        help="days for which the authority is valid",
    )
    parser.switch(
        "renew", help="issue the certificates again with the same names and keys and with new dates"
    )
    parser.switch("force", help="replace existing certificates and keys")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises AcraError, OSError."""
    given = _parser().parse_args(arguments)
    kinds = given.kinds or ([] if given.renew else [_AUTHORITY, *KINDS])
    for kind in kinds:
        if kind not in KINDS and kind != _AUTHORITY:
            raise ConfigError(f"{kind!r} is none of {', '.join((_AUTHORITY, *KINDS))}")
    if given.name and (len(kinds) != 1 or kinds == [_AUTHORITY]):
        raise ConfigError(f"--name: give one of {', '.join(KINDS)} with it")
    for flag in ("days", "ca_days"):
        if not 1 <= getattr(given, flag) <= _MAX_DAYS:
            raise ConfigError(f"--{flag}: expected a number from 1 to {_MAX_DAYS}")
    _Folder(given, output).make(kinds)


class _Folder:
    """One run."""

    def __init__(self, given: Any, output: TextIO) -> None:
        self._given = given
        self._output = output
        self._path: str = given.dir
        self._now = datetime.datetime.now(datetime.UTC)

    def make(self, kinds: Sequence[str]) -> None:
        """All that was asked for, or an error before anything is written."""
        if self._given.renew:
            self._renew(kinds)
            return
        wanted = [KINDS[kind] for kind in kinds if kind in KINDS]
        names = [self._given.name or kind.name for kind in wanted]
        hosts = [self._hosts(kind) for kind in wanted]
        for name in names:
            if not _NAME.fullmatch(name) or name == _AUTHORITY:
                raise ConfigError(f"--name: {name!r} cannot be a file's name")
        self._check_free(names)
        os.makedirs(self._path, mode=0o755, exist_ok=True)
        authority = self._authority(_AUTHORITY in self._given.kinds and self._given.force)
        for kind, name, its_hosts in zip(wanted, names, hosts, strict=True):
            self._issue(authority, kind, name, its_hosts)
        for kind, name, its_hosts in zip(wanted, names, hosts, strict=True):
            self._say_where(kind, name, its_hosts)

    def _hosts(self, kind: Kind) -> tuple[str, ...]:
        from acra_twisted.transport.authority import general_name

        text = kind.hosts
        if text[:2] == "--":
            text = getattr(self._given, text[2:])
        hosts = tuple(host.strip().strip("[]") for host in text.split(",") if host.strip())
        if kind.hosts and not hosts:
            raise ConfigError(f"{kind.hosts}: name at least one host")
        for host in hosts:
            general_name(host)
        return hosts

    def _check_free(self, names: Sequence[str]) -> None:
        found = [
            path
            for name in names
            for path in (self._file(name, "pem"), self._file(name, "key"))
            if os.path.lexists(path)
        ]
        if found and not self._given.force:
            raise KeyStoreError(
                f"{found[0]} is there already; --renew makes certificates anew with the same "
                f"names and keys, --force replaces them, KIND and --name=... add another"
            )

    def _file(self, name: str, ending: str) -> str:
        return os.path.join(self._path, f"{name}.{ending}")

    def _write(self, name: str, ending: str, content: bytes) -> None:
        files.write(self._file(name, ending), content, 0o600 if ending == "key" else 0o644)

    def _period(self, days: int) -> Period:
        from acra_twisted.transport.authority import Period

        return Period.of_days(days, self._now)

    # -- the authority ---------------------------------------------------------------------------

    def _authority(self, anew: bool) -> Authority:
        """That of the folder, or a new one."""
        from acra_twisted.transport import authority

        certificate, key = self._file(_AUTHORITY, "pem"), self._file(_AUTHORITY, "key")
        present = [path for path in (certificate, key) if os.path.lexists(path)]
        if len(present) == 1 and not anew:
            missing = key if present == [certificate] else certificate
            raise KeyStoreError(
                f"{present[0]} is there and {missing} is not: put it back, or choose another --dir"
            )
        if present and not anew:
            found = self._load_authority()
            self._output.write(f"Used {certificate}, {_until(found.certificate)}\n")
            return found
        name = authority.simple_name("Acra CA", self._given.organization)
        made = authority.Authority.make(name, self._period(self._given.ca_days))
        self._write(_AUTHORITY, "key", authority.encode_key(made.key))
        self._write(_AUTHORITY, "pem", authority.encode_certificate(made.certificate))
        self._output.write(
            f"Made {certificate}, {_until(made.certificate)}: everybody needs it\n"
            f"Made {key}: it signs certificates; no daemon needs it, keep it apart\n"
        )
        return made

    def _load_authority(self) -> Authority:
        from cryptography import x509

        from acra_twisted.transport.authority import Authority

        path = self._file(_AUTHORITY, "pem")
        certificate = self._load(_AUTHORITY)
        key = self._load_key(_AUTHORITY)
        try:
            is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (x509.ExtensionNotFound, ValueError):
            is_ca = False
        if not is_ca:
            raise KeyStoreError(f"{path} is not the certificate of an authority")
        if key.public_key() != certificate.public_key():
            raise KeyStoreError(f"{self._file(_AUTHORITY, 'key')} is not the key of {path}")
        if certificate.not_valid_after_utc <= self._now and not self._given.renew:
            raise KeyStoreError(
                f"{path} is expired, {_until(certificate)}: {PROGRAM} ca --renew makes it anew"
            )
        return Authority(certificate, key)

    def _load(self, name: str) -> x509.Certificate:
        from cryptography import x509

        path = self._file(name, "pem")
        try:
            return x509.load_pem_x509_certificate(files.read_public(path, "certificate"))
        except FileNotFoundError:
            raise KeyStoreError(f"there is no {path}; {PROGRAM} makes one") from None
        except ValueError:
            raise KeyStoreError(f"{path} holds no certificate in PEM form") from None

    def _load_key(self, name: str) -> Any:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        path = self._file(name, "key")
        try:
            return load_pem_private_key(files.read_secret(path, "private key"), None)
        except FileNotFoundError:
            raise KeyStoreError(f"there is no {path}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyStoreError(f"{path} holds no unencrypted private key") from None

    # -- certificates ----------------------------------------------------------------------------

    def _issue(self, authority: Authority, kind: Kind, name: str, hosts: tuple[str, ...]) -> None:
        from acra_twisted.transport import authority as making

        usages = [making.CLIENT] * kind.is_client + [making.SERVER] * kind.is_server
        subject = making.simple_name(self._given.name or kind.common, self._given.organization)
        key = making.new_key()
        period = self._period(self._given.days)
        names = [making.general_name(host) for host in hosts]
        certificate = authority.issue(subject, key.public_key(), period, usages, names)
        self._write(name, "key", making.encode_key(key))
        self._write(name, "pem", making.encode_certificate(certificate))
        self._say(f"Made {self._file(name, 'pem')} and {name}.key", certificate)

    def _say(self, done: str, certificate: x509.Certificate) -> None:
        names = ", ".join(str(name.value) for name in _names_of(certificate))
        for_whom = f" for {names}" if names else ""
        self._output.write(f"{done}{for_whom}, {_until(certificate)}\n")

    def _say_where(self, kind: Kind, name: str, hosts: tuple[str, ...]) -> None:
        folder = os.path.abspath(self._path)
        text = kind.use.format(name=name, folder=folder)
        self._output.write(f"\n{text}")
        if kind.name == "server" and hosts:
            self._output.write(
                f"\n  AcraConnector reaches it as one of: {', '.join(hosts)}; by another name or "
                f"address only with\n  tls_acraserver_sni = {hosts[0]}\n"
            )
        if kind.name == "database" and hosts:
            self._output.write(
                f"\n  AcraServer reaches it as one of: {', '.join(hosts)}; by another name or "
                f"address only with\n  tls_database_sni = {hosts[0]}\n"
            )
        if kind.is_client and kind.name != "server":
            path = self._file(name, "pem")
            self._output.write(
                f"\n  Its client id: {commandline.from_certificate(path, 'distinguished_name')}\n"
                f"  (acra-keymaker and acra-keys take --tls_cert={path} for it)\n"
            )

    # -- renewal ---------------------------------------------------------------------------------

    def _renew(self, kinds: Sequence[str]) -> None:
        """New dates.  The keys stay: one file is replaced, and no daemon finds half of a pair."""
        from acra_twisted.transport import authority as making

        authority = self._load_authority()
        names = [kind for kind in kinds if kind != _AUTHORITY]
        if self._given.name:
            names = [self._given.name]
        renews_authority = _AUTHORITY in kinds or (
            not kinds and authority.certificate.not_valid_after_utc <= self._now
        )
        if not kinds:
            names = self._issued(authority.certificate)
            if not names:
                raise KeyStoreError(f"{self._path} holds no certificate of its authority")
        old = {name: (self._load(name), self._load_key(name).public_key()) for name in names}
        for name, (certificate, public_key) in old.items():
            if public_key != certificate.public_key():
                raise KeyStoreError(
                    f"{self._file(name, 'key')} is not the key of {self._file(name, 'pem')}"
                )
        if renews_authority:
            authority = authority.renewed(self._period(self._given.ca_days))
            self._write(_AUTHORITY, "pem", making.encode_certificate(authority.certificate))
            self._say(f"Renewed {self._file(_AUTHORITY, 'pem')}", authority.certificate)
        for name, (certificate, public_key) in old.items():
            renewed = authority.issue(
                certificate.subject,
                public_key,
                self._period(self._given.days),
                _usages_of(certificate),
                _names_of(certificate),
            )
            self._write(name, "pem", making.encode_certificate(renewed))
            self._say(f"Renewed {self._file(name, 'pem')}", renewed)
        self._output.write(
            "\nPut them in place, then send SIGHUP to the daemons (systemctl reload): sessions go "
            "on, new ones use them.\n"
        )

    def _issued(self, authority: x509.Certificate) -> list[str]:
        """Names of the folder's certificates that are the authority's and have their key here."""
        found = []
        for entry in sorted(os.listdir(self._path)):
            name, dot, ending = entry.rpartition(".")
            has_key = dot and os.path.lexists(self._file(name, "key"))
            if ending == "pem" and name != _AUTHORITY and has_key:
                certificate = self._load(name)
                if certificate.issuer == authority.subject:
                    found.append(name)
        return found


def _until(certificate: x509.Certificate) -> str:
    return f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"


def _names_of(certificate: x509.Certificate) -> list[x509.GeneralName]:
    from cryptography import x509

    try:
        kind = x509.SubjectAlternativeName
        return list(certificate.extensions.get_extension_for_class(kind).value)
    except x509.ExtensionNotFound:
        return []


def _usages_of(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    from cryptography import x509

    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        # It was for any use.
        from acra_twisted.transport.authority import CLIENT, SERVER

        return [CLIENT, SERVER]


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
