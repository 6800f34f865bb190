#!/usr/bin/env bash
# A Pascal VOC box becomes another COCO box, in place and size, by who converts it.
#
# Guess: converters of labels agree on so old a format.
# Seen with supervision 0.31.2 and globox 2.9.0: VOC counts pixels from 1, and its last pixel is inside. A face of 10x20 pixels in
# the corner is 1, 1, 10, 20 there. supervision takes 1 from the first corner and makes 0, 0, 10x20 of it; globox takes the
# numbers as they are, 1, 1, 9x19: the face has lost its first row and its first column.
# Output: supervision 0 0 10 20; globox 1 1 9 19
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet globox==2.9.0 pillow==13.0.0 supervision==0.31.2
cd "$work" && "$work/venv/bin/python" - 2>/dev/null <<'EOF'
import json
from pathlib import Path

import globox
import supervision
from PIL import Image

Path("pictures").mkdir()
Path("labels").mkdir()
Image.new("RGB", (100, 80)).save("pictures/a.jpg")
Path("labels/a.xml").write_text(
    "<annotation><folder>pictures</folder><filename>a.jpg</filename><path>pictures/a.jpg</path>"
    "<source><database>none</database></source>"
    "<size><width>100</width><height>80</height><depth>3</depth></size><segmented>0</segmented>"
    "<object><name>face</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>20</ymax></bndbox></object></annotation>"
)
supervision.DetectionDataset.from_pascal_voc("pictures", "labels").as_coco(annotations_path="supervision.json")
globox.AnnotationSet.from_pascal_voc(Path("labels")).save_coco(Path("globox.json"), auto_ids=True)
boxes = {
    name: json.loads(Path(f"{name}.json").read_text())["annotations"][0]["bbox"]
    for name in ("supervision", "globox")
}
print("; ".join(f"{name} {' '.join(f'{number:g}' for number in box)}" for name, box in boxes.items()))
assert boxes == {"supervision": [0, 0, 10, 20], "globox": [1, 1, 9, 19]}
EOF
