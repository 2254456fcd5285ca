"""The mission file and the FlightPlan, the one type that planning makes and every later room takes."""
