"""From ini, environment and flags to settings."""
