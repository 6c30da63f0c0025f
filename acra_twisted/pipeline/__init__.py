"""Stages: found, ordered, run."""
