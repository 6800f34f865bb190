"""Training on several machines: one process each; TF_CONFIG says which one it is."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgeblur.distill.nets.keras_files import silent_stderr
from edgeblur.errors import RunError, UserError

_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Place:
    """A process's place in the training.

    Attributes:
        strategy: a tf.distribute strategy, None for one process alone.
        chief: it owns the run folder; the others leave nothing behind.
    """

    strategy: Any = None
    chief: bool = True

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
            with self.strategy.scope():
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
        with silent_stderr():
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
