"""Names that the resolver knows besides its own, for the time of a test: as in /etc/hosts."""

import socket


def know(case, *names):
    """Each of them is 127.0.0.1."""
    system = socket.getaddrinfo

    def getaddrinfo(host, *args, **named):
        return system("127.0.0.1" if host in names else host, *args, **named)

    case.patch(socket, "getaddrinfo", getaddrinfo)
