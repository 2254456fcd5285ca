"""A find as it is handed to people on the ground, and what every hand-over file says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airbeat.geo.coordinates import LatLon
from airbeat.geo.notation import decimal_degrees, degrees_minutes, mgrs_grid

__all__ = ["Sighting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A candidate that somebody has looked at and confirmed.

    Attributes:
        id: what it is called on the radio.
        uid: stays the same when the file is written again.
        verdict: "person" or "clue".
        status: "candidate", "confirmed" or "dismissed".
        position: WGS84.
        ce90_m: radius that holds the true place with 90 % probability [m].
        hae_m: height of the ground there above the WGS84 ellipsoid [m], None where it is not known.
        msl_m: height of the ground there above mean sea level [m], None where it is not known.
        method: how the place was found.
        seen_utc: when the photograph was taken, None where it does not say.
        file: the photograph.
        sha256: of the photograph, hexadecimal.
        xyxy_px: where it is in the photograph: left, top, right, bottom [px].
        score: the detector's score, 0…1.
        looks: in how many photographs it was seen.
        reviewer: who confirmed it.
        decided_utc: when.
        note: what the reviewer wrote.
    """

    id: str
    uid: str
    verdict: str
    status: str
    position: LatLon
    ce90_m: float
    hae_m: float | None
    msl_m: float | None
    method: str
    seen_utc: datetime | None
    file: str
    sha256: str
    xyxy_px: tuple[float, float, float, float]
    score: float
    looks: int
    reviewer: str
    decided_utc: datetime
    note: str = ""

    @property
    def title(self) -> str:
        """One short line."""
        return f"{self.id} {self.verdict}, {self.status}"

    def facts(self) -> dict[str, str]:
        """Everything that is known, for people: label and text, in the order in which it is needed."""
        unknown = "not known"
        box = ", ".join(f"{v:.0f}" for v in self.xyxy_px)
        facts = {
            "status": f"{self.verdict}, {self.status} by {self.reviewer} at {_utc(self.decided_utc)}",
            "MGRS": mgrs_grid(self.position),
            "lat/lon (WGS84)": decimal_degrees(self.position),
            "lat/lon (degrees, minutes)": degrees_minutes(self.position),
            "CE90": f"{self.ce90_m:.1f} m",
            "height MSL": unknown if self.msl_m is None else f"{self.msl_m:.1f} m",
            "height HAE": unknown if self.hae_m is None else f"{self.hae_m:.1f} m",
            "place by": self.method,
            "seen": unknown if self.seen_utc is None else _utc(self.seen_utc),
            "photograph": f"{self.file}, box {box} px",
            "SHA-256": self.sha256 or unknown,
            "score": f"{self.score:.2f} in {self.looks} photograph{'' if self.looks == 1 else 's'}",
        }
        return facts | ({"note": self.note} if self.note else {})

    def description(self) -> str:
        """The facts as lines of text."""
        return "\n".join(f"{label}: {text}" for label, text in self.facts().items())


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")
