#!/usr/bin/env bash
# All tests: installs the Debian packages that they need, then runs every gate and every ring.
# Nothing is skipped silently: what cannot run fails.
set -euo pipefail
cd "$(dirname "$0")"

need=()
command -v chromium >/dev/null || need+=(chromium)
command -v node >/dev/null || need+=(nodejs)
command -v tsc >/dev/null || need+=(node-typescript)
command -v g++ >/dev/null || need+=(g++)
if [ ${#need[@]} -gt 0 ]; then
    echo "test.sh: installing Debian packages: ${need[*]}"
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends "${need[@]}"
fi

step() { echo; echo "== $1"; shift; "$@"; }

step "formatting, floors, generated files, lints, documentation" cargo xtask check
step "unit, golden, property and end-to-end tests" cargo test --workspace --quiet
step "the browser library, on the shared vectors" node --test sdk/html5/test/
step "typed client stubs, by the TypeScript compiler" tsc -p crates/kuafu/tests/sdk/rich
step "decoders under mutated input, briefly" cargo xtask fuzz --seconds 3
step "the game that the README starts, as it is built there" cargo build --release --quiet
echo
echo "all tests passed"
