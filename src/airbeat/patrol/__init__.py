"""Beats: tours with windows and batteries, rosters, idleness. Pure: no I/O, no clock, a seed is given."""
