"""Fly a plan on a vehicle: preflight, upload, arm, watch, land."""
