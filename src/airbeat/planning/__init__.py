"""Pure functions that turn a Mission into a FlightPlan: same input, same plan, no I/O, no clock."""
