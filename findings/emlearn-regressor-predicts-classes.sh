#!/usr/bin/env bash
# A neural network for regression that emlearn converted predicts classes, 0 or 1; its value is called a probability.
#
# Guess: predict() of a converted model is predict() of the model.
# Seen with emlearn 0.23.2 and scikit-learn 1.9.1: convert() takes an MLPRegressor without a word, and predict() of what it gives
# says whether the value is above a half, as for a net that tells two classes apart. predict_proba() gives 1 - value and value,
# and the C that save() writes has NAME_regress1() for the value beside NAME_predict().
# Output: scikit-learn 1.93 0.11 -2.56; predict 1 0 0; second "probability" 1.93 0.11 -2.56
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet emlearn==0.23.2 numpy==2.4.6 scikit-learn==1.9.1
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import emlearn
import numpy as np
from sklearn.neural_network import MLPRegressor

points = np.random.default_rng(0).normal(size=(200, 3))
model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2000, random_state=0).fit(points, points @ [1.0, 2.0, 3.0])
some = points[[0, 1, 3]]
converted = emlearn.convert(model)
wanted, answers = model.predict(some), list(converted.predict(some))
seconds = np.array(converted.predict_proba(some))[:, 1]


def told(values):
    """Return numbers with two digits."""
    return " ".join(f"{value:.2f}" for value in values)


print(f'scikit-learn {told(wanted)}; predict {" ".join(map(str, answers))}; second "probability" {told(seconds)}')
assert answers == [int(value > 0.5) for value in wanted] and np.allclose(seconds, wanted, atol=1e-4)
EOF
