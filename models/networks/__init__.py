"""Functional builders of every network; one file a family."""
