"""Where a study lies: Optuna and its database, in sentences of ours where they fail."""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from edgeblur.errors import RunError, UserError

SPEC, ORIGIN = "spec", "origin"
"""What a trial notes: its net, and the number of the trial that a killed worker began it as."""
_WAIT_S = 120
"""For a lock of a SQLite file, which heartbeats share: a busy disk holds one for longer than the usual 5."""

_PASSWORD = re.compile(r"^((?:[^:/@]*://)?[^:/@]*:)(?!//)(.*)@", re.DOTALL)
_DRIVERS = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary"}
_OPTION = re.compile(r"([?&;][^=&;]*(?:pass|pwd|secret|token|odbc_connect)[^=&;]*=)([^&;]*)", re.IGNORECASE)


def shown(url: str) -> str:
    """A study's URL for messages and files that are passed on: `***` in the place of a password.

    SQLAlchemy's own `render_as_string` wants a URL that it can read, and leaves options such as `?password=` and what
    stands behind an `@` of a password as they are.
    """
    return _OPTION.sub(r"\1***", _PASSWORD.sub(r"\1***@", url))


def how_to_log_in(url: str) -> str:
    """What to do with a URL that is shown without its password; "" if it has none."""
    if shown(url) == url:
        return ""
    if not url.startswith("postgresql"):
        return " (with the password in the place of ***)"
    return " (with the password in the place of ***, or without it where PGPASSWORD or ~/.pgpass has it)"


@contextlib.contextmanager
def telling_loss(url: str) -> Iterator[None]:
    """A server, or a file, that goes away in the middle gets a sentence."""
    import optuna
    import sqlalchemy

    lost = (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError)
    usual = threading.excepthook

    def in_thread(told: threading.ExceptHookArgs) -> None:
        """The heartbeat's thread notices it too: one sentence is enough."""
        if not issubclass(told.exc_type, lost):
            usual(told)

    threading.excepthook = in_thread
    try:
        yield
    # Optuna stumbles over a name or an assertion of its own when it cannot note how a trial ended.
    except (*lost, UnboundLocalError, AssertionError) as error:
        if isinstance(error, AssertionError) and not isinstance(error.__context__, lost):
            raise
        why = f" ({_clean(reason, url):.160})" if (reason := _reason(error)) else ""
        told = f"the study {shown(url)} was lost on the way{why}: give the same command again to go on"
        raise RunError(told) from error
    finally:
        threading.excepthook = usual


def _clean(reason: str, url: str) -> str:
    """What a driver said, which may repeat what stands in the URL, without its passwords."""
    for _, secret in (*_PASSWORD.findall(url), *_OPTION.findall(url)):
        for spelt in {secret, unquote(secret)} - {""}:
            reason = reason.replace(spelt, "***")
    return reason


def _reason(error: BaseException | None) -> str:
    """What the database said, of the errors that led to this one; "" if it said nothing."""
    while error is not None:
        if origin := getattr(error, "orig", None):
            return " ".join(str(origin).split())
        error = error.__cause__ or error.__context__
    return ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Optuna tells each trial in its own words, and calls heartbeats experimental."""
    require_optuna()
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def require_optuna() -> None:
    """Refuse to search without Optuna.

    Raises:
        UserError: it is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise UserError("searching needs Optuna: pip install 'edgeblur[search]'") from error


def open_storage(url: str, heartbeat_s: int | None) -> Any:
    """The database at a URL.

    Args:
        url: `sqlite:///FILE`, `postgresql://USER@HOST/DATABASE`.
        heartbeat_s: how often a worker shows that it is alive; None for a reader.

    Raises:
        UserError: it is no URL, cannot be reached, or is a file that does not exist and is to be read; its driver is
            missing, or its password is cut by an @.
        RunError: its disk is full.
    """
    import optuna
    import sqlalchemy

    _refuse_path(url, reading=heartbeat_s is None)
    _refuse_cut(url)
    try:
        return optuna.storages.RDBStorage(
            url, heartbeat_interval=heartbeat_s, grace_period=4 * heartbeat_s if heartbeat_s else None,
            heartbeat_stale_trial_callback=try_again,
            engine_kwargs={"connect_args": {"timeout": _WAIT_S}} if url.startswith("sqlite") else None,
        )  # fmt: skip
    except ImportError as error:
        missing = error.__cause__ or error  # Optuna tells it in words of its own
        driver = _DRIVERS.get(getattr(missing, "name", None) or "", "the driver of that database")
        told = f"the study {shown(url)} needs a package that is not installed: pip install {driver}"
        raise UserError(told) from error
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, ValueError) as error:  # the last: a port
        reason = _clean(str(error.__cause__ or error).strip().splitlines()[0], url)
        if url.startswith("sqlite") and "disk" in reason:
            told = f"the disk is full or broken: the study {shown(url)} could not be written ({reason:.160})"
            raise RunError(f"{told}; free some space and run again") from error
        raise UserError(
            f"the study {shown(url)} cannot be reached ({reason:.160}): give sqlite:///FILE, or "
            "postgresql://USER@HOST/DATABASE of a server that runs",
            options=("study",),
        ) from error


def _refuse_path(url: str, *, reading: bool) -> None:
    """Refuse a path in the place of a URL, and to read a file that is not there: SQLite would make an empty one."""
    kind, found, rest = url.partition("://")
    if not found:
        remedy = f"sqlite:///{url}" if shown(url) == url else "postgresql://USER@HOST/DATABASE"
        raise UserError(
            f"a study is named by the URL of its storage, not {shown(url)}: give {remedy}", options=("study",)
        )
    path = Path(rest.removeprefix("/").partition("?")[0])
    stated = kind == "sqlite" and rest.startswith("/") and not rest.startswith("/file:")  # SQLite reads those itself
    if reading and stated and not path.exists():
        raise UserError(f"the study {shown(url)} does not exist: there is no file {path}", options=("study",))


def _refuse_cut(url: str) -> None:
    """Refuse a password with an @ of its own: SQLAlchemy ends it there, and the rest would be told as a host."""
    if any("@" in secret for _, secret in _PASSWORD.findall(url)):
        raise UserError(
            f"the study {shown(url)} has more than one @: write those of its password as %40, or leave :*** out and "
            "let PGPASSWORD or ~/.pgpass have it",
            options=("study",),
        )


def open_study(url: str, name: str, heartbeat_s: int) -> Any:
    """A study, which begins if there is none of this name.

    Raises:
        UserError: as `open_storage`.
    """
    import optuna

    return optuna.create_study(
        study_name=name, storage=open_storage(url, heartbeat_s), load_if_exists=True, directions=["minimize"] * 3
    )


def try_again(study: Any, trial: Any) -> None:
    """A worker died: its net waits for whoever is free, under the name of its first trial, where its training lies."""
    import optuna

    if SPEC not in trial.user_attrs:
        return
    study.add_trial(
        optuna.create_trial(
            state=optuna.trial.TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={ORIGIN: trial.user_attrs[ORIGIN]},
        )
    )
