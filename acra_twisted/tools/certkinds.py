"""The kinds of certificate that acra-certs makes, and the settings that use them."""

from __future__ import annotations

from dataclasses import dataclass

#: Hosts of a certificate for this machine alone.
LOOPBACK = "localhost,127.0.0.1,::1"


@dataclass(frozen=True)
class Kind:
    """A kind of certificate.

    ``hosts`` is the option with the hosts that it is for, or the hosts themselves.  ``use`` says
    where it goes: {name} is its file's, {folder} the folder where it lies now.
    """

    name: str
    common: str
    is_client: bool
    is_server: bool
    hosts: str
    use: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "server",
            "acra-server",
            True,
            True,
            "--hosts",
            "AcraServer, in acra-server.ini (on its machine: ca.pem, {name}.pem, {name}.key):\n\n"
            "    [server]\n"
            "    acraconnector_tls_transport_enable = true\n"
            "    [tls]\n"
            "    tls_ca = {folder}/ca.pem\n"
            "    tls_cert = {folder}/{name}.pem\n"
            "    tls_key = {folder}/{name}.key\n"
            "    tls_client_id_from_cert = true\n",
        ),
        Kind(
            "connector",
            "acra-connector",
            True,
            True,
            LOOPBACK,
            "AcraConnector, in acra-connector.ini (on its machine: ca.pem, {name}.pem, {name}.key):"
            "\n\n"
            "    [acraserver]\n"
            "    acraserver_tls_transport_enable = true\n"
            "    [tls]\n"
            "    tls_ca = {folder}/ca.pem\n"
            "    tls_cert = {folder}/{name}.pem\n"
            "    tls_key = {folder}/{name}.key\n\n"
            "  It may be application_tls_cert, too, for applications on the same machine.\n",
        ),
        Kind(
            "application",
            "application",
            True,
            False,
            "",
            "An application that connects to AcraServer itself, in its connection string:\n\n"
            "    sslmode=verify-full sslrootcert={folder}/ca.pem sslcert={folder}/{name}.pem "
            "sslkey={folder}/{name}.key\n",
        ),
        Kind(
            "database",
            "database",
            False,
            True,
            "--database_hosts",
            "PostgreSQL, in postgresql.conf ({name}.key belongs to the user postgres):\n\n"
            "    ssl = on\n"
            "    ssl_ca_file = '{folder}/ca.pem'\n"
            "    ssl_cert_file = '{folder}/{name}.pem'\n"
            "    ssl_key_file = '{folder}/{name}.key'\n",
        ),
    )
}
