"""Hard pictures: which a net gets wrong, and how often they are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeblur.cli import main
from edgeblur.distill.nets.mask_head import LOGIT, MaskSpec, build_mask_head
from edgeblur.distill.nets.unet import build_unet, unet_spec
from edgeblur.distill.training.fit import HARD, FitOptions, fit
from edgeblur.distill.training.hard import Hard, _finds_falsely, _misses, hard_pictures
from edgeblur.errors import UserError
from edgeblur.pictures.faces import Box, Face
from edgeblur.store.dataset import Dataset, Sample
from edgeblur.store.run_folder import Run

SIZE = 32


def decided(logit: float) -> Any:
    """A mask head that finds all of a picture, or nothing."""
    net = build_mask_head(MaskSpec(SIZE, SIZE, 2))
    kernel, _ = net.get_layer(LOGIT).get_weights()
    net.get_layer(LOGIT).set_weights([0 * kernel, np.full(1, logit, np.float32)])
    return net


def test_a_net_that_finds_nothing_misses_every_face_that_counts(tiny_data: Dataset, tmp_path: Path) -> None:
    hard = hard_pictures(decided(-9), tiny_data, tmp_path / HARD)
    scale = SIZE / tiny_data.size
    large = [s.name for s in tiny_data.split("train") if any(f.box.side * scale >= 16 for f in s.faces)]
    assert 0 < len(large) < len(tiny_data.split("train"))
    assert hard == Hard(tuple(large), ())
    assert json.loads((tmp_path / HARD).read_text()) == {"missed": large, "false": []}


def test_a_net_that_finds_all_is_wrong_where_background_is(tiny_data: Dataset, tmp_path: Path) -> None:
    hard = hard_pictures(decided(9), tiny_data, tmp_path / HARD)
    assert hard.missed == ()
    assert {s.name for s in tiny_data.split("train") if not s.faces} <= set(hard.false)


def test_a_training_that_goes_on_keeps_to_what_was_hard(tiny_data: Dataset, tmp_path: Path) -> None:
    first = hard_pictures(decided(-9), tiny_data, tmp_path / HARD)
    assert hard_pictures(decided(9), tiny_data, tmp_path / HARD) == first


def test_a_face_is_missed_if_most_of_it_shows() -> None:
    mask = np.zeros((8, 8, 1), np.float32)
    mask[2:6, 2:4] = 1
    assert not _misses(mask, [Face.from_box(Box(8, 8, 8, 16))])
    assert _misses(mask, [Face.from_box(Box(8, 8, 16, 16))])
    assert not _misses(mask, [Face.from_box(Box(20, 20, 12, 12))])  # too small to be judged
    assert not _misses(mask, [])


def test_a_wide_rim_is_no_false_find() -> None:
    wanted = np.zeros((16, 16, 1), np.float32)
    wanted[4:8, 4:8] = 1
    rim, away = wanted.copy(), wanted.copy()
    rim[2:10, 2:10] = 1
    away[11:13, 11:13] = 1
    assert not _finds_falsely(rim, wanted)
    assert _finds_falsely(away, wanted)
    assert _finds_falsely(rim, 0 * wanted)


def test_each_kind_gets_its_share_unless_it_is_a_handful(tmp_path: Path) -> None:
    samples = [Sample(tmp_path, "train", str(n), str(n), ()) for n in range(60)]
    again = Hard(("1", "2", "3"), tuple(map(str, range(10, 40)))).again(samples, 0.2, len(samples))
    names = [sample.name for sample in again]
    assert [names.count(name) for name in ("0", "1", "2", "3")] == [0, 7, 7, 6]
    assert len(again) == 40  # 60 and 20 and 20: a fifth each
    (one,) = {sample.name for sample in Hard(("5",), ()).again(samples, 0.2, len(samples))}
    assert one == "5"
    assert len(Hard(("5",), ()).again(samples, 0.2, len(samples))) == 8


def test_hard_pictures_lengthen_an_epoch(tiny_data: Dataset, tmp_path: Path) -> None:
    options = FitOptions(1, 4, hard=0.2, face_weight=2, augmentation=None)
    (tmp_path / HARD).write_text('{"missed": ["gone.jpg"], "false": []}')  # of another training: not taken over
    fit(decided(-9), tiny_data, tmp_path, options)
    shown = len(tiny_data.split("train"))
    assert json.loads((tmp_path / HARD).read_text())["missed"]
    more = round(0.2 * shown / 0.6)
    assert json.loads((tmp_path / "history.json").read_text())["steps_per_epoch"] == -(-(shown + more) // 4)


def test_a_net_that_paints_has_no_mask_to_go_by(tiny_data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hard examples are found by the masks"):
        fit(build_unet(unet_spec(2, 2, height=SIZE, width=SIZE)), tiny_data, tmp_path, FitOptions(1, 4, hard=0.1))


def test_an_untrained_net_is_not_asked(
    tiny_data: Dataset, tiny_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (
        ["train", "--data", str(tiny_data.root), "--out", str(tmp_path / "run"), "--family", "mask", "--size", "32"],
        ["distill", str(tiny_run.folder), "--family", "mask", "--width", "2"],
    ):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--hard", "0.1"])
        assert ended.value.code == 2
        assert "--start" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert not (tiny_run.folder / "mask2").exists()
