"""Search theory: probability maps, sweep width, probability of detection, and where effort is best spent.

Pure: no files, no clock, no hidden randomness. What needs flights, photographs or the log of reviews is put
together in cli and flight.
"""
