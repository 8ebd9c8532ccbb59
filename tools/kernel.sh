#!/usr/bin/env bash
# The one module that may use `unsafe`, crates/resurge-tensor/src/kernel.rs: that there is no other, and the tests of its
# crate under AddressSanitizer (out of bounds, after free) and, where it is installed, valgrind (numbers that nothing has
# written). Status 1 if anything is found.
#
# Needs an x86_64 or aarch64 Linux, whose standard library ships the sanitizer. valgrind knows no AVX-512, so that there
# the kernels of AVX2 run.
set -euo pipefail
cd "$(dirname "$0")/.."

kernel=crates/resurge-tensor/src/kernel.rs
if grep -rnE '\bunsafe\b|allow\(unsafe_code\)' --include='*.rs' crates benches fuzz/src fuzz/fuzz_targets \
    | grep -vE "^$kernel:|#!\[forbid\(unsafe_code\)\]|//|\"unsafe fn\""; then
    echo "unsafe code outside of $kernel" >&2
    exit 1
fi
for crate in crates/*; do
    [[ $crate == crates/resurge-tensor ]] && continue
    for root in "$crate"/src/lib.rs "$crate"/src/main.rs; do
        [[ ! -f $root ]] || grep -qx '#!\[forbid(unsafe_code)\]' "$root" \
            || { echo "$root does not forbid unsafe code" >&2; exit 1; }
    done
done
echo "unsafe code: in $kernel alone"

host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/sanitizer
echo "AddressSanitizer, on $host:"
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address --cfg sanitized" RUSTDOCFLAGS="-Zsanitizer=address" \
    cargo test --quiet --locked --package resurge-tensor --lib --tests --target "$host"

if command -v valgrind > /dev/null; then
    echo "$(valgrind --version), the tests of kernel.rs and of products and convolutions:"
    test=$(cargo test --locked --package resurge-tensor --lib --no-run --message-format json \
        | grep -oP '"executable":"\K[^"]+' | tail -1)
    for name in kernel:: tensor:: matmul:: conv::; do
        valgrind --quiet --error-exitcode=1 --fair-sched=yes "$test" --quiet "$name"
    done
else
    echo "valgrind is not installed; left out"
fi
