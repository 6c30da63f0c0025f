"""Figures of every request, sampled or not, by the shape of its statement."""
