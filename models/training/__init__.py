"""Resumable, deterministic training for every method with networks."""
