#!/usr/bin/env bash
# m2cgen's C of a classifier of three classes writes three scores; of an SVM they are not the classes' but those of pairs.
#
# Guess: score(input, output) writes a score a class, and the largest is the answer, as it is for m2cgen's logistic
# regressions, linear SVMs, trees and forests.
# Seen with m2cgen 0.10.0: a kernel SVM (SVC) gives n (n - 1) / 2 decisions, one for each two classes. For three classes that
# is three again, so nothing looks wrong, and the largest names the wrong class for two inputs of three.
# Output: right by the largest score: 51 of 150; by a vote of the pairs: 150 of 150
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet m2cgen==0.10.0 scikit-learn==1.9.1 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" -W ignore - <<'EOF'
import ctypes
import itertools
import subprocess

import m2cgen
import numpy as np
from sklearn.datasets import make_classification
from sklearn.svm import SVC

inputs, classes = make_classification(150, 4, n_informative=3, n_redundant=0, n_classes=3, random_state=0)
svm = SVC().fit(inputs, classes)
with open("svm.c", "w") as file:
    file.write(m2cgen.export_to_c(svm))
subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", "svm.so", "svm.c", "-lm"], check=True)
score = ctypes.CDLL("./svm.so").score
scores = (ctypes.c_double * 3)()
largest = voted = 0
for row, wanted in zip(inputs, svm.predict(inputs)):
    score((ctypes.c_double * 4)(*row), scores)
    votes = np.zeros(3)
    for value, (one, other) in zip(scores, itertools.combinations(range(3), 2)):
        votes[one if value > 0 else other] += 1
    largest += np.argmax(scores) == wanted
    voted += np.argmax(votes) == wanted
print(f"right by the largest score: {largest} of 150; by a vote of the pairs: {voted} of 150")
assert largest < 100 and voted == 150
EOF
