"""The views of the console, each a question with its answer."""
