"""Opens the storage of a sweep, and bears with one that is away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cnnrun.errors import ConfigError, RunError, shortened

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["default_url", "open_storage", "patiently", "require_optuna"]

T = TypeVar("T")
PATIENCE = 300.0
"""Seconds that a storage may be away."""
OPENING_PATIENCE = 30.0
"""The same at the start, where its address may be wrong."""
SHORT_PATIENCE = 5.0
"""The same for one who was asked to stop."""
IDLE_MS = 30_000
"""Milliseconds after which PostgreSQL ends a transaction whose process does nothing."""
BUSY_SECONDS = 60
"""How long one process waits for another's write to an SQLite file."""


def require_optuna() -> Any:
    """Return the module `optuna`, which from then on prints nothing but errors.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "sweeps need Optuna, which is not installed: pip install 'cnnrun[sweep]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def default_url(name: str, runs_dir: Path) -> str:
    """Return the storage of a sweep for which none is named: a file below the runs."""
    return f"sqlite:///{runs_dir / 'sweeps' / f'{name}.db'}"


def open_storage(url: str, *, create: bool) -> BaseStorage:
    """Open a storage: `sqlite:///FILE`, `postgresql://...`, or `journal:///FILE`.

    Args:
        url: which.
        create: make a file that does not exist.

    Raises:
        ConfigError: the URL is none of these, or a library is missing.
        RunError: there is no such file, or the storage cannot be opened.
    """
    require_optuna()
    kind, separator, rest = url.partition("://")
    if kind in ("sqlite", "journal") and separator and rest.startswith("/"):
        return _open_file(kind, Path(rest[1:]), create)
    if kind in ("postgres", "postgresql", "postgresql+psycopg") and separator:
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise ConfigError(
                "PostgreSQL needs psycopg, which is not installed: pip install 'cnnrun[postgres]'"
            ) from None
        from optuna.storages import RDBStorage

        # Connections are tried before they are used: the server may have been started anew. A
        # process that is frozen in the middle of a transaction does not keep its locks.
        options = {
            "pool_pre_ping": True,
            "pool_size": 2,
            "connect_args": {"options": f"-c idle_in_transaction_session_timeout={IDLE_MS}"},
        }
        return _opened(url, lambda: RDBStorage(f"postgresql+psycopg://{rest}", options))
    raise ConfigError(
        f"--storage: {shortened(url, 100)}: write sqlite:///FILE, journal:///FILE (on a shared "
        "disk) or postgresql://USER@HOST/DATABASE"
    )


def _open_file(kind: str, file: Path, create: bool) -> BaseStorage:
    if not create and not file.is_file():
        raise RunError(f"{file}: no such file; `cnnrun sweep FILE` makes it")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{file.parent}: cannot be created ({error.strerror})") from None
    if kind == "journal":
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        return _opened(str(file), lambda: JournalStorage(JournalFileBackend(str(file))))
    from optuna.storages import RDBStorage

    def opened() -> BaseStorage:
        options = {"connect_args": {"timeout": BUSY_SECONDS}}
        storage = RDBStorage(f"sqlite:///{file}", options)
        _begin_immediately(storage)
        return storage

    return _opened(str(file), opened)


def _begin_immediately(storage: Any) -> None:
    """Let a transaction of SQLite take its lock when it begins.

    Otherwise two may read that a trial is waiting, and both take it.
    """
    from sqlalchemy import event

    def take_over(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself

    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(storage.engine, "connect", take_over)
    event.listen(storage.engine, "begin", begin)
    storage.engine.dispose()  # what is open began otherwise


def _opened(where: str, attempt: Callable[[], BaseStorage]) -> BaseStorage:
    """Open a storage; again, if another process makes its tables now, or a server is away."""
    started = time.monotonic()
    while True:
        try:
            return attempt()
        except _troubles() as error:
            if time.monotonic() - started > OPENING_PATIENCE:
                raise RunError(
                    f"{where}: the storage cannot be opened ({_first_line(error)})"
                ) from None
        time.sleep(0.5)


def patiently(
    call: Callable[[], T], *, hurried: Callable[[], bool] = lambda: False, where: str = "storage"
) -> T:
    """Call the storage; while it is away, wait and call again.

    Args:
        call: it; may be done twice, if the answer was lost on the way.
        hurried: says whether there is no time to wait.
        where: what the message calls the storage.

    Raises:
        RunError: it stays away.
    """
    started, delay = time.monotonic(), 0.1
    while True:
        try:
            return call()
        except _troubles() as error:
            waited = time.monotonic() - started
            if waited > (SHORT_PATIENCE if hurried() else PATIENCE):
                raise RunError(
                    f"{where}: cannot be reached for {waited:.0f} s ({_first_line(error)})"
                ) from None
        time.sleep(delay)
        delay = min(2 * delay, 2.0)


def _troubles() -> tuple[type[Exception], ...]:
    """Return what is raised where a storage is away, or busy."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return StorageInternalError, SQLAlchemyError, OSError


def _first_line(error: Exception) -> str:
    cause = error.__cause__ if error.__cause__ is not None else error
    return shortened(str(cause).strip().partition("\n")[0], 200)
