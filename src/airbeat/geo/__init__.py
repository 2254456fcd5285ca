"""Positions, altitudes with datums, the local metric frame, polygons."""
