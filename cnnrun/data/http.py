"""Receives a file from a web server: over HTTPS, from where it broke off, within bounds."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from cnnrun.errors import DataError, shortened
from cnnrun.transfers import Transfer, tell

__all__ = ["TransferError", "receive", "unwritable"]

TIMEOUT = 30.0  # seconds without an answer
SLOWEST = 1 << 10  # bytes a second, over as many seconds: what is slower does not end
REDIRECTS = 5
CHUNK = 1 << 16
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HAS_ALL = 416  # Range Not Satisfiable: the file has as many bytes as the server's, or more


class TransferError(Exception):
    """A server did not send the whole file; what it has sent so far stays."""


def receive(url: str, part: Path, name: str, maximum: int) -> None:
    """Append to `part` what it lacks of a file, or write it anew where a server sends it whole.

    Args:
        url: of the file; https, or http on this machine.
        part: what has been received so far.
        name: of the file, for those who listen.
        maximum: bytes that the file has at most.

    Raises:
        TransferError: there is no such server or file, or it broke off, is too slow, sends too much
            or leads elsewhere for ever.
        DataError: `part` cannot be written.
    """
    _require_secure(url)
    held = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "cnnrun", "Accept-Encoding": "identity"}
    if held:
        headers["Range"] = f"bytes={held}-"
    try:
        with _opener(url).open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as it:
            start, total = _extent(it, held)
            if total is not None and total > maximum:
                raise TransferError(f"sends {total:,} bytes, more than {maximum:,}")
            transfer = Transfer(name, urlsplit(url).hostname or url, start, total)
            with _opened(part, "ab" if start else "wb") as file:
                _copy(it, file, transfer, maximum)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HAS_ALL and held:
            return
        again = "redirects without end" if error.code // 100 == 3 else f"answers {error.code}"
        raise TransferError(again) from None
    except urllib.error.URLError as error:
        raise TransferError(_said(error.reason)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TransferError(_said(error)) from None


def unwritable(folder: Path, error: OSError) -> DataError:
    """Return the error that says that files cannot be written there, and why."""
    return DataError(
        f"{folder}: cannot be written to ({error.strerror}); CNNRUN_DATA names another folder for "
        "downloads"
    )


def _require_secure(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise TransferError(f"{url} is not https")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, to https alone."""

    max_redirections = REDIRECTS

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            _require_secure(newurl)
        except TransferError as error:
            raise urllib.error.URLError(f"a redirect to {error}") from None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[Any] = [_Redirects]
    if urlsplit(url).hostname in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))  # no proxy knows this machine's servers
    return urllib.request.build_opener(*handlers)


def _extent(response: Any, held: int) -> tuple[int, int | None]:
    """Return at which byte the answer starts, and how many the whole file has, if it says so."""
    length = response.headers.get("Content-Length", "")
    if response.status != http.client.PARTIAL_CONTENT:
        return 0, int(length) if length.isdecimal() else None
    said = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", said.strip())
    if match is None or int(match[1]) != held:
        raise TransferError(f"was asked for what follows byte {held:,}, and sends {said!r}")
    return held, None if match[3] == "*" else int(match[3])


def _copy(response: Any, file: IO[bytes], transfer: Transfer, maximum: int) -> None:
    done, total = transfer.done, transfer.total
    since, before = time.monotonic(), done
    while chunk := response.read1(CHUNK):
        done += len(chunk)
        if done > maximum:
            raise TransferError(f"sends more than {maximum:,} bytes")
        _write(file, chunk)
        tell(Transfer(transfer.name, transfer.host, done, total))
        if (elapsed := time.monotonic() - since) > TIMEOUT:
            if done - before < SLOWEST * elapsed:
                raise TransferError(f"sent {done - before:,} bytes in {elapsed:.0f} s")
            since, before = time.monotonic(), done
    if total is not None and done < total:
        raise TransferError(f"broke off after {done:,} of {total:,} bytes")


def _opened(part: Path, mode: str) -> IO[bytes]:
    try:
        return part.open(mode, buffering=0)  # so that nothing received is lost when we are stopped
    except OSError as error:
        raise unwritable(part.parent, error) from None


def _write(file: IO[bytes], chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise unwritable(Path(file.name).parent, error) from None


def _said(error: object) -> str:
    """Return what went wrong in a few words."""
    if isinstance(error, TimeoutError):
        return f"no answer for {TIMEOUT:g} s"
    return shortened(str(getattr(error, "strerror", None) or error), 120)
