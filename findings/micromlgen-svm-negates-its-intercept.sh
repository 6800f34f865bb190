#!/usr/bin/env bash
# micromlgen's C++ of a support vector machine of two classes, or of one, adds the intercept with the wrong sign.
#
# Guess: what is exact for three classes is exact for two.
# Seen with micromlgen 1.1.28 and scikit-learn 1.9.1: four points on a line, 0 and 1 of one class, 2 and 3 of the other, with the
# border at 1.5: all four are called the second class, as the border comes to lie at -1.5. An outlier detector (OneClassSVM) calls
# each point 1, inside, where scikit-learn finds three of four outside (-1). Between three classes the points are told apart.
# Output: two classes: 1 1 1 1 (scikit-learn 0 0 1 1); one: 1 1 1 1 (1 -1 -1 -1); three: 0 0 1 2 (0 0 1 2)
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
from sklearn.svm import SVC, OneClassSVM

MAIN = """
#include <cmath>
#include <cstdint>
#include <cstdio>
using std::exp;
using std::pow;
#include "model.h"
int main() {
    Eloquent::ML::Port::NAME model;
    for (int i = 0; i < 4; i++) {
        float x[1] = {(float)i};
        std::printf("%d ", model.predict(x));
    }
}
"""
points = np.arange(4.0).reshape(4, 1)


def both(model, name):
    """Return the answers of the C++ and of scikit-learn for the four points."""
    Path("model.h").write_text(port(model))
    Path("main.cpp").write_text(MAIN.replace("NAME", name))
    subprocess.run(["g++", "-w", "main.cpp", "-o", "main"], check=True)
    answers = subprocess.run(["./main"], capture_output=True, text=True, check=True).stdout.split()
    return " ".join(answers), " ".join(map(str, model.predict(points)))


line = {"kernel": "linear", "C": 10.0, "gamma": 1.0}
two = both(SVC(**line).fit(points, [0, 0, 1, 1]), "SVM")
one = both(OneClassSVM(gamma=1.0, nu=0.5).fit(points), "OneClassSVM")
three = both(SVC(**line).fit(points, [0, 0, 1, 2]), "SVM")
print(f"two classes: {two[0]} (scikit-learn {two[1]}); one: {one[0]} ({one[1]}); three: {three[0]} ({three[1]})")
assert two == ("1 1 1 1", "0 0 1 1") and one == ("1 1 1 1", "1 -1 -1 -1") and three == ("0 0 1 2",) * 2
EOF
