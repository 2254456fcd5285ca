"""The embedded vehicle: a MAVLink 2 copter that behaves as ArduCopter does. It is not ArduPilot."""
