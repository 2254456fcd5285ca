"""From a pixel to a place on the ground, with its error."""
