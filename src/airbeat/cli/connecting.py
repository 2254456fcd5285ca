"""How commands reach a vehicle: the options they share, and a word before waiting for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.language.words import _

if TYPE_CHECKING:
    from airbeat.link.connection import Link

__all__ = ["Address", "connect_options", "reach"]

_HEARTBEAT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """A vehicle, and who we are to it.

    Attributes:
        url: as pymavlink takes it.
        system_id: our MAVLink system id.
        component_id: our MAVLink component id.
        signing_key: file with the key that messages are signed with, or None.
    """

    url: str
    system_id: int = 255
    component_id: int = 190
    signing_key: Path | None = None


def connect_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds the options of a connection to a command; it gets them as ``address``."""

    @click.option(
        "--connect",
        "url",
        required=True,
        metavar="URL",
        help="The vehicle, as pymavlink takes it: tcp:127.0.0.1:5760, udpin:0.0.0.0:14550, "
        "/dev/ttyACM0,57600.",
    )
    @click.option(
        "--system-id",
        type=click.IntRange(1, 255),
        default=255,
        show_default=True,
        help="Our MAVLink system id; ArduPilot's link failsafe listens to MAV_GCS_SYSID (SYSID_MYGCS).",
    )
    @click.option(
        "--component-id",
        type=click.IntRange(1, 255),
        default=190,
        show_default=True,
        help="Our MAVLink component id.",
    )
    @click.option(
        "--signing-key",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Sign messages, and take signed ones only: a file with 64 hexadecimal digits or a passphrase.",
    )
    @functools.wraps(command)
    def with_address(
        *, url: str, system_id: int, component_id: int, signing_key: Path | None, **others: Any
    ) -> int:
        address = Address(url=url, system_id=system_id, component_id=component_id, signing_key=signing_key)
        return command(address=address, **others)

    return with_address


def reach(address: Address, *, tlog: Path | None = None, limit_s: float = _HEARTBEAT_S) -> Link:
    """Connect to a vehicle, and say meanwhile what is waited for.

    Args:
        address: the vehicle, and who we are.
        tlog: records all telemetry there.
        limit_s: how long to wait for its heartbeat [s].

    Raises:
        UsageError: the URL cannot be understood.
        InputFileError: the signing key cannot be read.
        LinkError: no vehicle was heard.
    """
    from airbeat.link.connection import connect
    from airbeat.link.signing import read_signing_key

    key = None if address.signing_key is None else read_signing_key(address.signing_key)
    click.echo(
        _(
            "waiting for a heartbeat on {url} (at most {limit_s:.0f} s)",
            url=address.url,
            limit_s=limit_s,
        ),
        err=True,
    )
    link = connect(
        address.url,
        source_system=address.system_id,
        source_component=address.component_id,
        timeout_s=limit_s,
        tlog=tlog,
        signing_key=key,
    )
    if link.vehicle_signs and key is None:
        click.echo(
            _("note: the vehicle signs its messages and may take no unsigned ones: give --signing-key"),
            err=True,
        )
    return link
