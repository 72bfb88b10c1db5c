"""Starts a PostgreSQL server on loopback for the tests, where its programs are."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

__all__ = ["Server", "programs"]

USUAL = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
USER = "postgres"


def programs() -> Path | None:
    """Return the folder with `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    named = shutil.which("pg_ctl")
    folders = [Path(named).resolve().parent] if named else []
    return next((each for each in [*folders, *USUAL] if (each / "createdb").exists()), None)


class Server:
    """A server with a cluster of its own, which the user `postgres` runs if we are root."""

    def __init__(self, bin_folder: Path) -> None:
        """Make the cluster and start it.

        Raises:
            RuntimeError: it cannot be started; the message is the program's.
        """
        self._bin = bin_folder
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.getuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-U", "sweeper", "-A", "trust", "-N")
        self.start()

    @property
    def url(self) -> str:
        """What a sweep calls it."""
        return f"postgresql://sweeper@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} -c fsync=off"
        data, log = self._folder / "data", self._folder / "log"
        self._run("pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        """Stop it; whoever is connected is thrown out."""
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop it, and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def database(self, name: str) -> str:
        """Make a database; return its URL."""
        words = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "sweeper", name)
        self._run("createdb", *words)
        return f"postgresql://sweeper@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *words: object) -> None:
        command = [str(self._bin / program), *map(str, words)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            user=USER if os.getuid() == 0 else None,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr or done.stdout)
