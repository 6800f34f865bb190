"""Training on several machines: one process each; TF_CONFIG says which one it is."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from edgeblur.distill.nets.keras_files import silent_stderr
from edgeblur.errors import RunError, UserError

_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'

WAIT_S = 1800.0
"""Seconds without a step, after which a worker no longer waits for the others: TensorFlow itself may wait for ever."""


class _Watch:
    """Ends this process, with a sentence, once nothing has gone on for too long.

    What waits for other workers does so inside TensorFlow, which lets neither an exception nor another thread of Python
    in. Python's own fault handler needs neither: its report goes to a child, which says the sentence instead. The run
    folder is left as by a kill: whole up to the last epoch.
    """

    def __init__(self) -> None:
        self._told: IO[bytes] | None = None

    def beat(self) -> None:
        """Something goes on."""
        if self._told is not None:
            faulthandler.dump_traceback_later(WAIT_S, exit=True, file=self._told)

    @contextlib.contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Watch while the block runs."""
        sentence = (
            f"edgeblur: {what} within {WAIT_S:g} s: see that all workers of TF_CONFIG run and reach each other, then "
            "start all of them again (--resume, if an epoch had ended)"
        )
        child = subprocess.Popen(["sh", "-c", 'read -r report && echo "$0" >&2', sentence], stdin=subprocess.PIPE)
        self._told = child.stdin
        self.beat()
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._told = None
            child.kill()  # it may not see the end of a pipe that others have as well
            child.communicate()


@dataclass(frozen=True)
class Place:
    """A process's place in the training.

    Attributes:
        strategy: a tf.distribute strategy, None for one process alone.
        chief: it owns the run folder; the others leave nothing behind.
        watch: ends a worker that waits for others in vain.
    """

    strategy: Any = None
    chief: bool = True
    watch: _Watch = field(default_factory=_Watch)

    @property
    def callbacks(self) -> tuple[Any, ...]:
        """tf_keras callbacks by which a training tells that it goes on; none of one process alone."""
        if self.strategy is None:
            return ()
        import tf_keras

        def beat(*_: Any, **__: Any) -> None:
            self.watch.beat()

        names = ("on_train_batch_end", "on_test_batch_end", "on_epoch_end")
        return (tf_keras.callbacks.LambdaCallback(**dict.fromkeys(names, beat)),)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Where nets are built and trained.

        Raises:
            RunError: another worker was lost on the way.
        """
        if self.strategy is None:
            yield
            return
        import tensorflow as tf

        try:
            with self.watch.on("no step was done"), self.strategy.scope():
                yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
                tf.errors.InternalError, tf.errors.DeadlineExceededError) as error:  # fmt: skip
            raise RunError(
                "another worker of the cluster stopped: see what it said, then resume the training on all workers",
                options=("resume",),
            ) from error


def join(strategy: str) -> Place:
    """Take this process's place: alone for `single`; for `multiworker` as TF_CONFIG says, once all workers are there.

    Raises:
        UserError: TF_CONFIG is missing or says something else.
        RunError: this worker's port is taken.
    """
    if strategy == "single":
        return Place()
    _check_config(os.environ.get("TF_CONFIG", ""))
    import tensorflow as tf

    try:
        with _Watch().on("the other workers did not come"), silent_stderr():
            joined = tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        raise RunError(f"this worker could not join the cluster of TF_CONFIG: {str(error).splitlines()[0]}") from error
    return Place(joined, bool(joined.extended.should_checkpoint))


def _check_config(config: str) -> None:
    """TF_CONFIG must list the cluster and this process in it; TensorFlow itself would train alone without a word."""
    if not config:
        raise UserError(
            f"the strategy multiworker needs the environment variable TF_CONFIG, such as {_EXAMPLE}",
            options=("strategy",),
        )
    try:
        parsed = json.loads(config)
        kind, index = str(parsed["task"]["type"]), int(parsed["task"]["index"])
        cluster = {str(role): list(map(str, addresses)) for role, addresses in parsed["cluster"].items()}
        if kind not in ("chief", "worker") or not 0 <= index < len(cluster[kind]):
            raise ValueError(f"no {kind} {index} in the cluster")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"TF_CONFIG should look like {_EXAMPLE}, but this is another thing: {error!r}") from error
