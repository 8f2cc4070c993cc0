# shellcheck shell=bash
# What ./demo and ./test share: getting what is missing onto the machine, and building for the boards.
# Sourced with the root of the project as the working directory, and `log_dir` set to a folder for logs.
: "${log_dir:?is to be set before tools/setup.sh is sourced}"

# The board of the sandwich device, and where its firmware is built to.
board_target=thumbv7m-none-eabi
target_dir=${CARGO_TARGET_DIR:-target}

# Debian's own Rust, for machines without rustup or without its servers: compiler and source of one version.
debian_rust=(rustc-web cargo-web rust-web-src lld)

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' red='' plain=''
fi

say() { printf '%s\n' "${bold}$*${plain}"; }
complain() { printf '%s\n' "${red}$*${plain}" >&2; }

# Installs Debian packages, or says how to.
install_packages() {
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        complain "These packages are missing: $*. Install them and start this again; on Debian:"
        complain "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
        return 1
    fi
    say "Installing $*"
    if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
        </dev/null >"$log_dir/apt.log" 2>&1; then
        tail -n 5 "$log_dir/apt.log" >&2
        complain "apt-get could not install $*: see $log_dir/apt.log, and install them by hand"
        return 1
    fi
}

# need_programs PROGRAM:PACKAGE...: installs the packages of the programs that are not there.
need_programs() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
}

# A cargo for this machine itself.
need_rust() {
    command -v cargo >/dev/null && return
    if [[ -x $HOME/.cargo/bin/cargo ]]; then
        PATH=$HOME/.cargo/bin:$PATH
        return
    fi
    say "There is no Rust on this machine: taking Debian's"
    install_packages "${debian_rust[@]}"
}

has_target() {
    local folder
    folder=$(rustc --print target-libdir --target "$1" 2>/dev/null) && [[ -d $folder ]]
}

# need_targets TARGET...: standard libraries for the boards, from rustup, or else the means to build them.
boards_by_debian=false
need_targets() {
    local target missing=()
    for target in "$@"; do
        has_target "$target" || missing+=("$target")
    done
    ((${#missing[@]} == 0)) && return
    if command -v rustup >/dev/null; then
        say "Adding the Rust targets ${missing[*]}"
        rustup target add "${missing[@]}" </dev/null >"$log_dir/rustup.log" 2>&1 && return
        tail -n 3 "$log_dir/rustup.log" >&2
    fi
    say "rustup cannot give ${missing[*]}: building for the boards with Debian's Rust"
    [[ -x /usr/bin/cargo && -d /usr/lib/rustlib/src ]] || install_packages "${debian_rust[@]}" || return
    boards_by_debian=true
}

# board_cargo TARGET COMMAND ARGUMENT...: cargo, for a board.
board_cargo() {
    local target=$1 command=$2
    shift 2
    if ! $boards_by_debian; then
        cargo "$command" --target "$target" "$@"
        return
    fi
    local name=${target//[-.]/_}
    env RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 \
        "CARGO_TARGET_${name^^}_RUSTFLAGS=-C linker=ld.lld -C linker-flavor=ld.lld" \
        /usr/bin/cargo "$command" -Zbuild-std=core --target "$target" "$@"
}

# build_sandwich PROGRAM...: firmware for the board of the sandwich device.
build_sandwich() {
    local program arguments=()
    for program in "$@"; do
        arguments+=(--bin "$program")
    done
    board_cargo "$board_target" build --quiet --locked -p microspan-firmware --profile firmware "${arguments[@]}"
}

firmware_dir() { printf '%s\n' "$target_dir/$board_target/firmware"; }

# number NAME JSON: a number of a flat JSON object.
number() {
    [[ $2 =~ \"$1\":\ ?([0-9]+) ]] && printf '%s\n' "${BASH_REMATCH[1]}"
}

# balances JSON: whether the books of ./demo balance.
balances() {
    local made sent dropped
    made=$(number spans_made "$1") && sent=$(number spans_sent "$1") && dropped=$(number spans_dropped "$1") &&
        ((made > 0 && made == sent + dropped))
}
