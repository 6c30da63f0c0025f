"""A database protection proxy: AcraConnector and AcraServer in Twisted, traced end to end."""

__version__ = "0.1.0"
