"""Int8 nets as litert-torch writes them: quantized by ai-edge-quantizer or litert-quantizer, or by PT2E beforehand.

python3 -m venv venv
venv/bin/pip install litert-torch==0.10.0 ai-edge-quantizer==0.10.0 litert-quantizer==0.11.0 torchao==0.18.0
venv/bin/python bench/converters/torch_nets.py FOLDER [ai-edge-quantizer|litert-quantizer|pt2e ...]
.venv/bin/python bench/judge_nets.py FOLDER
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import ai_edge_quantizer
import litert_quantizer
import litert_torch
import torch
from litert_torch.quantize.pt2e_quantizer import PT2EQuantizer, get_symmetric_quantization_config
from litert_torch.quantize.quant_config import QuantConfig
from torch_models import MODELS, made
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e


def by_quantizer(name: str, path: Path, package: ModuleType = ai_edge_quantizer) -> None:
    """Float by litert-torch, then int8 activations and weights by ai-edge-quantizer, or by what it is called today."""
    net, pictures = made(name)
    quantizer, recipe = (import_module(f"{package.__name__}.{name}") for name in ("quantizer", "recipe"))
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float.tflite"
        litert_torch.convert(net, (pictures[0],)).export(str(plain))
        tool = quantizer.Quantizer(str(plain), recipe.static_wi8_ai8())
        seen = tool.calibrate({"serving_default": [{"args_0": picture.numpy()} for picture in pictures]})
        tool.quantize(seen).export_model(str(path))


def by_pt2e(name: str, path: Path) -> None:
    """Quantized in PyTorch, then converted."""
    net, pictures = made(name)
    kind = PT2EQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True, is_dynamic=False))
    prepared = prepare_pt2e(torch.export.export(net, (pictures[0],)).module(), kind)
    for picture in pictures:
        prepared(picture)
    whole = convert_pt2e(prepared, fold_quantize=False)
    litert_torch.convert(whole, (pictures[0],), quant_config=QuantConfig(pt2e_quantizer=kind)).export(str(path))


WAYS: dict[str, Callable[[str, Path], None]] = {
    "ai-edge-quantizer": by_quantizer,
    "litert-quantizer": partial(by_quantizer, package=litert_quantizer),
    "pt2e": by_pt2e,
}


def main() -> None:
    """Convert all nets in all ways, or those named; one that a converter does not take is told, and passed over."""
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or WAYS
    folder.mkdir(parents=True, exist_ok=True)
    for way, convert in ((way, WAYS[way]) for way in chosen):
        for name in MODELS:
            try:
                convert(name, folder / f"{way}_{name}.tflite")
                print(f"{way} {name}", flush=True)
            except Exception:
                print(f"{way} {name}: {traceback.format_exc(limit=1).splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
