"""Provisimus: one tool for the life of a service, from artifact to answering instance."""

__version__ = "0.1.0.dev0"
