"""AcraConnector: the application's end of the link."""
