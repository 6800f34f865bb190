"""How a net learns where faces are: from the masks of a data set, each face counting alike, and from a wider net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeblur.distill.nets.families import mask_logit
from edgeblur.distill.nets.mask_head import SHRINK
from edgeblur.distill.nets.unet import GATE, GATED, has_gate, held
from edgeblur.distill.training.student_model import Teaching, coarse_loss, coarse_stages, finders, student_model_class

MASK_AS_WEIGHT = 2.0
"""The face weight with which `lessons` hands over the mask itself: pixel weights from 1 (outside) to 2 (face)."""
_NEIGHBOURHOOD = 17  # cells: a face of this size (68 pixels of 128) and larger has weight 1 a cell
_SMALLEST_SHARE = 1 / 12  # of the neighbourhood: a face that fills less of it weighs no more a cell
_GROWN_BY = 2  # pixels to all sides (docs/target.md)
_SMALL_BELOW, _SMALL_UP_TO = 0.15, 0.25  # of the neighbourhood: a face of 23 pixels, one of 30
_TINY = 5  # pairs of pixels: the side of a square that fits into a face of 13 pixels
_OVERLAP_WEIGHT = 0.5
_COARSE_WEIGHT = 0.2  # of what each coarse stage of a U-Net predicts, beside the gate
_BLUR_CELLS = 8  # cells: the side of the squares whose means are the blurred picture
_USUAL_CHANGE = 0.02
_MOST_CHANGE = 6.0  # times the usual
_SEEN = 0.5  # mask value from which a cell counts as face in the measure `iou`


def mask_student_model_class() -> type[Any]:
    """The net that learns masks; a class inside a function because its base needs TensorFlow."""
    import tensorflow as tf
    import tf_keras

    class MaskStudentModel(student_model_class()):  # type: ignore[misc]
        """Learns the masks that `lessons` gives as pixel weights 1 (outside) to 2 (face); the blend stays as it is."""

        def __init__(self, net: Any, teaching: Teaching | None, face_weight: float) -> None:
            super().__init__(net, None)
            self.face_weight = face_weight
            logit, gated = mask_logit(net), has_gate(net)
            self.shrink = net.input_shape[1] // logit.shape[1]
            coarse = coarse_stages(net) if gated else []  # deep supervision, see student_model.Finding
            self.finders = finders(net, coarse)
            self.trunk = tf_keras.Model(net.input, [logit, *(net.get_layer(name).output for name in coarse)])
            self.whole = tf_keras.Model(net.input, [net.output, logit])
            self.free = _free(net) if gated else {}
            self.loss_mean = tf_keras.metrics.Mean("loss")
            self.both, self.either = tf_keras.metrics.Sum("both"), tf_keras.metrics.Sum("either")
            if teaching and (taught := masks_of_teacher(teaching, logit.shape[1:3])):
                self.teaching_weight = teaching.weight
                self.observe = lambda x: [taught(x)]

        def train_step(self, data: Any) -> Any:
            x, _, weight = data
            mask, judged = wanted_mask(weight, self.shrink), worth_finding(weight, self.shrink)
            target, _ = self.lesson(x, mask)
            spoilt = _spread(spoilt_by_blur(x), SHRINK // self.shrink)
            with tf.GradientTape() as tape:
                logit, *features = tf.nest.flatten(self.trunk(x, training=True))
                loss = mask_loss(target, logit, self.face_weight, spoilt, judged, shrink=self.shrink)
                for finder, coarse in zip(self.finders, features, strict=True):
                    loss += _COARSE_WEIGHT * coarse_loss(mask, finder(coarse))
            learning = [*self.trunk.trainable_variables, *(v for f in self.finders for v in f.trainable_variables)]
            slopes = tape.gradient(loss, learning)
            moves = [self.allowed(slope, of.name) for slope, of in zip(slopes, learning, strict=True)]
            self.optimizer.apply_gradients(zip(moves, learning, strict=True))
            return self.measures(loss, mask, logit)

        def allowed(self, slope: Any, name: str) -> Any:
            """A gradient without what would move the pictures behind a gate, or untie its two channels."""
            if name not in self.free:
                return slope
            slope *= self.free[name]
            if not name.startswith("dec1a/"):
                return slope
            gate = slope[..., GATE : GATE + 1] - slope[..., GATE + 1 : GATED]
            return tf.concat([slope[..., :GATE], gate, -gate, slope[..., GATED:]], -1)

        def test_step(self, data: Any) -> Any:
            x, y, weight = data
            mask, judged = wanted_mask(weight, self.shrink), worth_finding(weight, self.shrink)
            output, logit = self.whole(x, training=False)
            loss = mask_loss(mask, logit, self.face_weight, judged=judged, shrink=self.shrink)
            measured = self.measures(loss, mask, logit)
            seen = self.compute_metrics(x, y, output, None)
            return {**{name: seen[name] for name in ("mae", "psnr", "ssim")}, **measured}

        def measures(self, loss: Any, mask: Any, logit: Any) -> dict[str, Any]:
            # Without the picture's own measures: blend and SSIM take longer than a training step of the trunk.
            self.loss_mean.update_state(loss, tf.shape(mask)[0])
            wanted, found = mask >= _SEEN, logit >= 0.0
            self.both.update_state(tf.cast(wanted & found, tf.float32))
            self.either.update_state(tf.cast(wanted | found, tf.float32))
            iou = tf.math.divide_no_nan(self.both.result(), self.either.result())
            return {"loss": self.loss_mean.result(), "iou": iou}

    return MaskStudentModel


def masks_of_teacher(teaching: Teaching, size: tuple[int, int]) -> Callable[[Any], Any] | None:
    """What makes pictures `[B, H, W, 3]` the masks that a teacher finds in them, `[B, *size, 1]`, 0 to 1.

    Returns:
        A closure, so that checkpoints of the student do not hold the teacher. None of a teacher without weight, and of
        a U-Net that paints, which has no mask to teach.
    """
    import tensorflow as tf
    import tf_keras

    theirs = mask_logit(teaching.teacher) if teaching.weight > 0 else None
    if theirs is None:
        return None
    observed = tf_keras.Model(teaching.teacher.input, theirs)
    return lambda x: tf.image.resize(tf.sigmoid(observed(x, training=False)), size)


def _free(net: Any) -> dict[str, Any]:
    """By the names of a gated net's variables: 1 where it may learn, 0 where it carries a picture."""
    return {
        variable.name: part
        for name, parts in held(net).items()
        for variable, part in zip(net.get_layer(name).trainable_variables, parts, strict=True)
    }


def wanted_mask(weight: Any, shrink: int) -> Any:
    """The mask to learn, `[B, H/shrink, W/shrink, 1]`, from pixel weights `[B, H, W]` of 1 outside to 2 inside.

    Small faces are grown: to a detector a smooth head on shoulders is a face while a rim of hair or a jaw is left. For
    large faces it would only cost background.
    """
    import tensorflow as tf

    mask = weight[..., tf.newaxis] - 1.0
    grown = tf.nn.max_pool2d(mask, 1 + 2 * _GROWN_BY, 1, "SAME")
    small = (_SMALL_UP_TO - _share(pooled(mask, SHRINK))) / (_SMALL_UP_TO - _SMALL_BELOW)
    small = _spread(tf.clip_by_value(small, 0.0, 1.0), SHRINK // shrink)
    mask, grown = pooled(mask, shrink), pooled(grown, shrink)
    return mask + (grown - mask) * small


def worth_finding(weight: Any, shrink: int) -> Any:
    """Where a mask is judged, `[B, H/shrink, W/shrink, 1]`, 0 or 1: all but faces of less than about 12 pixels.

    So small a face is a spot of skin, and what learns to find it finds spots of skin; a rim of a face that the border
    cuts off is no better. Neither finding nor leaving them is wrong (Yang et al. 2016, "WIDER FACE", ignores such faces
    as well).
    """
    import tensorflow as tf

    def dilated(mask: Any, size: int) -> Any:
        return tf.nn.max_pool2d(mask, size, 1, "SAME")

    half = pooled(weight[..., tf.newaxis] - 1.0, 2)
    core = dilated(-dilated(-half, _TINY), _TINY)  # what a square fits into
    tiny = tf.cast(half - dilated(core, _TINY) > _SEEN / 2, tf.float32)
    spots = dilated(tiny, _TINY)
    return 1.0 - (_spread(spots, 2) if shrink == 1 else tf.nn.max_pool2d(spots, shrink // 2, shrink // 2, "VALID"))


def pooled(mask: Any, size: int) -> Any:
    """Means of squares of `size` values, `[B, h, w, 1]`."""
    import tensorflow as tf

    return tf.nn.avg_pool2d(mask, size, size, "VALID") if size > 1 else mask


def _spread(cells: Any, size: int) -> Any:
    """Each cell repeated `size` times to both sides."""
    import tensorflow as tf

    return tf.repeat(tf.repeat(cells, size, 1), size, 2) if size > 1 else cells


def _share(cells: Any) -> Any:
    """How much of each cell's neighbourhood is face: separates small faces from large ones without counting them."""
    import tensorflow as tf

    return tf.nn.avg_pool2d(cells, _NEIGHBOURHOOD, 1, "SAME")


def spoilt_by_blur(picture: Any) -> Any:
    """How much blurring a cell would change it, 0.5 to 3.5, `[B, H/4, W/4, 1]`; pictures are `[B, H, W, 3]`, 0 to 1.

    A false find on a bare wall spoils nothing, one on a bookshelf does. Half of the weight of a cell outside faces is
    the same for all, the other half goes by the mean square change, 1 where it is as large as is usual in photos.
    """
    import tensorflow as tf

    mean, square = (tf.nn.avg_pool2d(p, SHRINK, SHRINK, "SAME") for p in (picture, tf.square(picture)))
    coarse = tf.nn.avg_pool2d(mean, _BLUR_CELLS, _BLUR_CELLS // 2, "SAME")
    blurred = tf.image.resize(coarse, tf.shape(mean)[1:3])
    change = tf.reduce_mean(square - 2.0 * mean * blurred + tf.square(blurred), -1, keepdims=True)
    return 0.5 + 0.5 * tf.minimum(change / _USUAL_CHANGE, _MOST_CHANGE)


def mask_loss(
    mask: Any, logit: Any, face_weight: float, background: Any = 1.0, judged: Any = 1.0, *, shrink: int = SHRINK
) -> Any:
    """Cross entropy in which small faces count like large ones, plus one minus each picture's overlap (soft Dice).

    How small a face is follows from how little of its neighbourhood is face. The overlap term punishes false finds in
    face-free pictures hardest.

    Args:
        mask: what is wanted, `[B, h, w, 1]`, 0 to 1.
        logit: the net's, before the sigmoid.
        face_weight: how much more a cell inside a large face counts than one outside.
        background: how much a cell outside counts, `[B, h, w, 1]` or one number.
        judged: whether a cell counts at all, `[B, h, w, 1]`, 0 or 1.
        shrink: pixels of the picture that a value of the mask stands for, along each side.
    """
    import tensorflow as tf

    cell = SHRINK // shrink
    share = _spread(_share(pooled(mask, cell)), cell)
    weight = (1.0 - mask) * background + mask * face_weight / tf.maximum(share, _SMALLEST_SHARE)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=mask, logits=logit)
    mask, found = mask * judged, tf.sigmoid(logit) * judged
    both, either = tf.reduce_sum(mask * found, (1, 2, 3)), tf.reduce_sum(mask + found, (1, 2, 3))
    overlap = (2.0 * both + cell**2) / (either + cell**2)
    return tf.reduce_mean(judged * weight * entropy) + _OVERLAP_WEIGHT * tf.reduce_mean(1.0 - overlap)
