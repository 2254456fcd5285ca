"""Airframe and camera profiles; the time and energy model."""
