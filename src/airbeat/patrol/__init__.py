"""Beats: what a day asks for, tours, rosters, proof of patrol, dispatch, watching crowds. Pure functions."""
