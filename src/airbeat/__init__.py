"""airbeat: drone patrol and search mission planner.

The package is a house with one room per step; start at ``docs/guide.md`` or at the room whose name
says what you are looking for. Importing :mod:`airbeat` is cheap: no room is imported here.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
