"""Where keys are kept: folders as Acra makes them, a cache in front, memory for tests."""
