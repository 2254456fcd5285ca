"""The finder says what it looked at, and the fetcher puts only checked binaries into the cache."""

from __future__ import annotations

import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from airbeat.errors import InputFileError, LinkError, UsageError
from airbeat.sim.ardupilot_binary import find_binary, inspect_binary, look_for_binaries
from airbeat.sim.ardupilot_fetch import fetch_binary

COMMIT = "76aed8f8" + "0" * 32


def fake_firmware(version: str, *, size: int = 600_000) -> bytes:
    """A file that looks like a SITL binary from outside (it cannot run)."""
    text = f"\0{version} ({COMMIT[:8]})\0".encode()
    return b"\x7fELF" + text + b"\0" * (size - len(text) - 4)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder and a PATH with nothing in them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("AIRBEAT_SITL_BINARY", raising=False)
    return tmp_path


def test_without_a_binary_the_error_lists_every_place_and_the_remedy(home: Path) -> None:
    with pytest.raises(LinkError) as caught:
        find_binary()
    text = str(caught.value)
    for words in (
        "AIRBEAT_SITL_BINARY: is not set",
        str(home / ".dronekit/sitl"),
        "PATH",
        "airbeat sitl fetch",
    ):
        assert words in text


def test_the_newest_cached_release_comes_before_an_older_one_and_before_the_path(home: Path) -> None:
    cache = home / ".dronekit/sitl"
    put(cache / "copter-9/apm", fake_firmware("ArduCopter V4.5.7"))
    put(cache / "copter-a/apm", fake_firmware("ArduCopter V4.10.0-dev"))
    newest = put(cache / "copter-b/apm", fake_firmware("ArduCopter V4.10.0"))
    put(home / "bin/arducopter", fake_firmware("ArduCopter V4.11.0"))
    binary = find_binary()
    assert (binary.path, binary.version, binary.git_hash) == (newest, "ArduCopter V4.10.0", "76aed8f8")
    assert [e.binary.version for e in look_for_binaries() if e.binary] == [
        "ArduCopter V4.10.0",
        "ArduCopter V4.10.0-dev",
        "ArduCopter V4.5.7",
        "ArduCopter V4.11.0",
    ]


def test_a_wrong_variable_is_an_error_even_where_the_cache_has_a_binary(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home / ".dronekit/sitl/copter-x/apm", fake_firmware("ArduCopter V4.6.3"))
    monkeypatch.setenv("AIRBEAT_SITL_BINARY", str(home / "missing"))
    with pytest.raises(LinkError, match="no such file"):
        find_binary()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x7fELF", "4 bytes is no size"),
        (b"#!/bin/sh\n" + b" " * 600_000, "not an ELF"),
        (fake_firmware("ArduPlane V4.6.3"), "does not name itself ArduCopter"),
    ],
)
def test_a_file_that_is_not_arducopter_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InputFileError, match=words):
        inspect_binary(put(tmp_path / "apm", content), source="a test")


class FirmwareServer:
    """A local HTTP server that gives what ``files`` holds; ``cut`` bytes are held back of every file."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) - outer.cut])

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FirmwareServer]:
    """A firmware server on the loopback interface, asked by an x86-64 machine."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = FirmwareServer()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


FOLDER = "/Copter/stable-4.6.3/SITL_x86_64_linux_gnu"


def echoing_firmware(version: str) -> bytes:
    """An executable that runs here and answers ``--help`` with something else: GNU echo, renamed."""
    text = f"\0{version} ({COMMIT[:8]})\0".encode()
    return Path("/bin/echo").read_bytes() + text + b"\0" * 600_000


def test_a_download_whose_binary_does_not_answer_as_sitl_leaves_nothing_behind(
    server: FirmwareServer, tmp_path: Path
) -> None:
    server.files[f"{FOLDER}/arducopter"] = echoing_firmware("ArduCopter V4.6.3")
    with pytest.raises(InputFileError, match="options of ArduPilot SITL"):
        fetch_binary("4.6.3", cache=tmp_path, firmware_server=server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_cannot_run_leaves_nothing_behind(server: FirmwareServer, tmp_path: Path) -> None:
    server.files[f"{FOLDER}/arducopter"] = fake_firmware("ArduCopter V4.6.3")
    with pytest.raises(InputFileError, match="does not run here"):
        fetch_binary("4.6.3", cache=tmp_path, firmware_server=server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_download_of_another_commit_than_the_server_states_is_refused(
    server: FirmwareServer, tmp_path: Path
) -> None:
    server.files[f"{FOLDER}/arducopter"] = fake_firmware("ArduCopter V4.6.3")
    server.files[f"{FOLDER}/git-version.txt"] = b"commit " + b"1" * 40
    with pytest.raises(InputFileError, match="commit 76aed8f8, the server 11111111"):
        fetch_binary("4.6.3", cache=tmp_path, firmware_server=server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_is_refused(server: FirmwareServer, tmp_path: Path) -> None:
    server.files[f"{FOLDER}/arducopter"] = fake_firmware("ArduCopter V4.6.3")
    server.cut = 1000
    with pytest.raises(LinkError, match=r"ended after|cannot be downloaded"):
        fetch_binary("4.6.3", cache=tmp_path, firmware_server=server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_download_larger_than_any_binary_is_no_matter_of_the_network(
    server: FirmwareServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files[f"{FOLDER}/arducopter"] = fake_firmware("ArduCopter V4.6.3")
    monkeypatch.setattr("airbeat.sim.ardupilot_fetch._MAX_BYTES", 1000)
    with pytest.raises(InputFileError, match="bytes is too large") as refused:
        fetch_binary("4.6.3", cache=tmp_path, firmware_server=server.url)
    assert not refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_the_server_does_not_have_is_named(server: FirmwareServer, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=r"no version 4\.9\.9 .*404"):
        fetch_binary("4.9.9", cache=tmp_path, firmware_server=server.url)


def test_a_version_that_is_no_version_is_refused_before_the_network_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no version '\.\./x'"):
        fetch_binary("../x", cache=tmp_path, firmware_server="http://127.0.0.1:1")


def test_without_a_network_the_error_says_what_to_do(server: FirmwareServer, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="AIRBEAT_SITL_BINARY"):
        fetch_binary("stable", cache=tmp_path, firmware_server="http://127.0.0.1:1")


def test_an_old_archive_with_files_outside_its_folder_gives_only_the_binary(
    server: FirmwareServer, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (("../../evil", b"x"), ("./apm", fake_firmware("APM:Copter V3.3"))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    server.files["/sitl/copter/sitl-linux-copter-3.3.tar.gz"] = buffer.getvalue()
    cache = tmp_path / "a" / "b"
    with pytest.raises(InputFileError, match="does not run here"):
        fetch_binary("3.3", cache=cache, legacy_server=server.url)
    assert list(cache.iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.ardupilot
def test_a_real_binary_is_fetched_checked_and_put_in_its_place(
    server: FirmwareServer, tmp_path: Path, real_binary: Path
) -> None:
    found = inspect_binary(real_binary, source="this machine")
    server.files["/Copter/latest/SITL_x86_64_linux_gnu/arducopter"] = real_binary.read_bytes()
    server.files["/Copter/latest/SITL_x86_64_linux_gnu/git-version.txt"] = (
        f"commit {found.git_hash.ljust(40, '0')}\n".encode()
    )
    shares: list[float] = []
    binary = fetch_binary("latest", cache=tmp_path, firmware_server=server.url, progress=shares.append)
    assert binary.path == tmp_path / f"copter-{found.version.split(' V')[1]}" / "apm"
    assert (binary.version, binary.git_hash) == (found.version, found.git_hash)
    assert [p.name for p in tmp_path.iterdir()] == [binary.path.parent.name]
    assert shares[-1] == 1.0
    assert binary.path.read_bytes() == real_binary.read_bytes()
