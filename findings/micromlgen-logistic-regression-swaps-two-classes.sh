#!/usr/bin/env bash
# micromlgen's C++ of a logistic regression of two classes answers the other class, every time.
#
# Guess: the code that a converter writes gives the class that scikit-learn gives.
# Seen with micromlgen 1.1.28 and scikit-learn 1.9.1: the one score that a model of two classes has belongs to its second class,
# and is written as the vote of the first. With three classes, which have a score each, all 200 answers are right.
# Output: two classes: 0 of 200 as scikit-learn; three classes: 200 of 200
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet micromlgen==1.1.28 numpy==2.4.6 scikit-learn==1.9.1
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import subprocess
from pathlib import Path

import numpy as np
from micromlgen import port
from sklearn.linear_model import LogisticRegression

MAIN = """
#include <cstdint>
#include <cstdio>
#include "model.h"
int main() {
    Eloquent::ML::Port::LogisticRegression model;
    float x[3];
    while (std::scanf("%f %f %f", x, x + 1, x + 2) == 3) std::printf("%d\\n", model.predict(x));
}
"""


def agreeing(borders):
    """Return how many of 200 points get the same class from both."""
    random = np.random.default_rng(0)
    points = random.normal(size=(500, 3)).astype(np.float32)
    model = LogisticRegression().fit(points[200:], np.digitize(points[200:].sum(1), borders))
    Path("model.h").write_text(port(model))
    Path("main.cpp").write_text(MAIN)
    subprocess.run(["g++", "-w", "main.cpp", "-o", "main"], check=True)
    given = "\n".join(" ".join(map(str, point)) for point in points[:200])
    answers = subprocess.run(["./main"], input=given, capture_output=True, text=True, check=True).stdout.split()
    return int(np.sum(np.array(answers, int) == model.predict(points[:200])))


two, three = agreeing([0]), agreeing([-0.8, 0.8])
print(f"two classes: {two} of 200 as scikit-learn; three classes: {three} of 200")
assert (two, three) == (0, 200)
EOF
