#!/usr/bin/env bash
# tf.data's deterministic map keeps the order of its elements, not which of them gets which random number: one seed trains
# another net each time.
#
# Guess: with a seed set and deterministic=True (the default), a dataset whose map draws random numbers gives the same
# elements each time; parallel calls only make it faster.
# Seen with tensorflow-cpu 2.21.0: with one call at a time it does. With eight, elements come in the same order and with each
# other's numbers, as whichever thread is first takes the next draw. stateless_uniform by the element's number draws alike.
# Output: one call: order alike True draws alike True; eight: order alike True draws alike False; stateless: draws alike True
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tensorflow-cpu==2.21.0
cd "$work" && TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - 2>stderr <<'EOF' || { cat stderr; exit 1; }
import tensorflow as tf


def drawn(calls, stateless):
    tf.keras.utils.set_random_seed(1)

    def vary(number):
        noise = tf.random.stateless_uniform([2000], [1, number]) if stateless else tf.random.uniform([2000])
        return number, noise[0]

    varied = tf.data.Dataset.range(64).map(vary, num_parallel_calls=calls, deterministic=True)
    pairs = [(int(number), float(noise)) for number, noise in varied]
    return [number for number, _ in pairs], [noise for _, noise in pairs]


def alike(calls, stateless=False):
    orders, draws = zip(*(drawn(calls, stateless) for _ in range(20)))
    return all(order == orders[0] for order in orders), all(one == draws[0] for one in draws)


one, eight, stateless = alike(1), alike(8), alike(8, stateless=True)
print(f"one call: order alike {one[0]} draws alike {one[1]}; eight: order alike {eight[0]} draws alike {eight[1]}; "
      f"stateless: draws alike {stateless[1]}")
assert one == (True, True) and eight == (True, False) and stateless[1]
EOF
