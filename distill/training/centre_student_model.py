"""How a centre net learns: from the masks of a data set and of a teacher, turned into centres and sizes.

Pictures are varied on the fly with their masks, so that centres are read from the masks as they come out. From the
middle of a cell one looks along its row and its column to where the mask ends: the middle of such a chord of an upright
ellipse lies at the ellipse's own centre, and near the centre it is as long as the ellipse is wide or tall. A face that
another one or the border cuts off has the centre of what is seen of it; faces that touch become one, which is what is
blurred.
"""

from __future__ import annotations

from typing import Any

from edgeblur.distill.nets.centres import CELL
from edgeblur.distill.training.mask_student_model import masks_of_teacher, wanted_mask, worth_finding
from edgeblur.distill.training.student_model import Teaching, student_model_class

_MASK_WIDTH, _MASK_HEIGHT, _LOWER = 149 / 128, 201 / 128, 14 / 256
"""What the veil draws about a box (`edgeblur.export.veil.boxes`), in shares of its sides: so large is the mask of a
face beside its box, and so much lower lies the box's centre."""
_CORE = 0.15  # of a face's sides: a cell whose middle is no further from the face's centre is to find it
_RIM = 0.3  # beyond the core and up to here a cell may find it or not
_CELL_FACTOR = 1.5  # of half a cell: beside a face's own cell, the next one may find it or not
_FACE_WEIGHT = 12.0  # of a face beside a cell without one
_BOX_WEIGHT = 4.0
_FIRM = 0.3, 0.7  # values of a soft mask where it begins and where it is complete


def centre_student_model_class() -> type[Any]:
    """The net that learns centres; a class inside a function because its base needs TensorFlow."""
    import tensorflow as tf
    import tf_keras

    class CentreStudentModel(student_model_class()):  # type: ignore[misc]
        """Learns from masks that `lessons` gives as pixel weights 1 (outside) to 2 (face)."""

        def __init__(self, net: Any, teaching: Teaching | None, face_weight: float) -> None:
            super().__init__(net, None)
            self.face_weight = face_weight
            self.loss_mean = tf_keras.metrics.Mean("loss")
            self.both, self.either = tf_keras.metrics.Sum("both"), tf_keras.metrics.Sum("either")
            self.taught = masks_of_teacher(teaching, net.input_shape[1:3]) if teaching else None
            if teaching and self.taught:
                self.teaching_weight = teaching.weight

        def train_step(self, data: Any) -> Any:
            x, _, weight = data
            wanted, judged = centres(wanted_mask(weight, 1)), worth_finding(weight, CELL)
            share = self.teaching_weight
            with tf.GradientTape() as tape:
                found = self.net(x, training=True)
                loss = centre_loss(wanted, found, self.face_weight, judged)
                if self.taught:
                    theirs = centre_loss(centres(self.taught(x)), found, self.face_weight, judged)
                    loss = (1.0 - share) * loss + share * theirs
            self.optimizer.minimize(loss, self.net.trainable_variables, tape=tape)
            return self.measures(loss, wanted, found)

        def test_step(self, data: Any) -> Any:
            x, _, weight = data
            wanted, found = centres(wanted_mask(weight, 1)), self.net(x, training=False)
            loss = centre_loss(wanted, found, self.face_weight, worth_finding(weight, CELL))
            return self.measures(loss, wanted, found)

        def measures(self, loss: Any, wanted: Any, found: Any) -> dict[str, Any]:
            self.loss_mean.update_state(loss, tf.shape(found[0])[0])
            face, free, _ = wanted
            seen = tf.cast(found[0] >= 0.0, tf.float32) * tf.minimum(face + free, 1.0)  # elsewhere both are right
            self.both.update_state(seen * face)
            self.either.update_state(tf.maximum(seen, face))
            iou = tf.math.divide_no_nan(self.both.result(), self.either.result())
            return {"loss": self.loss_mean.result(), "iou": iou}

    return CentreStudentModel


def centres(mask: Any) -> tuple[Any, Any, Any]:
    """What a centre net is to say of masks `[B, H, W, 1]`, 0 to 1.

    Returns:
        Which cells are to find a face, which are to find none (those in between may do as they like), both
        `[B, H/8, W/8, 1]`, 0 or 1; and each cell's box `[B, H/8, W/8, 4]` in pixels, of meaning where a face is.
    """
    import tensorflow as tf

    low, full = _FIRM
    firm = tf.clip_by_value((mask[..., 0] - low) / (full - low), 0.0, 1.0)
    right, left = _runs(firm)
    below, above = (tf.transpose(run, (0, 2, 1)) for run in _runs(tf.transpose(firm, (0, 2, 1))))
    wide, tall = left + right, above + below
    x, y = (right - left) / 2, (below - above) / 2
    inside = tf.minimum(wide, tall) > 1.0

    def near(share: float, least: float) -> Any:
        return inside & (tf.abs(x) <= tf.maximum(share * wide, least)) & (tf.abs(y) <= tf.maximum(share * tall, least))

    face = tf.cast(near(_CORE, CELL / 2), tf.float32)[..., tf.newaxis]
    free = 1.0 - tf.cast(near(_RIM, _CELL_FACTOR * CELL / 2), tf.float32)[..., tf.newaxis]
    width, height = wide / _MASK_WIDTH, tall / _MASK_HEIGHT
    return face, free, tf.stack([x, y + _LOWER * height, width, height], -1)


def _runs(firm: Any) -> tuple[Any, Any]:
    """How far a mask `[B, H, W]` goes on to the right and to the left of each cell's middle, `[B, H/8, W/8]`."""
    import tensorflow as tf

    width = firm.shape[2]
    half = CELL // 2
    rows = tf.stack([firm[:, half - 1 :: CELL], firm[:, half::CELL]], -1)
    rows = tf.reduce_mean(rows, -1)  # of the two rows about the middle

    def run(line: Any) -> Any:
        """To the right, from pixel 4 of each cell on: pixels until the first that is outside."""
        padded = tf.pad(line, ((0, 0), (0, 0), (0, width)))
        windows = tf.stack([padded[..., at : at + width] for at in range(half, width, CELL)], 2)
        return tf.reduce_sum(tf.math.cumprod(windows, -1), -1)

    return run(rows), run(rows[..., ::-1])[..., ::-1]


def centre_loss(wanted: tuple[Any, Any, Any], found: Any, face_weight: float, judged: Any) -> Any:
    """Cross entropy in which each face counts alike, and how far its box is off in shares of its sides.

    Args:
        wanted: of `centres`.
        found: scores (logits) and boxes of the net.
        face_weight: factor of what a face counts beside a cell without one.
        judged: whether a cell counts at all, `[B, H/8, W/8, 1]`, 0 or 1.
    """
    import tensorflow as tf

    face, free, boxes = wanted
    scores, theirs = found
    sides = tf.maximum(boxes[..., 2:], 1.0)
    each = face / _cells_of(face)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=face, logits=scores)
    weight = judged * (free + _FACE_WEIGHT * face_weight * each)
    off = tf.abs(theirs - boxes) / tf.concat([sides, sides], -1)
    close = tf.reduce_sum(tf.where(off < 0.1, 5.0 * off * off, off - 0.05), -1, keepdims=True)
    cells = tf.cast(tf.size(scores), tf.float32)
    return (tf.reduce_sum(weight * entropy) + _BOX_WEIGHT * _FACE_WEIGHT * tf.reduce_sum(judged * each * close)) / cells


def _cells_of(face: Any) -> Any:
    """How many cells are to find the face that a cell is of: those about it."""
    import tensorflow as tf

    return tf.maximum(tf.nn.avg_pool2d(face, 5, 1, "SAME") * 25.0, 1.0)
