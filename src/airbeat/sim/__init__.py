"""The embedded vehicle (not ArduPilot), its camera and the ground it sees."""
