"""Downloads against a server on this machine that cuts, lies, dawdles and goes in circles."""

from __future__ import annotations

import hashlib
import http.server
import multiprocessing
import os
import re
import sys
import threading
import time

import pytest

from cnnrun.data import http as transport
from cnnrun.data.download import RemoteFile, cache_folder, download
from cnnrun.errors import DataError
from cnnrun.transfers import listening

CONTENT = bytes(range(256)) * 2000
SIZE = len(CONTENT)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; the path says in which way."""

    def do_GET(self):
        server, way = self.server, self.path.strip("/")
        server.requests.append((way, self.headers.get("Range")))
        if way == "missing":
            self.send_error(404)
            return
        if way in ("loop", "insecure"):
            self.send_response(302)
            self.send_header("Location", "/loop" if way == "loop" else "http://example.org/x")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = {"wrong": b"no", "huge": CONTENT * 3}.get(way, CONTENT)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked and way != "no-range" else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            first = start + (1 if way == "shifted" else 0)
            size = f"{first}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", f"bytes {size}")
        if way != "unsized":
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if way == "cut":
            body = body[: max(200_000, len(body) // 2)]
        if way == "cut-once" and not start:
            body = body[:100_000]
        try:
            if way == "slow":
                for index in range(50):
                    self.wfile.write(body[index : index + 1])
                    time.sleep(0.02)
                return
            if way == "silent":
                server.ended.wait(10)
                return
            self.wfile.write(body)
        except ConnectionError:
            pass  # who asked has gone away

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.ended = [], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


def remote(server, *ways, digest=None, maximum=SIZE):
    urls = tuple(way if ":" in way else f"{server.url}/{way}" for way in ways)
    digest = digest or hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    return RemoteFile("set.bin", urls, digest, maximum)


def refusal(file, folder):
    """Return the message of a download that fails, which is one line and names file and folder."""
    with pytest.raises(DataError) as caught:
        download([file], folder, "a set")
    text = str(caught.value)
    assert text.startswith(f"a set: put set.bin into {folder}")
    assert "\n" not in text
    return text


def test_a_file_is_downloaded_once(server, tmp_path):
    file = remote(server, "plain", digest=hashlib.sha256(CONTENT).hexdigest())
    download([file], tmp_path / "new" / "cache", "a set")
    download([file], tmp_path / "new" / "cache", "a set")
    assert (tmp_path / "new" / "cache" / "set.bin").read_bytes() == CONTENT
    assert server.requests == [("plain", None)]
    assert not list(tmp_path.rglob("*.part"))


def test_a_listener_is_told_of_every_piece(server, tmp_path):
    heard = []
    with listening(heard.append):
        download([remote(server, "plain")], tmp_path, "a set")
    assert [heard[-1].done, heard[-1].total] == [len(CONTENT)] * 2
    assert {(transfer.name, transfer.host) for transfer in heard} == {("set.bin", "127.0.0.1")}


def test_mirrors_are_asked_in_their_order(server, tmp_path):
    download([remote(server, "missing", "wrong", "plain", "never")], tmp_path, "a set")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert [way for way, _ in server.requests] == ["missing", "wrong", "plain"]


@pytest.mark.parametrize("way", ["cut", "cut-once"])
def test_a_download_that_is_cut_goes_on_from_there(server, tmp_path, way):
    download([remote(server, way)], tmp_path, "a set")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    ranges = [asked for _, asked in server.requests]
    assert ranges[0] is None
    assert all(re.fullmatch(r"bytes=\d+-", asked) for asked in ranges[1:])
    assert len(ranges) > 1


def test_what_an_earlier_process_received_is_kept(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:1000])
    download([remote(server, "plain")], tmp_path, "a set")
    assert server.requests == [("plain", "bytes=1000-")]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("held", [CONTENT, CONTENT + b"x", b"other" * 1000], ids=len)
@pytest.mark.parametrize("way", ["plain", "no-range", "unsized"])
def test_whatever_is_held_the_file_is_right_in_the_end(server, tmp_path, held, way):
    (tmp_path / "set.bin.part").write_bytes(held)
    download([remote(server, way)], tmp_path, "a set")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


def test_a_range_that_was_not_asked_for_is_refused(server, tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:1000])
    assert "what follows byte 1,000" in refusal(remote(server, "shifted"), tmp_path)


def test_a_wrong_digest_is_refused_and_the_file_removed(server, tmp_path):
    text = refusal(remote(server, "wrong"), tmp_path)
    assert f"another file (MD5 {hashlib.md5(b'no', usedforsecurity=False).hexdigest()}" in text
    assert not list(tmp_path.glob("set.bin*"))


def test_more_than_the_file_can_have_is_refused(server, tmp_path):
    assert "more than 512,000" in refusal(remote(server, "huge"), tmp_path)
    assert "more than 1,000" in refusal(remote(server, "unsized", maximum=1000), tmp_path)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("loop", "redirects without end"),
        ("insecure", "a redirect to http://example.org/x is not https"),
        ("missing", "answers 404"),
        ("http://example.org/set.bin", "is not https"),
        ("http://127.0.0.1:1/set.bin", "refused"),
        ("https://no-such-host.invalid/set.bin", "no-such-host.invalid "),
    ],
)
def test_a_mirror_that_does_not_send_the_file_is_named_with_why(server, tmp_path, way, said):
    assert said in refusal(remote(server, way), tmp_path)


@pytest.mark.parametrize(("way", "said"), [("slow", "bytes in"), ("silent", "no answer for")])
def test_a_server_that_dawdles_is_left(server, tmp_path, monkeypatch, way, said):
    monkeypatch.setattr(transport, "TIMEOUT", 0.1)
    assert said in refusal(remote(server, way), tmp_path)


def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file.*cannot be written to .*CNNRUN_DATA"):
        download([remote(server, "plain")], tmp_path / "file" / "cache", "a set")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no device that is always full")
def test_a_full_disk_is_said(server, tmp_path):
    (tmp_path / "set.bin.part").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"cannot be written to \(No space left.*CNNRUN_DATA"):
        download([remote(server, "plain")], tmp_path, "a set")


def test_a_download_that_is_interrupted_can_go_on(server, tmp_path):
    def interrupt(transfer):
        raise KeyboardInterrupt

    with listening(interrupt), pytest.raises(KeyboardInterrupt):
        download([remote(server, "plain")], tmp_path, "a set")
    held = (tmp_path / "set.bin.part").stat().st_size
    assert held
    download([remote(server, "plain")], tmp_path, "a set")
    assert server.requests[-1] == ("plain", f"bytes={held}-")
    assert (tmp_path / "set.bin").read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_two_processes_at_once_leave_one_good_file(server, tmp_path):
    context = multiprocessing.get_context("spawn")
    arguments = ([remote(server, "cut-once")], tmp_path, "a set")
    both = [context.Process(target=download, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "set.bin").read_bytes() == CONTENT
    assert len(server.requests) == 2  # one of them downloaded it, in two pieces


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("CNNRUN_DATA", raising=False)
    assert cache_folder() == tmp_path / "caches" / "cnnrun"
    monkeypatch.setenv("CNNRUN_DATA", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
