"""The Twisted side: sockets, TLS, flow control, the life of one connection."""
