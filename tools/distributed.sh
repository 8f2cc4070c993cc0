# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names come from, and go to, the script that sources this
# One trace of two emulated boards and a service of this machine: what ./demo --distributed does.
# Sourced by ./demo, whose functions it uses.

# How often a port is tried that somebody else may have.
attempts=5

# random_port: one that is probably free.
random_port() { printf '%s\n' $((20000 + RANDOM % 12000)); }

# start_broker: sets broker_port.
start_broker() {
    local attempt
    for ((attempt = 1; attempt <= attempts; attempt++)); do
        broker_port=$(random_port)
        printf 'listener %d 127.0.0.1\nallow_anonymous true\n' "$broker_port" >"$log_dir/mosquitto.conf"
        PATH=$PATH:/usr/sbin mosquitto -c "$log_dir/mosquitto.conf" >"$log_dir/broker.$attempt" 2>&1 &
        children+=($!)
        if find_line '(running)' "$log_dir/broker.$attempt" $! >/dev/null; then
            return
        fi
    done
    fail "the broker did not start: $(cat "$log_dir/broker.$attempts")"
}

# start_board NAME NIC ARGUMENT..: boots distributed_NAME; its process is $!.
start_board() {
    local name=$1 nic=$2 argument words=sandwich
    shift 2
    for argument in "$@"; do
        words+=",arg=$argument"
    done
    timeout 120 qemu-system-arm -machine lm3s6965evb -display none -monitor none -serial null \
        -nic "user,model=stellaris$nic" -kernel "$(firmware_dir)/distributed_$name" \
        -semihosting-config "enable=on,target=native,arg=$words" </dev/null >"$log_dir/$name.out" 2>&1 &
    children+=($!)
}

# start_kitchen: sets calls, the port of this machine that leads to the board, and kitchen.
start_kitchen() {
    local attempt
    for ((attempt = 1; attempt <= attempts; attempt++)); do
        calls=$(random_port)
        start_board kitchen ",hostfwd=udp:127.0.0.1:$calls-10.0.2.15:7000" "port=$port" "pantry=$requests"
        kitchen=$!
        if find_line '(hears orders)' "$log_dir/kitchen.out" "$kitchen" >/dev/null; then
            return
        fi
    done
    fail "the kitchen's board did not start: $(cat "$log_dir/kitchen.out")"
}

# made_by NAME: how many spans a program made, by its own count.
made_by() {
    local report
    report=$(grep -h '^{"spans_made"' "$log_dir/$1.out" | tail -n 1) && number spans_made "$report" ||
        fail "the $1 did not say how many spans it made: $(cat "$log_dir/$1.out")"
}

show_distributed() {
    PATH=$PATH:/usr/sbin need_programs mosquitto:mosquitto || fail "there is no broker; see above"
    say "Building the bridge, the service and the firmware of two boards (the first time takes some minutes)"
    cargo build --quiet --locked --profile demo -p microspan-std --bin microspan || fail "the bridge does not build; see above"
    cargo build --quiet --locked --profile demo -p microspan-example-service || fail "the service does not build; see above"
    build_sandwich distributed_counter distributed_kitchen || fail "the firmware does not build; see above"
    microspan=$target_dir/demo/microspan

    find_agent
    start_broker
    mkfifo "$log_dir/traces"
    show_traces <"$log_dir/traces" &
    local viewer=$! bridge pantry counter
    "$microspan" bridge --udp 127.0.0.1:0 --agent-url "$agent_url" --print --whole --json \
        >"$log_dir/traces" 2>"$log_dir/bridge.err" &
    bridge=$!
    children+=("$bridge")
    port=$(find_line 'listening on udp 127.0.0.1:([0-9]+)' "$log_dir/bridge.err" "$bridge") ||
        fail "the bridge did not start: $(cat "$log_dir/bridge.err")"
    "$target_dir/demo/pantry" "127.0.0.1:$port" "127.0.0.1:$broker_port" >"$log_dir/pantry.out" 2>&1 &
    pantry=$!
    children+=("$pantry")
    requests=$(find_line 'listening on http 127.0.0.1:([0-9]+)' "$log_dir/pantry.out" "$pantry") ||
        fail "the service did not start: $(cat "$log_dir/pantry.out")"
    start_kitchen
    say "A bridge, a broker, the service \"pantry\" and the board kitchen-1 run. Booting the board counter-1, which takes an order:"
    cat <<END

  counter-1 --UDP, 26 bytes of context--> kitchen-1 --HTTP, headers--> pantry --MQTT 5, user properties--> counter-1

END
    start_board counter '' "port=$port" "kitchen=$calls" "broker=$broker_port"
    counter=$!
    wait "$counter" || fail "the board counter-1 failed: $(cat "$log_dir/counter.out" "$log_dir/kitchen.out")"
    wait "$kitchen" || fail "the board kitchen-1 failed: $(cat "$log_dir/kitchen.out")"
    kill -TERM "$pantry"
    wait "$pantry" || fail "the service failed: $(cat "$log_dir/pantry.out")"
    # What the last datagrams need to be read.
    sleep 0.5
    kill -TERM "$bridge"
    wait "$bridge" || fail "the bridge failed: $(cat "$log_dir/bridge.err")"
    wait "$viewer"
    tell_distributed
}

# What came of it, and what to do next.
tell_distributed() {
    local summary made count sent dropped traces who result name
    summary=$(cat "$log_dir/summary" 2>/dev/null) || fail "the bridge gave no summary: $(cat "$log_dir/bridge.err")"
    made=0
    for name in counter kitchen pantry; do
        count=$(made_by "$name") || exit
        made=$((made + count))
    done
    dropped=$(($(number spans_lost_on_the_way "$summary") + $(number spans_dropped_by_host "$summary") + \
        $(number spans_dropped_on_device "$summary")))
    if $own_agent; then
        local address=${agent_url#http://} counted
        counted=$(answer "${address%:*}" "${address##*:}" /test/summary | tail -n 1) ||
            fail "the stand-in does not say what it has got"
        who="by the stand-in's own count" sent=$(number spans "$counted")
    else
        who="acknowledged by the agent at $agent_url" sent=$(number spans_sent "$summary")
    fi
    traces=$(cat "$log_dir/count")
    say "Summary"
    printf '  %d spans of three programs made, %d %s, %d lost, in %d trace\n\n' "$made" "$sent" "$who" "$dropped" "$traces"
    if $own_agent; then
        echo "  Next: start a Datadog agent and run this again to find the trace there by its id;"
    else
        echo "  Next: look the trace up in Datadog by its id;"
    fi
    echo "  the boards' code is in firmware-example/src/bin/distributed_*.rs, the service's in tests/service."
    result=$(printf '{"spans_made":%d,"spans_sent":%d,"spans_dropped":%d,"traces":%d}' "$made" "$sent" "$dropped" "$traces")
    if ! balances "$result" || ((traces != 1)); then
        sed 's/^/  /' "$log_dir/bridge.err" >&2
        fail "that is not one trace of which all came: $result; the bridge's words are above"
    fi
    if $json; then
        printf '%s\n' "$result"
    fi
}
