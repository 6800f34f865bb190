"""Where a study lies: Optuna and its database, in sentences of ours where they fail."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeblur.errors import RunError, UserError

SPEC, ORIGIN = "spec", "origin"
"""What a trial notes: its net, and the number of the trial that a killed worker began it as."""
_WAIT_S = 120
"""For a lock of a SQLite file, which heartbeats share: a busy disk holds one for longer than the usual 5."""


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
        why = f" ({reason:.160})" if (reason := _reason(error)) else ""
        raise RunError(f"the study {url} was lost on the way{why}: give the same command again to go on") from error
    finally:
        threading.excepthook = usual


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
        UserError: it is no URL, cannot be reached, or is a file that does not exist and is to be read; or its driver is
            missing.
    """
    import optuna
    import sqlalchemy

    _refuse_path(url, reading=heartbeat_s is None)
    try:
        return optuna.storages.RDBStorage(
            url, heartbeat_interval=heartbeat_s, grace_period=4 * heartbeat_s if heartbeat_s else None,
            heartbeat_stale_trial_callback=try_again,
            engine_kwargs={"connect_args": {"timeout": _WAIT_S}} if url.startswith("sqlite") else None,
        )  # fmt: skip
    except ImportError as error:
        driver = "'psycopg[binary]'" if url.startswith("postgres") else "the driver of that database"
        raise UserError(f"the study {url} needs a package that is not installed: pip install {driver}") from error
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise UserError(
            f"the study {url} cannot be reached ({reason:.160}): give sqlite:///FILE, or "
            "postgresql://USER@HOST/DATABASE of a server that runs",
            options=("study",),
        ) from error


def _refuse_path(url: str, *, reading: bool) -> None:
    """Refuse a path in the place of a URL, and to read a file that is not there: SQLite would make an empty one."""
    kind, found, rest = url.partition("://")
    if not found:
        raise UserError(
            f"a study is named by the URL of its storage, not {url}: give sqlite:///{url}", options=("study",)
        )
    path = Path(rest.removeprefix("/").partition("?")[0])
    if reading and kind == "sqlite" and rest.startswith("/") and not path.exists():
        raise UserError(f"the study {url} does not exist: there is no file {path}", options=("study",))


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
