"""Who tells the fleet of vehicles: observers of addresses, and folders in which flights are recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from airbeat.console.fleet import Fleet, VehicleKind, VehicleState
from airbeat.errors import InputFileError, UsageError
from airbeat.flight.area import reported_frame
from airbeat.flight.state import FlightState, StatePhoto, read_state
from airbeat.geo.coordinates import LatLon
from airbeat.language.words import Message
from airbeat.link.observe import Observer, Sight
from airbeat.link.telemetry import PhotoTaken, PositionFix
from airbeat.locate.ground import footprint
from airbeat.mission.plan import Survey

__all__ = ["Feeds", "named_addresses"]

_LOOK_S = 1.0
_LEFT_S = 3600.0
"""A flight's state that was not written for so long belongs to a program that died long ago [s]."""


def named_addresses(words: Sequence[str]) -> dict[str, str]:
    """``ADDRESS`` or ``NAME=ADDRESS`` to addresses by name; a name is the address where none is given.

    Raises:
        UsageError: a name or an address twice, or an empty one.
    """
    found: dict[str, str] = {}
    for word in words:
        name, mark, address = (part.strip() for part in word.partition("="))
        address = address if mark else name
        if not (name and address and name.isprintable()):
            raise UsageError(
                Message("--vehicle {word!r} names no vehicle", word=word),
                remedy="write ADDRESS or NAME=ADDRESS",
            )
        if name in found or address in found.values():
            raise UsageError(
                Message("--vehicle {word!r}: there already", word=word), remedy="give each vehicle once"
            )
        found[name[:60]] = address
    return found


class Feeds:
    """All that is watched for the fleet, until closed.

    Args:
        fleet: who is told.
        vehicles: addresses by name.
        folders: of flights, in which ``airbeat fly`` may be writing.
        survey: camera and area of the plan, for the footprints of photographs that are reported; or None.

    Raises:
        UsageError: an address cannot be understood.
    """

    def __init__(
        self, fleet: Fleet, *, vehicles: dict[str, str], folders: Sequence[Path], survey: Survey | None
    ) -> None:
        self._fleet, self._survey = fleet, survey
        self._closing = threading.Event()
        self._observers: dict[str, tuple[str, Observer]] = {}
        self._followed = [_Followed(folder) for folder in folders]
        try:
            for name, address in vehicles.items():
                fleet.expect(name)
                self._observers[address] = (name, Observer(address, self._teller(name)))
        except UsageError:
            self.close()
            raise
        if self._followed:
            threading.Thread(target=self._follow, name="airbeat flights", daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        for _, observer in list(self._observers.values()):
            observer.close()

    @contextmanager
    def lent(self, address: str) -> Iterator[None]:
        """Leave an address to who uploads to it or flies it; watch it again afterwards."""
        name, observer = self._observers.pop(address, ("", None))
        if observer is not None:
            observer.close()
        try:
            yield
        finally:
            if observer is not None and not self._closing.is_set():
                self._observers[address] = (name, Observer(address, self._teller(name)))

    # Vehicles that are heard

    def _teller(self, name: str) -> Callable[[Sight], None]:
        def told(sight: Sight) -> None:
            kind = VehicleKind.ARDUPILOT if sight.is_ardupilot else VehicleKind.AUTOPILOT
            kind = VehicleKind.EMBEDDED if sight.is_embedded else kind
            fixes = any(isinstance(event, PositionFix) for event in sight.happened)
            if fixes or sight.now.position is None:
                self._fleet.heard(name, VehicleState.of(sight.now, kind=kind))
            for event in sight.happened:
                if isinstance(event, PhotoTaken):
                    self._photographed(name, event.position, event.height_above_home_m, event.yaw_deg)

        return told

    def _photographed(self, name: str, position: LatLon, height_m: float, yaw_deg: float) -> None:
        if self._survey is None:
            return
        try:
            frame = reported_frame(
                self._survey, position=position, height_above_home_m=height_m, yaw_deg=yaw_deg, name=name
            )
            self._fleet.photographed(name, footprint(frame))
        except InputFileError:
            return  # it shows no ground, or its numbers are none that a photograph can have

    # Flights that another program records

    def _follow(self) -> None:
        while not self._closing.is_set():
            for followed in self._followed:
                state = followed.read()
                if state is not None:
                    self._tell(followed, state)
            self._closing.wait(_LOOK_S)

    def _tell(self, followed: _Followed, state: FlightState) -> None:
        for photo in followed.fresh(state):
            self._photographed(followed.name, photo.position, photo.height_above_home_m, photo.yaw_deg)
        age_s = max(time.time() - followed.written_s, 0.0)
        if state.outcome or age_s > _LEFT_S:
            self._fleet.forget(followed.name)
            return
        last = state.photos[-1] if state.photos else None
        place = state.place or last
        self._fleet.heard(
            followed.name,
            VehicleState(
                kind=VehicleKind.FILE,
                position=place.position if place is not None else None,
                mission_item=state.item,
                mission_items=state.items,
            ),
            age_s=age_s,
        )


class _Followed:
    """The state file of one flight, read again when it was written again."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self.written_s = 0.0
        self._path = folder / "state.json"
        self._photos = 0

    def read(self) -> FlightState | None:
        """The state, if it was written since the last time."""
        try:
            written_s = self._path.stat().st_mtime
            if written_s == self.written_s:
                return None
            state = read_state(self._path)
        except (OSError, InputFileError):
            return None  # there is none yet, or it is no state that this version reads
        self.written_s = written_s
        return state

    def fresh(self, state: FlightState) -> list[StatePhoto]:
        """The photographs that were not there the last time."""
        new = state.photos[self._photos :] if len(state.photos) >= self._photos else state.photos
        self._photos = len(state.photos)
        return new
