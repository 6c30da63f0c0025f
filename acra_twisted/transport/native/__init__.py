"""Sockets and TLS of our own, in place of Twisted's transports."""
