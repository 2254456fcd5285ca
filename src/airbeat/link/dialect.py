"""The one place that imports pymavlink's dialect: MAVLink 2, ardupilotmega.

pymavlink speaks MAVLink 1 unless ``MAVLINK20`` is in the environment before its first import, so the
variable is set here, before that import.
"""

from __future__ import annotations

import os

os.environ["MAVLINK20"] = "1"

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["mavlink"]
