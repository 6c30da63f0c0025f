"""Certificates in memory, issued for a test."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ObjectIdentifier

from acra_twisted.transport import authority
from acra_twisted.transport.authority import Period
from acra_twisted.transport.certificates import CLIENT, SERVER

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


def period(begin=-1, end=100):
    return Period(NOW + begin * DAY, NOW + end * DAY)


class Issued:
    """A certificate and its key."""

    def __init__(self, made_by, usages=(CLIENT, SERVER), hosts=("localhost",), when=None):
        self.key = authority.new_key()
        self.certificate = made_by.issue(
            authority.simple_name("app", "Shop"),
            self.key.public_key(),
            when or period(),
            usages,
            [authority.general_name(host) for host in hosts],
        )


def unreadable():
    """A certificate whose subjectAltName cannot be read."""
    names = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), b"\xff")
    key = authority.new_key()
    name = authority.simple_name("x")
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .add_extension(names, False)
        .sign(key, hashes.SHA256())
    )
