#!/usr/bin/env bash
# After "import emlearn", NumPy raises for each underflow and overflow in the whole process, in other people's code as well.
#
# Guess: importing a converter changes nothing but what it is asked to convert.
# Seen with emlearn 0.23.2 and NumPy 2.4.6: numpy.geterr() is all "raise" afterwards, where underflow was "ignore" and the rest
# "warn". exp(-800), 0 before, is a FloatingPointError; scikit-learn, trained behind the import, ended so in the middle of a fit.
# Output: before: 0.0; after: FloatingPointError: underflow encountered in exp; all raise: True
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet emlearn==0.23.2 numpy==2.4.6 scikit-learn==1.9.1
"$work/venv/bin/python" - <<'EOF'
import numpy as np

before = float(np.exp(np.float64(-800)))
import emlearn  # noqa: E402, F401

try:
    after = repr(np.exp(np.float64(-800)))
except FloatingPointError as error:
    after = f"FloatingPointError: {error}"
everything = set(np.geterr().values()) == {"raise"}
print(f"before: {before}; after: {after}; all raise: {everything}")
assert before == 0 and after.startswith("FloatingPointError") and everything
EOF
