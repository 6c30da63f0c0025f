"""TLS between two contexts, in memory."""

from OpenSSL import SSL


class Owner:
    """The record of a failed check."""

    failure = None

    def failVerification(self, reason):  # noqa: N802 - Twisted's name
        self.failure = reason


def shake(client_context, server_context):
    """The error of each side, None where the handshake is complete.

    A client learns of a refusal by the server with the first read behind the handshake.
    """
    owners = Owner(), Owner()
    client = client_context.connection(None, owners[0], True)
    server = server_context.connection(None, owners[1], False)
    errors = [None, None]
    for _ in range(6):
        for side, (here, there) in enumerate(((client, server), (server, client))):
            if errors[side] is None:
                errors[side] = _step(here)
            _carry(here, there)
    for side, owner in enumerate(owners):
        if owner.failure is not None:
            errors[side] = owner.failure.value
    return errors


def connect(client, server):
    """Let two connections of OpenSSL shake hands.  Raises SSL.Error where they cannot."""
    for _ in range(4):
        for here, there in ((client, server), (server, client)):
            try:
                here.do_handshake()
            except SSL.WantReadError:
                pass
            _carry(here, there)


def _step(connection):
    try:
        connection.do_handshake()
        connection.recv(1)
    except SSL.WantReadError:
        return None
    except SSL.Error as error:
        return error
    return None


def _carry(here, there):
    try:
        there.bio_write(here.bio_read(65536))
    except SSL.WantReadError:
        pass
