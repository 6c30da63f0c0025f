"""Log lines: their formats, destinations and signatures."""
