# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2329 # names come from, and go to, the script that sources this
# The steps of ./test, one function each, called by name. A step returns 0, or 77 when it cannot run here (its last line
# says why), or anything else when it fails.
# Sourced with the root of the project as the working directory, after tools/setup.sh.

steps=(fmt clippy docs layering tests features fuzz loom shuttle tsan miri boards qemu hammer demo bench)
declare -A about=(
    [fmt]='formatting'
    [clippy]='clippy without a warning, on the host and for the boards'
    [docs]='documentation without a warning'
    [layering]='who may import whom'
    [tests]='unit, documentation and integration tests without boards, with features on and off (--long: the soak of the way to the agent)'
    [features]='each feature of the core alone, each two, and all together, on the host and on a Cortex-M0; each of the host alone'
    [fuzz]='a minute of what a fuzzer makes of streams, packets, sessions, requests, headers, ELF files and programs (--long: ten for each)'
    [loom]='every interleaving of a few threads on the slot ring and the arena'
    [shuttle]='random schedules of many operations on the arena'
    [tsan]='data races of real threads'
    [miri]='undefined behaviour in the core: by stacked borrows all tests but the model, by tree borrows those of the unsafe code'
    [boards]='the core for five targets, and the firmware'
    [qemu]="end to end from emulated boards: against Datadog's own test agent, and every example; Datadog's cases for tracers, and ddtrace beside us"
    [hammer]='interrupts and cores on one arena, and resets of one that outlives them, on emulated boards'
    [demo]='./demo, ./demo --distributed and ./demo --together, and whether their books balance'
    [bench]='instructions per operation on four emulated Cortex-M, beside those of the table'
)

board_targets=(thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabi
    riscv32imac-unknown-none-elf)
cost_targets=(thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabi)
test_agent=ddapm-test-agent==1.69.1
ddtrace=ddtrace==4.16.0
test_agent_dir=target/test-agent

# The kitchen over each of its links, the two boards of one trace, and the one that is told the time.
sandwiches=(clock_udp distributed_counter distributed_kitchen sandwich_mqtt sandwich_rtt sandwich_tcp sandwich_uart sandwich_udp)

# The programs that hammer an arena, the one that panics, those that are reset, and their targets.
declare -A hammers=(
    [hammer_m0]=thumbv6m-none-eabi
    [hammer_nested]=thumbv7em-none-eabihf
    [hammer_cores]=thumbv8m.main-none-eabi
    [example_panic]=thumbv7em-none-eabihf
    [recorder_m0]=thumbv6m-none-eabi
    [recorder_m4]=thumbv7em-none-eabihf
)

# The examples, their targets and what features they need.
declare -A examples=(
    [example_main_loop]='thumbv7em-none-eabihf examples'
    [example_isr]='thumbv7em-none-eabihf examples'
    [example_rtic]='thumbv7em-none-eabihf rtic'
    [example_dual_core]='thumbv8m.main-none-eabi examples'
    [example_embassy]='thumbv7m-none-eabi tasks'
    [example_defmt]='thumbv7m-none-eabi kitchen'
)

skip() {
    printf '%s\n' "$*"
    return 77
}

# need_test_agent: Datadog's test agent and tracer, in a Python environment of their own.
need_test_agent() {
    local stamp=$test_agent_dir/installed wanted="$test_agent $ddtrace"
    [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && return
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv || return
    say "Installing $wanted"
    # By the interpreter: the script `pip` of an environment that was copied belongs to the one it came from.
    if ! { python3 -m venv --clear "$test_agent_dir" &&
        "$test_agent_dir/bin/python" -m pip -q install "$test_agent" "$ddtrace"; } >"$log_dir/pip.log" 2>&1; then
        tail -n 3 "$log_dir/pip.log" >&2
        complain "pip could not install $wanted: see $log_dir/pip.log"
        return 1
    fi
    printf '%s\n' "$wanted" >"$stamp"
}

# need_broker: an MQTT broker, which Debian has where only root looks for programs, and a client to look what it keeps.
need_broker() { PATH=$PATH:/usr/sbin need_programs mosquitto:mosquitto mosquitto_sub:mosquitto-clients; }

# need_components: the parts of Rust that only developers need.
need_components() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
    if ! command -v rustup >/dev/null; then
        complain "cargo fmt or cargo clippy is missing, and there is no rustup to add it: install rustup"
        return 1
    fi
    say "Adding clippy and rustfmt"
    rustup component add clippy rustfmt </dev/null >"$log_dir/rustup.log" 2>&1
}

# need_nightly: a nightly compiler, with Miri and the source of the standard library. Only checks for undefined behaviour
# need it, so its absence is no failure.
need_nightly() {
    local source
    source=$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/Cargo.lock
    [[ -f $source ]] && cargo +nightly miri --version >/dev/null 2>&1 && return
    command -v rustup >/dev/null || return
    say "Installing Miri"
    rustup toolchain install nightly --profile minimal --component miri,rust-src </dev/null >"$log_dir/miri.log" 2>&1
}

step_fmt() { cargo fmt --all --check; }

step_clippy() {
    cargo clippy --locked --workspace --all-targets -- -D warnings &&
        cargo clippy --locked -p microspan --all-targets --all-features -- -D warnings &&
        cargo clippy --locked -p microspan-std --all-targets --all-features -- -D warnings &&
        board_cargo "$board_target" clippy --locked -p microspan --all-features -- -D warnings &&
        board_cargo "$board_target" clippy --locked -p microspan-firmware --profile firmware --bins -- -D warnings &&
        board_cargo "$board_target" clippy --locked -p microspan-firmware --profile firmware --features tasks \
            --bin example_embassy -- -D warnings &&
        board_cargo "$board_target" clippy --locked -p microspan-firmware --profile firmware --no-default-features \
            --features rtic --bin example_rtic -- -D warnings
}

step_docs() {
    RUSTDOCFLAGS=-Dwarnings cargo doc --locked --workspace --no-deps &&
        RUSTDOCFLAGS=-Dwarnings cargo doc --locked -p microspan --no-deps --all-features
}

step_layering() { cargo test --locked -p microspan-tests --test layering; }

step_tests() {
    # Those on emulated boards are in the steps qemu and hammer.
    MICROSPAN_WITHOUT_BOARDS=1 cargo test --locked --workspace &&
        cargo test --locked -p microspan --features defmt,embassy-net-tcp,embedded-io,rtt-target &&
        cargo test --locked -p microspan-std --all-features &&
        cargo test --locked -p microspan --features linked-tracer --test linked &&
        cargo test --locked -p microspan --features embassy-executor --lib --test executor &&
        cargo test --locked -p microspan --features off --test off &&
        cargo test --locked -p microspan-example-library &&
        cargo test --locked -p microspan-example-library --features off &&
        cargo test --locked -p microspan-std --no-default-features || return
    ! $long || cargo test --locked --release -p microspan-tests --test soak -- --ignored --nocapture
}

# The features of the core, one a line.
core_features() {
    cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
core = next(p for p in json.load(sys.stdin)["packages"] if p["name"] == "microspan")
print(*sorted(set(core["features"]) - {"default"}), sep="\n")'
}

step_features() {
    need_programs python3:python3 || return
    local target=thumbv6m-none-eabi feature features
    mapfile -t features < <(core_features)
    ((${#features[@]})) || return
    local sets=('' "${features[@]}" "${features[*]}") first second
    for ((first = 0; first < ${#features[@]}; first++)); do
        for ((second = first + 1; second < ${#features[@]}; second++)); do
            sets+=("${features[first]} ${features[second]}")
        done
    done
    for feature in "${sets[@]}"; do
        printf 'features: %s\n' "${feature:-none}"
        RUSTFLAGS=-Dwarnings CARGO_TARGET_DIR=$target_dir/features \
            cargo check --locked -p microspan --no-default-features --features "$feature" || return
        board_cargo "$target" check --locked -p microspan --no-default-features --features "$feature" || return
    done
    for feature in '' defmt elf http opentelemetry opentracing otlp tower tracing; do
        RUSTFLAGS=-Dwarnings CARGO_TARGET_DIR=$target_dir/features \
            cargo check --locked -p microspan-std --no-default-features --features "$feature" || return
    done
}

# What LLVM puts into the code so that libFuzzer sees its way, by flags that a stable compiler takes, too.
fuzz_flags='--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares'
fuzz_targets=(frame packet session request headers elf drain)

step_fuzz() {
    need_programs c++:g++ || return
    local host target seconds=$((60 / ${#fuzz_targets[@]})) dir=$target_dir/fuzz status=0
    # As for the property tests: the gate goes the same way each time.
    local seed=1
    export CARGO_TARGET_DIR=$dir CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    # Some million spans; without optimization, as in the step `tests`, there are fewer.
    cargo test --locked --release -p microspan-fuzz --test memory -- --nocapture || return
    if $long; then
        seconds=600 seed=0
        MICROSPAN_SEEDS=100000 cargo test --locked --release -p microspan-fuzz --test faults -- --nocapture || return
    fi
    host=$(rustc -vV | sed -n 's/^host: //p') || return
    # What is built for a named target leaves build scripts as they are.
    RUSTFLAGS=$fuzz_flags CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
        cargo build --locked --release -p microspan-fuzz --features libfuzzer --target "$host" \
        "${fuzz_targets[@]/#/--bin=fuzz_}" || return
    for target in "${fuzz_targets[@]}"; do
        mkdir -p "$dir/queue/$target" "$dir/found"
        printf 'fuzzing: %s\n' "$target"
        if ! "$dir/$host/release/fuzz_$target" -seed="$seed" -max_total_time="$seconds" -max_len=4096 -timeout=10 -verbosity=0 \
            -print_final_stats=1 -artifact_prefix="$dir/found/$target-" "$dir/queue/$target" "tests/fuzz/corpus/$target"; then
            complain "what does this lies in $dir/found: put it into tests/fuzz/corpus/$target to have it as a test"
            status=1
        fi
    done
    return $status
}

# model CFG: the core's tests under a model checker, in a build of their own that is soon made.
model() {
    RUSTFLAGS="--cfg $1" CARGO_TARGET_DIR=$target_dir/$1 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
        timeout 900 cargo test --locked -p microspan --release --lib
}

step_loom() { model loom; }

step_shuttle() { model shuttle; }

step_tsan() {
    need_nightly || skip "there is no nightly Rust with its source here, and rustup does not give it" || return
    local host
    host=$(rustc +nightly --print host-tuple) || return
    # The standard library is built along: its own races would be seen, and its locks are understood.
    RUSTFLAGS='-Zsanitizer=thread --cfg tsan' CARGO_TARGET_DIR=$target_dir/tsan timeout 900 \
        cargo +nightly test --locked -Zbuild-std --target "$host" -p microspan --test threads
}

step_miri() {
    need_nightly || skip "there is no Miri here, and rustup does not give it" || return
    # The tests leak on purpose: a tracer lives as long as its program. What holds no unsafe code itself and takes Miri hours is
    # left to the steps that run it natively: the model of an interrupt, the rules of headers, and long talks and takings of a drain.
    miri '' --skip model:: --skip propagation:: --skip drain::tests::hear:: --skip drain::tests::take:: & local stacked=$!
    # Decoding takes this model longest.
    miri -Zmiri-tree-borrows --skip model:: --skip propagation:: --skip wire:: --skip drain::tests:: --skip sampler:: & local trees=$!
    local status=0
    wait "$stacked" || status=1
    wait "$trees" || status=1
    return $status
}

# miri FLAG ARGUMENT...: the tests of the core in Miri.
miri() {
    MIRIFLAGS="-Zmiri-ignore-leaks $1" CARGO_TARGET_DIR=$target_dir/miri timeout 1800 \
        cargo +nightly miri test --locked -p microspan --lib --test threads -- "${@:2}"
}

step_boards() {
    local target
    for target in "${board_targets[@]}"; do
        board_cargo "$target" build --locked -p microspan --release --features embedded-io &&
            board_cargo "$target" build --locked -p microspan --release --features embedded-io,defmt &&
            board_cargo "$target" build --locked -p microspan-example-library --release || return
    done
    build_sandwich "${sandwiches[@]}" && build_hammers && build_examples || return
    for target in "${cost_targets[@]}"; do
        board_cargo "$target" build --locked -p microspan-firmware --no-default-features --profile firmware \
            --bin cost --bin cost_interrupts --bin cost_callsites --bin cost_sampler --bin cost_global --bin cost_recorder || return
    done
}

step_qemu() {
    command -v qemu-system-arm >/dev/null || skip "there is no qemu-system-arm here" || return
    need_test_agent || skip "there is no $test_agent here" || return
    need_broker || skip "there is no mosquitto here" || return
    build_sandwich "${sandwiches[@]}" && build_examples || return
    MICROSPAN_REQUIRE_ALL=1 MICROSPAN_FIRMWARE=$(cd "$target_dir" && pwd) \
        cargo test --locked --workspace --test mqtt --test probe --test tcp --test udp --test uart \
        --test clock --test configured --test distributed --test elf --test together --test examples --test defmt --test forms --test lines \
        --test counted --test normalised --test otel --test otlp --test parametric --test beside_ddtrace
}

build_examples() {
    local program target features
    for program in "${!examples[@]}"; do
        read -r target features <<<"${examples[$program]}"
        board_cargo "$target" build --quiet --locked -p microspan-firmware --no-default-features \
            --features "$features" --profile firmware --bin "$program" || return
    done
}

build_hammers() {
    local program
    for program in "${!hammers[@]}"; do
        board_cargo "${hammers[$program]}" build --quiet --locked -p microspan-firmware --no-default-features \
            --profile firmware --bin "$program" || return
    done
}

step_hammer() {
    command -v qemu-system-arm >/dev/null || skip "there is no qemu-system-arm here" || return
    build_hammers || return
    MICROSPAN_REQUIRE_ALL=1 MICROSPAN_FIRMWARE=$(cd "$target_dir" && pwd) \
        cargo test --locked -p microspan-tests --test hammer --test panic --test recorder
}

step_demo() {
    command -v qemu-system-arm >/dev/null || skip "there is no qemu-system-arm here" || return
    local output last
    output=$(./demo --json) || return
    printf '%s\n' "$output"
    last=${output##*$'\n'}
    if ! balances "$last" || ! number traces "$last" || ! number wire_bytes "$last"; then
        complain "./demo --json ended with this, whose books do not balance: $last"
        return 1
    fi
    local which
    for which in --distributed --together; do
        output=$(./demo "$which" --json) || return
        printf '%s\n' "$output"
        last=${output##*$'\n'}
        if ! balances "$last" || [[ $(number traces "$last") != 1 ]]; then
            complain "./demo $which --json ended with this, which is not one trace of which all came: $last"
            return 1
        fi
    done
}

step_bench() {
    command -v qemu-system-arm >/dev/null || skip "there is no qemu-system-arm here" || return
    ! $boards_by_debian || skip "the programs are measured with rustup's libraries, which it does not give here" || return
    cargo run --locked --release -p microspan-benches -- target --compare benches/target.json
}
