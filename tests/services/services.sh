# shellcheck shell=bash
# The real services behind the tests: Apache Kafka (KRaft) and SeaweedFS (S3), no containers. Sourced by ./dev.
#
# Everything of one pair of services lies in $SWITCHBACK_SERVICES_DIR: ports and keys in `env`, then per service its
# data, log and pid. $root, $work, $venv, $python and $jars are ./dev's. A test that wants to stop or kill its own broker names another directory and gets another pair.

services=${SWITCHBACK_SERVICES_DIR:-$work/services}
[[ $services == /* ]] || services=$PWD/$services
start_deadline=60 # seconds until a service must answer

services_usage() {
    echo "usage: ./dev services up | down | status | env | start SERVICE | stop SERVICE | kill SERVICE   (SERVICE: kafka, s3)" >&2
    exit 64
}

services_main() {
    case "${1-} ${2-}" in
        "up ") lock services_up ;;
        "down ") lock services_down ;;
        "status ") services_status ;;
        "env ") services_env ;;
        "start kafka" | "start s3") lock service_start "$2" ;;
        "stop kafka" | "stop s3") lock service_stop "$2" TERM ;;
        "kill kafka" | "kill s3") lock service_stop "$2" KILL ;;
        *) services_usage ;;
    esac
}

services_up() {
    service_start kafka
    service_start s3
}

services_down() {
    service_stop s3 TERM
    service_stop kafka TERM
}

services_status() {
    local name
    for name in kafka s3; do
        if service_alive "$name"; then
            load_env
            say "$name" "up, $(service_address "$name"), pid $(<"$services/$name/pid")"
        else
            say "$name" "down"
        fi
    done
}

services_env() {
    [[ -f $services/env ]] || die "no services yet: run ./dev services up"
    load_env
    echo "unset AWS_PROFILE AWS_SESSION_TOKEN" # would go before the keys
    printf 'export %s=%q\n' \
        SWITCHBACK_TEST_KAFKA "127.0.0.1:$KAFKA_PORT" \
        SWITCHBACK_TEST_BUCKET "$BUCKET" \
        SWITCHBACK_TEST_PYTHON "$python" \
        AWS_ENDPOINT_URL "$S3_URL" \
        AWS_ACCESS_KEY_ID "$S3_KEY" \
        AWS_SECRET_ACCESS_KEY "$S3_SECRET" \
        AWS_REGION "$S3_REGION"
}

# One caller at a time per directory. Daemons must not inherit the lock: they close descriptor 9.
lock() {
    mkdir -p "$services"
    exec 9>"$services/lock"
    flock 9
    "$@"
    exec 9>&-
}

# Ports are picked once, so that a service that was killed comes back where its clients look for it.
load_env() {
    if [[ ! -f $services/env ]]; then
        local kafka controller s3 s3_grpc master master_grpc volume volume_grpc filer filer_grpc
        read -r kafka controller s3 s3_grpc master master_grpc volume volume_grpc filer filer_grpc \
            < <("$python" "$root/tests/services/probe.py" ports 10)
        cat >"$services/env.new" <<EOF
KAFKA_PORT=$kafka
CONTROLLER_PORT=$controller
S3_PORT=$s3
WEED_PORTS='-s3.port=$s3 -s3.port.grpc=$s3_grpc -master.port=$master -master.port.grpc=$master_grpc -volume.port=$volume -volume.port.grpc=$volume_grpc -filer.port=$filer -filer.port.grpc=$filer_grpc'
S3_URL=http://127.0.0.1:$s3
S3_KEY=switchback
S3_SECRET=switchback-secret
S3_REGION=us-east-1
BUCKET=switchback-test
EOF
        mv "$services/env.new" "$services/env"
    fi
    # shellcheck source=/dev/null
    source "$services/env"
}

service_address() {
    if [[ $1 == kafka ]]; then echo "127.0.0.1:$KAFKA_PORT"; else echo "$S3_URL"; fi
}

# A pid alone proves nothing after a reboot: ours is the process whose command line names our directory.
service_alive() {
    local pid
    pid=$(cat "$services/$1/pid" 2>/dev/null) && [[ -n $pid ]] &&
        tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$services/$1/"
}

service_start() {
    local name=$1 started
    if service_alive "$name"; then
        load_env
        say "$name" "already up, $(service_address "$name")"
        return
    fi
    prepare_services
    load_env
    started=$SECONDS
    mkdir -p "$services/$name/data"
    "${name}_start"
    until "${name}_ready" >"$services/$name/ready.log" 2>&1; do
        service_alive "$name" || die_with_log "$name ended while starting" "$services/$name/log"
        ((SECONDS - started < start_deadline)) || die_with_log "$name is not ready after $start_deadline s: $(tail -n 1 "$services/$name/ready.log")" "$services/$name/log"
        sleep 0.2
    done
    say "$name" "up, $(service_address "$name")" "$((SECONDS - started)) s"
}

service_stop() { # service_stop NAME SIGNAL
    local name=$1 signal=$2 pid polls=0
    if ! service_alive "$name"; then
        say "$name" "already down"
        return 0 # a bare return from a trap hands on the status from before it
    fi
    pid=$(<"$services/$name/pid")
    kill -s "$signal" "$pid"
    while service_alive "$name"; do
        # SeaweedFS waits 15 s for its own subscribers on SIGTERM; what it has acknowledged is in its files by then.
        if [[ $name == s3 ]] && ((polls == 20)) || ((polls == 200)); then kill -s KILL "$pid"; fi
        polls=$((polls + 1))
        sleep 0.1
    done
    rm -f "$services/$name/pid"
    say "$name" "down"
}

# Starts a daemon in a session of its own (Ctrl-C in the terminal is not for it) and writes down its pid.
daemon() {
    local name=$1
    shift
    # shellcheck disable=SC2016
    (cd "$services/$name/data" && exec setsid bash -c 'echo $$ >"$0"; exec "$@"' "$services/$name/pid" "$@") \
        </dev/null >>"$services/$name/log" 2>&1 9>&- &
    disown $! # no "Killed" from bash when a test kills it
    until service_alive "$name" || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
}

kafka_start() {
    local config=$services/kafka/server.properties
    sed -e "s|@KAFKA_PORT@|$KAFKA_PORT|; s|@CONTROLLER_PORT@|$CONTROLLER_PORT|; s|@DATA@|$services/kafka/data|" \
        "$root/tests/services/server.properties" >"$config"
    if [[ ! -f $services/kafka/data/meta.properties ]]; then
        local id
        id=$(printf 'switchback%06d%06d' "$RANDOM" "$RANDOM") # 22 characters of base64, as Kafka wants it
        java -XX:TieredStopAtLevel=1 -cp "$jars/*" kafka.tools.StorageTool format -t "$id" -c "$config" \
            >"$services/kafka/log" 2>&1 || die_with_log "kafka: formatting failed" "$services/kafka/log"
    fi
    daemon kafka java -Xmx1g -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS" -cp "$jars/*" kafka.Kafka "$config"
}

kafka_ready() {
    "$python" "$root/tests/services/probe.py" kafka "127.0.0.1:$KAFKA_PORT"
}

# Small volumes, grown one at a time and not preallocated: many buckets fit on a small disk.
s3_start() {
    local ports
    read -ra ports <<<"$WEED_PORTS"
    AWS_ACCESS_KEY_ID=$S3_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET WEED_MASTER_VOLUME_GROWTH_COPY_1=1 \
        daemon s3 "$venv/bin/weed" -logtostderr=true server "-dir=$services/s3/data" \
        -ip=127.0.0.1 -ip.bind=127.0.0.1 -filer -s3 "${ports[@]}" -s3.port.iceberg=0 -s3.port.lance=0 \
        -master.telemetry=false -master.electionTimeout=500ms -master.heartbeatInterval=100ms \
        -master.volumeSizeLimitMB=256 -volume.max=1000 -volume.preStopSeconds=0
}

# Ready is: the bucket is there and an object can be written, read back and deleted.
s3_ready() {
    s3_call "$BUCKET" || s3_call "$BUCKET" -X PUT
    s3_call "$BUCKET/.ready" -T "$services/env" && s3_call "$BUCKET/.ready" && s3_call "$BUCKET/.ready" -X DELETE
}

s3_call() {
    local path=$1
    shift
    curl -fsS -o /dev/null --max-time 5 --aws-sigv4 "aws:amz:$S3_REGION:s3" --user "$S3_KEY:$S3_SECRET" "$@" "$S3_URL/$path"
}
