"""A folder with a small configuration, of which sweeps are made."""

from __future__ import annotations

import pytest
from experiments import TINY
from postgres import Server, programs


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where the test runs: `tiny.yaml`, and no runs yet."""
    pytest.importorskip("optuna")
    (tmp_path / "tiny.yaml").write_text(TINY.replace("epochs: 4", "epochs: 2"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server on loopback."""
    pytest.importorskip("psycopg")
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: its tests are left out")
    server = Server(folder)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def storage(request, home):
    """The URL of a storage of each kind."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        return server.database(f"d{abs(hash(str(home))) % 10**12}")
    return f"{request.param}:///{home}/storage.{request.param}"
