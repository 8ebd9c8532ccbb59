#!/usr/bin/env bash
# The golden hashes of a training, on several numbers of threads each, in a debug build without optimisation and in a
# release build. Status 1 if they differ between these, or from those in the test.
set -euo pipefail
cd "$(dirname "$0")/.."

test=(cargo test --quiet --locked --package resurge --test train)
name=golden::losses_and_weights_are_the_same_to_the_bit
debug=$(CARGO_PROFILE_TEST_OPT_LEVEL=0 CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_TARGET_DIR=target/golden \
    "${test[@]}" -- --exact --nocapture "$name" | grep '^single and double precision')
echo "debug:   $debug"
release=$("${test[@]}" --release -- --exact --nocapture "$name" | grep '^single and double precision')
echo "release: $release"
[[ $debug == "$release" ]]
