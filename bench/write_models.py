"""Writes the nets of `make bench`: edgeblur's U-Net in four widths, with random weights. bench_models.py FOLDER"""

from __future__ import annotations

import argparse
from pathlib import Path

from int8_nets import Int8Net, unet

from edgeblur.files import write_bytes

WIDTHS = (4, 8, 16, 32)


def main(folder: Path) -> None:
    for width in WIDTHS:
        net = Int8Net()
        write_bytes(folder / f"unet{width}.tflite", net.tflite(unet(net, width)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the nets")
    main(parser.parse_args().folder)
