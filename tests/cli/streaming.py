"""A camera that streams: a small RTSP server (RFC 2326) that sends MPEG-TS in RTP on its connection."""

from __future__ import annotations

import io
import socketserver
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

_PACKET = 7 * 188
_MP2T = 33
"""RTP's payload type of MPEG-TS (RFC 3551)."""
_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track1\r\n"


def transport_stream(pictures: Sequence[np.ndarray], *, rate: int = 5) -> list[bytes]:
    """Pictures (height, width, 3; RGB) as MPEG-TS, each one's bytes by themselves."""
    import av

    buffer = io.BytesIO()
    parts: list[bytes] = []
    with av.open(buffer, "w", format="mpegts") as container:
        stream: Any = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate, stream.gop_size = "yuv420p", 20_000_000, 1
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number * 25 // rate
            container.mux(stream.encode(frame))
            parts.append(buffer.getvalue()[sum(map(len, parts)) :])
        container.mux(stream.encode())
    return [*parts[:-1], buffer.getvalue()[sum(map(len, parts[:-1])) :]]


class _Camera(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, parts: list[bytes], seconds_apart: float, drops_after: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self.parts, self.seconds_apart = parts, seconds_apart
        self.drops_after = drops_after
        self.plays = 0
        self.ending = threading.Event()


class _Client(socketserver.StreamRequestHandler):
    server: _Camera

    def handle(self) -> None:
        while request := self._request():
            method, number = request
            head = f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1\r\n"
            if method == "DESCRIBE":
                head += f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}"
            elif method == "SETUP":
                head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
            elif method == "OPTIONS":
                head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"
            else:
                head += "\r\n"
            self.wfile.write(head.encode())
            if method == "PLAY":
                self._play()
                return
            if method == "TEARDOWN":
                return

    def _request(self) -> tuple[str, str] | None:
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        if not lines:
            return None
        number = next(line.split(":")[1].strip() for line in lines if line.lower().startswith("cseq"))
        return lines[0].split()[0], number

    def _play(self) -> None:
        camera, sequence = self.server, 0
        camera.plays += 1
        drops_after = camera.drops_after if camera.plays == 1 else None
        for number, part in enumerate(camera.parts):
            if number == drops_after or camera.ending.is_set():
                return
            for at in range(0, len(part), _PACKET):
                rtp = struct.pack(">BBHII", 0x80, _MP2T, sequence & 0xFFFF, number * 18_000, 1)
                data = rtp + part[at : at + _PACKET]
                try:
                    self.wfile.write(struct.pack(">cBH", b"$", 0, len(data)) + data)
                except OSError:
                    return
                sequence += 1
            time.sleep(camera.seconds_apart)
        camera.ending.wait(60)


@contextmanager
def rtsp_camera(
    parts: list[bytes], *, seconds_apart: float = 0.2, drops_after: int | None = None
) -> Iterator[str]:
    """A camera that streams these parts to each who asks; yields its address.

    Args:
        parts: of `transport_stream`.
        seconds_apart: between two pictures.
        drops_after: so many pictures after which the first connection breaks off.
    """
    camera = _Camera(parts, seconds_apart, drops_after)
    thread = threading.Thread(target=camera.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"rtsp://127.0.0.1:{camera.server_address[1]}/live"
    finally:
        camera.ending.set()
        camera.shutdown()
        camera.server_close()
