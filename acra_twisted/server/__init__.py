"""AcraServer: the database's end of the link."""
