"""The local web console: the review desk and the map of one operation, in a browser on this machine."""
