"""Can the blur be undone? A small net is trained to restore faces, and the embedding looks at what it restores.

The attacker has the model and photos of other people: pairs of a model's output and the clear photo, from the train
split. The net is small and the training short, so this says how easily a blur is undone, never that it cannot be.

The net: space to depth by 2, seven 3x3 convolutions of 48 channels dilated by 1, 2, 4, 8, 4, 2, 1 (it sees 47 x 47 of
those pixels, 94 x 94 of the picture's), an eighth to 12 channels, depth to space, and the result is added to the
input. Its loss is the squared error inside the face masks, and a tenth of that elsewhere, on crops around faces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edgeblur.errors import UserError
from edgeblur.firmware_harness.privacy.identity import Blur, Gallery, Identity
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Floats, Pixels, to_bytes, to_floats
from edgeblur.pictures.metrics import fidelity, mean_fidelity
from edgeblur.progress import bar, track
from edgeblur.records import Record
from edgeblur.store.dataset import Dataset, Triple, evenly

_DILATIONS, _CHANNELS = (1, 2, 4, 8, 4, 2, 1), 48
_CROP = 64  # pixels: side of what the net is trained on
_JITTER = 16  # pixels: how far a crop's middle lies from a face's at most
_ELSEWHERE = 0.1  # weight of a pixel without a face in the loss


@dataclass(frozen=True)
class AttackOptions:
    """How the attack is trained.

    Attributes:
        steps: of Adam.
        batch: crops a step.
        learning_rate: of Adam at the start; falls to 0 along a cosine.
        pictures: maximum number of pictures with faces, of the train split.
        seed: of weights and crops.
    """

    steps: int = 600
    batch: int = 16
    learning_rate: float = 2e-3
    pictures: int = 800
    seed: int = 0


@dataclass(frozen=True)
class Reversal(Record):
    """What an attack won back.

    Attributes:
        steps, seed: of its training.
        pictures: pairs that it was trained on.
        parameters: of the attacker's net.
        seconds: that making the pairs and training took.
        blurred_db: PSNR of the outputs against the clear photos, inside the face masks of the test pictures.
        restored_db: the same after the attack.
        identity: what the embedding says of the restored faces; None without one.
    """

    KEYS: ClassVar = (
        "steps", "seed", "pictures", "parameters", "seconds", "blurred_db", "restored_db", "gain_db", "identity",
    )  # fmt: skip
    DIGITS: ClassVar = {"seconds": 1, "blurred_db": 3, "restored_db": 3, "gain_db": 3}

    steps: int
    seed: int
    pictures: int
    parameters: int
    seconds: float
    blurred_db: float
    restored_db: float
    identity: Identity | None

    @property
    def gain_db(self) -> float:
        """How much nearer the faces came to the clear ones."""
        return self.restored_db - self.blurred_db


@dataclass(frozen=True)
class Pair:
    """What the attacker learns from: output, clear photo, mask and where faces are."""

    blurred: Pixels
    clear: Pixels
    mask: Pixels
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Attack:
    """A trained attacker: `restore` turns bytes `[height, width, 3]` into the picture that was, as it believes."""

    restore: Callable[[Pixels], Pixels]
    parameters: int


def require_training() -> None:
    """Raise the sentence that says what is missing, before anything was measured.

    Raises:
        UserError: TensorFlow or tf_keras is not installed.
    """
    from edgeblur.distill.nets.keras_files import require_tensorflow

    require_tensorflow()


def attack_pairs(dataset: Dataset, size: tuple[int, int], blur: Blur, options: AttackOptions) -> list[Pair]:
    """Run a model over pictures of the train split that have faces.

    Raises:
        UserError: there is none.
    """
    samples = evenly([s for s in dataset.split("train") if s.faces], options.pictures)
    if not samples:
        raise UserError(f"{dataset.root} has no face in its train split, so there is nothing to train an attack on")
    pairs = []
    for sample in track(samples, "attack: pairs"):
        triple = dataset.load(sample, size)
        pairs.append(Pair(blur(triple.picture, triple.faces), triple.picture, triple.mask, triple.faces))
    return pairs


def _crop(pair: Pair, random: np.random.Generator) -> tuple[Pixels, Pixels, Pixels]:
    """A square around one face of a pair, mirrored half of the time."""
    height, width = pair.mask.shape
    side_y, side_x = min(_CROP, height - height % 2), min(_CROP, width - width % 2)
    box = pair.faces[random.integers(len(pair.faces))].box
    jitter = random.integers(-_JITTER, _JITTER + 1, 2)
    left = int(np.clip(box.x + box.w / 2 - side_x / 2 + jitter[0], 0, width - side_x))
    top = int(np.clip(box.y + box.h / 2 - side_y / 2 + jitter[1], 0, height - side_y))
    window = slice(top, top + side_y), slice(left, left + side_x)
    step = 1 if random.random() < 0.5 else -1
    blurred, clear, mask = (part[window][:, ::step] for part in (pair.blurred, pair.clear, pair.mask))
    return blurred, clear, mask


def _batch(pairs: Sequence[Pair], size: int, random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    crops = [_crop(pairs[index], random) for index in random.integers(len(pairs), size=size)]
    blurred, clear, mask = (to_floats(np.stack(parts)) for parts in zip(*crops, strict=True))
    return blurred, clear, mask[..., np.newaxis]


def _net() -> Any:
    import tensorflow as tf
    import tf_keras as K

    picture = K.Input((None, None, 3))
    x = K.layers.Lambda(lambda t: tf.nn.space_to_depth(t, 2))(picture)
    for dilation in _DILATIONS:
        x = K.layers.Conv2D(_CHANNELS, 3, padding="same", dilation_rate=dilation, activation="relu")(x)
    x = K.layers.Conv2D(12, 3, padding="same", kernel_initializer="zeros")(x)
    change = K.layers.Lambda(lambda t: tf.nn.depth_to_space(t, 2))(x)
    return K.Model(picture, picture + change)


def train_attack(pairs: Sequence[Pair], options: AttackOptions | None = None) -> Attack:
    """Train the attacker's net, a few minutes on two cores with the defaults.

    Raises:
        UserError: TensorFlow is not installed.
    """
    require_training()
    import tensorflow as tf
    import tf_keras as K

    chosen = options or AttackOptions()
    K.utils.set_random_seed(chosen.seed)
    random = np.random.default_rng(chosen.seed)
    net = _net()
    adam = K.optimizers.Adam(K.optimizers.schedules.CosineDecay(chosen.learning_rate, chosen.steps))

    @tf.function  # type: ignore[untyped-decorator]
    def learn(blurred: Any, clear: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            weight = mask + _ELSEWHERE * (1 - mask)
            loss = tf.reduce_sum(weight * (net(blurred) - clear) ** 2) / tf.reduce_sum(weight)
        adam.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True))
        return loss

    with bar() as progress:
        task = progress.add_task("attack: training", total=chosen.steps, note="")
        for _ in range(chosen.steps):
            learn(*_batch(pairs, chosen.batch, random))
            progress.advance(task)
    return Attack(lambda picture: _restore(net, picture), int(net.count_params()))


def _restore(net: Any, picture: Pixels) -> Pixels:
    """Run the net on a picture of any size; it takes even sides."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    restored = np.asarray(net(to_floats(padded)[np.newaxis], training=False))[0]
    return to_bytes(restored)[:height, :width]


def measure_reversal(
    dataset: Dataset, triples: Sequence[Triple], blur: Blur, gallery: Gallery | None, options: AttackOptions
) -> Reversal:
    """Train an attack on a data set's train split, and restore the blurred faces of `triples`.

    Args:
        dataset: whose train split the attacker has.
        triples: the test pictures.
        blur: the model.
        gallery: of the test pictures' clear faces; None leaves the embedding out.
        options: of the training.

    Raises:
        UserError: no face to train on or to test with, or TensorFlow is not installed.
    """
    require_training()
    with_faces = [t for t in triples if t.faces]
    if not with_faces:
        raise UserError("no test picture has a face, so there is nothing to restore")
    started = time.perf_counter()
    height, width = with_faces[0].mask.shape
    pairs = attack_pairs(dataset, (width, height), blur, options)
    attack = train_attack(pairs, options)
    seconds = time.perf_counter() - started
    before = [blur(t.picture, t.faces) for t in with_faces]
    after = [attack.restore(output) for output in before]
    return Reversal(
        steps=options.steps,
        seed=options.seed,
        pictures=len(pairs),
        parameters=attack.parameters,
        seconds=seconds,
        blurred_db=_inside_db(before, with_faces),
        restored_db=_inside_db(after, with_faces),
        identity=gallery.restored(lambda p, f: attack.restore(blur(p, f)), "restored") if gallery else None,
    )


def _inside_db(outputs: Sequence[Pixels], triples: Sequence[Triple]) -> float:
    """PSNR against the clear photos inside the masks, of the mean error over the pictures."""
    parts = mean_fidelity([fidelity(out, t.picture, t.mask) for out, t in zip(outputs, triples, strict=True)])
    return (parts.inside or parts.image).psnr_db
