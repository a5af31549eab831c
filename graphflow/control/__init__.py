"""Faces of the session: how it is steered from outside."""
