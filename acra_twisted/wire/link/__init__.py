"""Formats on the link between AcraConnector and AcraServer."""
