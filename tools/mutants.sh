#!/usr/bin/env bash
# Mutation tests of the files that hold formulas: every change that cargo-mutants can make there has to fail a test.
#
#   tools/mutants.sh            the whole campaign
#   tools/mutants.sh 0/8        shard 0 of 8, as a continuous-integration job would run it
#   PACKAGES=resurge-snn tools/mutants.sh
#
# Only the tests of the package that owns a file are run: first those beside the code (--lib), which catch most,
# then the integration tests, too, on what they missed; examples in the documentation never. The first pass leaves
# out the seconds of property tests of the fused cells. A timeout counts as missed. Mutants that are known to be
# equivalent are excluded, by name, in .cargo/mutants.toml; docs/results/mutants.md gives the reasons.
#
# Prints a table by file and a summary; exits with 1 if anything is missed. Works on a copy of the sources; the
# build cache and the lists of mutants are left in target/mutants.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo mutants --version >/dev/null 2>&1; then
    echo "cargo-mutants is missing; to install it: cargo install --locked cargo-mutants@27.1.0" >&2
    exit 2
fi

shard=()
if [[ $# -gt 0 ]]; then
    [[ $1 =~ ^[0-9]+/[0-9]+$ ]] || { echo "usage: tools/mutants.sh [SHARD/N]" >&2; exit 2; }
    shard=(--shard "$1" --sharding round-robin)
fi

declare -A files=(
    [resurge-autodiff]="tape/** gradients.rs anchor.rs op.rs ops/**"
    [resurge-snn]="surrogate/** reset.rs cell/** spike.rs refractory.rs filter.rs"
    [resurge-gradcheck]="stencil.rs difference.rs noise.rs convergence.rs"
)
# Seconds for one build or test run; both take a few.
timeout=${TIMEOUT:-60}
lists=$PWD/target/mutants/lists
export CARGO_TARGET_DIR=$PWD/target/mutants/build

# mutants PACKAGE PASS TARGETS ARGUMENT...: one run of cargo-mutants, whose lists go to PACKAGE/PASS. TARGETS, --lib
# or --tests, says what cargo builds and runs (as an argument after "--" it would not spare building the rest).
mutants() {
    local package=$1 pass=$2 targets=$3 status=0
    shift 3
    rm -rf "$lists/$package/$pass"
    mkdir -p "$lists/$package/$pass"
    cargo mutants --package "$package" --baseline skip --timeout "$timeout" --build-timeout "$((5 * timeout))" \
        --no-times --colors never --output "$lists/$package/$pass" --cargo-arg="$targets" "$@" || status=$?
    # 2: mutants were missed; 3: there were timeouts. Anything else is a failure of the run itself.
    [[ $status == 0 || $status == 2 || $status == 3 ]] || exit "$status"
}

# The lines of a list, such as missed.txt, of one pass of one package; nothing where there was no such pass.
list() { cat "$lists/$1/$2/mutants.out/$3.txt" 2>/dev/null || true; }

packages=${PACKAGES:-resurge-autodiff resurge-snn resurge-gradcheck}
for package in $packages; do
    globs=()
    for file in ${files[$package]}; do globs+=(--file "crates/$package/src/$file"); done
    rm -rf "${lists:?}/$package"
    mutants "$package" first --lib "${globs[@]}" ${shard[@]+"${shard[@]}"} -- -- --skip fused::

    # The survivors by name, as regular expressions that match nothing else.
    survivors=()
    while IFS= read -r name; do
        survivors+=(--re "^$(sed 's/[][\.|$(){}?+*^]/\\&/g' <<<"$name")\$")
    done < <(list "$package" first missed; list "$package" first timeout)
    if [[ ${#survivors[@]} -gt 0 ]]; then
        mutants "$package" complete --tests "${globs[@]}" "${survivors[@]}"
    fi
done

# viable = caught by either pass + missed and timed out in the complete one. The complete pass counts for what the
# first one left open, and no more: cargo-mutants runs mutants that delete a field of a struct whatever --re says.
{
    for package in $packages; do
        for outcome in caught unviable missed timeout; do
            list "$package" first $outcome | sed "s/^/first $outcome /"
        done
        for outcome in caught missed timeout unviable; do
            list "$package" complete $outcome | sed "s/^/complete $outcome /"
        done
    done
} | awk '
    {
        outcome = $2
        name = substr($0, length($1) + length($2) + 3)
        if ($1 == "first" && (outcome == "missed" || outcome == "timeout")) { open[name] = 1; next }
        if ($1 == "complete" && !(name in open)) next
        file = $3; sub(/:.*/, "", file); count[file, outcome]++; total[outcome]++; seen[file] = 1
    }
    function row(name, caught, missed, timeout, unviable, to) {
        printf "| %s | %d | %d | %d | %d | %d |\n",
            name, caught + missed + timeout + unviable, caught + missed + timeout, caught, missed, timeout | to
    }
    END {
        print "| File | mutants | viable | caught | missed | timeouts |"
        print "|---|---|---|---|---|---|"
        fflush()
        for (file in seen) {
            name = file; sub(/^crates\//, "", name); sub(/src\//, "", name)
            row("`" name "`", count[file, "caught"], count[file, "missed"], count[file, "timeout"],
                count[file, "unviable"], "sort")
        }
        close("sort")
        row("all", total["caught"], total["missed"], total["timeout"], total["unviable"], "cat")
        close("cat")
        printf "viable %d, caught %d, missed %d, timeout %d, unviable %d\n",
            total["caught"] + total["missed"] + total["timeout"], total["caught"], total["missed"],
            total["timeout"], total["unviable"]
        exit total["missed"] + total["timeout"] > 0
    }'
