# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # names come from, and go to, the scripts that source this
# One trace of a service whose parts are instrumented each in its own way, of a second one and of a board: what ./demo --together
# does. Sourced by ./demo, whose functions it uses, and those of tools/distributed.sh.

# start_service NAME ADDRESS..: sets requests, the port of its HTTP, and service, its process.
start_service() {
    local name=$1
    shift
    DD_SERVICE=$name DD_TRACE_AGENT_URL=$agent_url "$target_dir/demo/$name" "$@" >"$log_dir/$name.out" 2>&1 &
    service=$!
    children+=("$service")
    requests=$(find_line 'listening on http 127.0.0.1:([0-9]+)' "$log_dir/$name.out" "$service") ||
        fail "the service $name did not start: $(cat "$log_dir/$name.out")"
}

# order PORT: the first line of the answer to an order.
order() {
    # shellcheck disable=SC2016 # the inner shell expands it
    timeout 60 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" &&
        printf "POST /orders/7 HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" >&3 && head -n 1 <&3' \
        order "$1" 2>/dev/null
}

show_together() {
    say "Building the bridge, the services and the firmware of a board (the first time takes some minutes)"
    cargo build --quiet --locked --profile demo -p microspan-std --bin microspan || fail "the bridge does not build; see above"
    cargo build --quiet --locked --profile demo -p microspan-example-service || fail "the services do not build; see above"
    build_sandwich distributed_kitchen || fail "the firmware does not build; see above"
    microspan=$target_dir/demo/microspan

    find_agent
    local service requests cellar shop bridge answered
    "$microspan" bridge --udp 127.0.0.1:0 --agent-url "$agent_url" --json >"$log_dir/summary" 2>"$log_dir/bridge.err" &
    bridge=$!
    children+=("$bridge")
    port=$(find_line 'listening on udp 127.0.0.1:([0-9]+)' "$log_dir/bridge.err" "$bridge") ||
        fail "the bridge did not start: $(cat "$log_dir/bridge.err")"
    start_service cellar
    cellar=$service
    start_kitchen
    start_service shop "127.0.0.1:$requests" "127.0.0.1:$calls"
    shop=$service
    say "The services \"shop\" and \"cellar\", the board kitchen-1 and a bridge run. Ordering a sandwich:"
    cat <<END

  shop --HTTP, headers by OpenTracing--> cellar
  shop --UDP, 26 bytes of context--> kitchen-1 --HTTP, headers--> cellar

END
    answered=$(order "$requests")
    [[ $answered == *' 201'* ]] || fail "the shop answered \"$answered\": $(cat "$log_dir/shop.out" "$log_dir/kitchen.out")"
    wait "$kitchen" || fail "the board kitchen-1 failed: $(cat "$log_dir/kitchen.out")"
    kill -TERM "$shop" "$cellar"
    wait "$shop" "$cellar" || fail "a service failed: $(cat "$log_dir/shop.out" "$log_dir/cellar.out")"
    # What the last datagrams need to be read.
    sleep 0.5
    kill -TERM "$bridge"
    wait "$bridge" || fail "the bridge failed: $(cat "$log_dir/bridge.err")"
    tell_together
}

# dropped_by NAME: how many spans a service dropped, by its own count.
dropped_by() { number spans_dropped "$(grep -h '^{"spans_made"' "$log_dir/$1.out" | tail -n 1)"; }

# What came of it: the stand-in has the tree, and an agent has it to be looked up.
tell_together() {
    local made=0 dropped=0 name count sent traces=1 result summary
    summary=$(cat "$log_dir/summary")
    for name in shop cellar kitchen; do
        count=$(made_by "$name") || exit
        made=$((made + count))
    done
    dropped=$(($(number spans_lost_on_the_way "$summary") + $(number spans_dropped_by_host "$summary") + \
        $(number spans_dropped_on_device "$summary") + $(dropped_by shop) + $(dropped_by cellar)))
    if $own_agent; then
        local address=${agent_url#http://} counted
        find_line '^(trace )' "$log_dir/agent.out" >/dev/null || fail "the stand-in shows no trace"
        sed -n '/^trace /,$p' "$log_dir/agent.out"
        counted=$(answer "${address%:*}" "${address##*:}" /test/summary | tail -n 1) ||
            fail "the stand-in does not say what it has got"
        sent=$(number spans "$counted")
        traces=$(grep -c '^trace ' "$log_dir/agent.out")
        say "Summary"
        printf '  %d spans of three programs made, %d by the stand-in'"'"'s own count, in %d trace\n' "$made" "$sent" "$traces"
    else
        # What was not dropped was acknowledged.
        sent=$((made - dropped))
        say "Look the trace up in Datadog: the service is \"shop\", the resource \"POST /orders/{id}\""
    fi
    echo "  The services' code is in tests/service/src, the board's in firmware-example/src/bin/distributed_kitchen.rs."
    result=$(printf '{"spans_made":%d,"spans_sent":%d,"spans_dropped":%d,"traces":%d}' "$made" "$sent" "$dropped" "$traces")
    if ! balances "$result" || ((traces != 1)); then
        fail "that is not one trace of which all came: $result"
    fi
    if $json; then
        printf '%s\n' "$result"
    fi
}
