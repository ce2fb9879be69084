#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Measures chat and pub/sub servers side by side with fanout.
#
#   peers.sh install            fetch the other servers' packages (apt-get)
#   peers.sh run [PEER...]      measure; prints the tables at the end
#   peers.sh results [PEER...]  measure, and write $RESULTS (`make bench`)
#   peers.sh table [FILE]       print the tables of an earlier run
#
# Each measurement starts a fresh server on core 0, with the generator on core
# 1, in a network namespace of its own: nothing can leave the loopback, and no
# other program's ports or connections are in the way.  Rounds are interleaved
# (all peers once, then all again), and the tables show medians.  The peer
# snug-redis is snugd with a private redis-server beside it on core 0; both
# count as the server.
#
# Environment:
#   ROUNDS=3  WORKLOADS="W1 W2 W2b W3 W4"
#   PEERS="raw raw-batch redis snug snug-secure snug-redis"; there are besides:
#             ngircd, inspircd, nats, nats-2core, mosquitto, ergo
#   OUT=FILE  where each measurement is appended
#   RATE=50   messages/s of W1         SECS=3 measured seconds of W2 and W3
#   ALIEN=15  a measurement is repeated (up to TRIES=3 times, the quietest
#             kept) while other programs use more than this percent of a core
#   MORE="redis workers storm growth instructions handshakes client"
#             what `results` measures besides, each by a script of its own
#   FANOUT=/path/fanout  STORM=/path/storm  SNUGD=/path/snugd
#   SNUG_BUILDDIR=/path  where all of them were built
#   ERGO=/path/ergo   Ergo IRC (Debian's "ergo" is a chemistry program)
set -u
here=$(cd "$(dirname "$0")" && pwd)
ROUNDS=${ROUNDS:-3} WORKLOADS=${WORKLOADS:-W1 W2 W2b W3 W4}
PEERS=${PEERS:-raw raw-batch redis snug snug-secure snug-redis}
MORE=${MORE-redis workers storm growth instructions handshakes client}
OUT=${OUT:-$(mktemp -t peers.XXXXXX.tsv)} RESULTS=${RESULTS:-$here/RESULTS.md}
RATE=${RATE:-50} SECS=${SECS:-3} ALIEN=${ALIEN:-15} TRIES=${TRIES:-3}
FANOUT=${FANOUT:-fanout} SNUGD=${SNUGD:-snugd} ERGO=${ERGO:-ergo}
STORM=${STORM:-storm} SNUG_BUILDDIR=${SNUG_BUILDDIR:-.}
export ROUNDS SECS FANOUT STORM SNUGD SNUG_BUILDDIR

# ---- the peers: each writes its config and leaves its command in cmd ----------
# Everything that limits, throttles, logs or looks up is off; plain TCP.

peer_ngircd() {
	mode=irc
	extra="-j 8" # it listens with a backlog of 10; more at a time are reset
	cat >"$dir/conf" <<END
[Global]
Name = irc.bench.local
Info = bench
Listen = 127.0.0.1
Ports = $port
MotdPhrase = bench
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
END
	cmd=(ngircd --nodaemon --config "$dir/conf")
}

peer_inspircd() {
	mode=irc
	extra="-j 1000" # it registers clients once a second, so 64 at a time crawl
	cat >"$dir/conf" <<END
<server name="irc.bench.local" description="bench" network="bench">
<admin name="bench" nick="bench" email="bench@bench.local">
<bind address="127.0.0.1" port="$port" type="clients">
<connect allow="*" timeout="60" pingfreq="3600" hardsendq="64M" softsendq="32M"
    recvq="1M" threshold="1000000" commandrate="1000000000" fakelag="no"
    localmax="1000000" globalmax="1000000" limit="1000000" maxchans="100"
    resolvehostnames="no" useident="no">
<dns server="127.0.0.1" timeout="1">
<performance netbuffersize="65534" somaxconn="4096" softlimit="1000000"
    clonesonconnect="no" quietbursts="yes">
<pid file="$dir/pid">
END
	cmd=(inspircd --runasroot --nofork --nolog --nopid --config "$dir/conf")
}

peer_ergo() {
	mode=irc
	cat >"$dir/conf" <<END
network: {name: bench}
server:
    name: irc.bench.local
    listeners: {"127.0.0.1:$port": {}}
    casemapping: ascii
    enforce-utf8: true
    lookup-hostnames: false
    check-ident: false
    max-sendq: 64M
    ip-limits: {count: false, throttle: false}
    ip-cloaking: {enabled: false}
    compatibility: {force-trailing: true}
accounts:
    authentication-enabled: false
    multiclient: {enabled: false}
    nick-reservation: {enabled: false}
channels: {default-modes: +n, max-channels-per-client: 100}
logging: [{method: stderr, type: server, level: error}]
lock-file: $dir/lock
datastore: {path: $dir/db, autoupgrade: true}
languages: {enabled: false}
limits: {nicklen: 32, identlen: 20, channellen: 64, awaylen: 390, kicklen: 390,
         topiclen: 390, whowas-entries: 100, chan-list-modes: 60, registration-messages: 1024}
fakelag: {enabled: false}
history: {enabled: false}
END
	"$ERGO" initdb --quiet --conf "$dir/conf" >/dev/null
	cmd=("$ERGO" run --quiet --conf "$dir/conf")
}

peer_redis() {
	mode=resp
	cmd=(redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' --appendonly no
		 --maxclients 15000 --client-output-buffer-limit pubsub 0 0 0
		 --tcp-backlog 4096 --loglevel warning)
}

peer_nats() {
	mode=nats
	cat >"$dir/conf" <<END
listen: "127.0.0.1:$port"
max_connections: 100000
max_pending: 64MB
ping_interval: "1h"
logfile: "/dev/null"
END
	cmd=(nats-server -c "$dir/conf")
}
peer_nats-2core() { peer_nats; cores=0,1; }

peer_mosquitto() {
	mode=mqtt
	cat >"$dir/conf" <<END
listener $port 127.0.0.1
allow_anonymous true
persistence false
log_dest none
sys_interval 0
set_tcp_nodelay true
max_queued_messages 0
max_connections -1
user root
END
	cmd=(mosquitto -c "$dir/conf")
}

# Its key, as all of its files, is in $dir; loopback may talk plainly all the same.
snugd_command() {
	cmd=("$SNUGD" --no-config --flood=off --conn-per-addr=20000
		--key-file "$dir/key" --listen "127.0.0.1:$port" "$@")
}

peer_snug() {
	mode=snug
	snugd_command
}

peer_snug-secure() {
	mode=snug-secure
	snugd_command
}

peer_snug-redis() {
	mode=snug is_ready=lets_in
	helper=(redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir"
		--save '' --appendonly yes --appendfsync everysec --loglevel warning)
	snugd_command --redis "unix://$dir/redis.sock"
}

peer_raw() { mode=raw cmd=(); }
peer_raw-batch() { mode=raw-batch cmd=(); }

# ---- one measurement -----------------------------------------------------------

workload() {
	case $1 in
	W1) echo "-n 1000 -g 1000 -m 1 -r $RATE -k 256 -t 10" ;;
	W2) echo "-n 1000 -g 1000 -m 1 -k 64 -t $SECS" ;;
	W2b) echo "-n 1000 -g 1000 -m 64 -k 1 -t $SECS" ;;
	W3) echo "-n 1000 -g 5 -m 5 -k 1 -t $SECS" ;;
	W4) echo "-n 10000 -g 100 -m 0" ;;
	esac
}

# Starts a command on the server's cores; its pid is added to pids.
launch() {
	taskset -c "$cores" "$@" </dev/null >>"$dir/log" 2>&1 &
	pids+=("$!")
}

# Waits until a file is there or a port answers, or the last pid has gone.
wait_for() {
	local _
	for _ in $(seq 100); do
		"$@" 2>/dev/null && return 0
		kill -0 "${pids[-1]}" 2>/dev/null || break
		sleep 0.1
	done
	echo "peers: $peer does not start:" >&2
	tail -5 "$dir/log" >&2
	return 1
}

answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port")
}

# A snugd whose relay is not up yet answers, but lets nobody in.
lets_in() {
	(
		exec 3<>"/dev/tcp/127.0.0.1/$port"
		printf 'JOIN ready\nQUIT\n' >&3
		grep -qa ' JOINED ready ' <&3
	)
}

start() {
	if [ "${#helper[@]}" -gt 0 ]; then
		launch "${helper[@]}"
		wait_for test -S "$dir/redis.sock" || return 1
	fi
	launch "${cmd[@]}"
	wait_for "$is_ready"
}

stop_one() {
	local _
	kill "$1" 2>/dev/null
	for _ in $(seq 20); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

stop() {
	while [ "${#pids[@]}" -gt 0 ]; do
		stop_one "${pids[-1]}"
		unset 'pids[-1]'
	done
}

measure() { # PEER WORKLOAD: prints fanout's line
	local peer=$1 dir mode cmd cores=0 extra='' port=16000 args p
	local is_ready=answers
	local -a helper=() pids=()
	dir=$(mktemp -d)
	"peer_$peer"
	args="-c 1 -C 0 $extra $(workload "$2")"
	# shellcheck disable=SC2086
	if [ "${#cmd[@]}" -eq 0 ]; then
		timeout 150 "$FANOUT" "$mode" $args
	elif start; then
		for p in "${pids[@]}"; do
			args="$args -P $p"
		done
		timeout 150 "$FANOUT" "$mode" $args -p "$port"
	fi
	stop
	rm -rf "$dir"
}

alien() { # other programs' percentage of the two cores, added up
	awk '{for (i = 1; i <= NF; i++) if ($i ~ /^alien/) {split($i, a, "="); n += a[2]}} END {print (n > 0 ? n : 0)}' <<<"$1"
}

run() {
	local round peer w line best a least
	for round in $(seq "$ROUNDS"); do
		for w in $WORKLOADS; do
			for peer in "$@"; do
				best='' least=1000
				for _ in $(seq "$TRIES"); do
					line=$(measure "$peer" "$w")
					a=$(alien "$line")
					[ -n "$line" ] && [ "$a" -lt "$least" ] && best=$line least=$a
					[ "$least" -le "$ALIEN" ] && break
					[ -z "$line" ] || sleep 3
				done
				printf '%s\t%s\t%s\t%s\n' "$round" "$w" "$peer" "${best:-failed=1}" | tee -a "$OUT" >&2
			done
		done
	done
}

# ---- tables --------------------------------------------------------------------

table() {
	awk -F'\t' '
	function median(key,   n, i, j, t, v) {
		n = split(vals[key], v, " ")
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
		return n ? (n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2) : "-"
	}
	function num(x) { return x == "-" ? x : x >= 1e6 ? sprintf("%.2fM", x / 1e6) : x >= 1e4 ? sprintf("%.0fk", x / 1e3) : sprintf("%.0f", x) }
	function ms(x) { return x == "-" ? x : x >= 1e5 ? sprintf("%.0f", x / 1e3) : sprintf("%.2f", x / 1e3) }
	function ratio(p, w, k,   r, x, lo, hi, key) { # to raw in the same round; median (min-max)
		key = "ratio" SUBSEP p SUBSEP w SUBSEP k
		for (r in rounds)
			if (one[r, w, p, k] > 0 && one[r, w, "raw", k] > 0) {
				x = one[r, w, p, k] / one[r, w, "raw", k]
				vals[key] = vals[key] " " x
				if (lo == "" || x < lo) lo = x
				if (x > hi) hi = x
			}
		return lo == "" ? "-" : sprintf("%.2f (%.2f-%.2f)", median(key), lo, hi)
	}
	function plot(w, k,   j, p, most) { # bars; the longest is the most
		for (j = 1; j <= np; j++)
			if (has[w, order[j]] && med(order[j], w, k) > most)
				most = med(order[j], w, k)
		print ""
		for (j = 1; j <= np; j++) {
			p = order[j]
			if (has[w, p] && most > 0)
				printf "    %-12s %-50s %s\n", p, substr(bar, 1, int(50 * med(p, w, k) / most + 0.5)), num(med(p, w, k))
		}
	}
	function med(p, w, k) { return median(p SUBSEP w SUBSEP k) }
	function bad(p, w) { return trouble[p, w] == "" ? "none" : trouble[p, w] }
	{
		r = $1; w = $2; p = $3
		rounds[r] = 1
		if (!(p in seen)) { seen[p] = 1; order[++np] = p }
		has[w, p]++
		ran[w] = 1
		m = split($4, kv, " ")
		for (i = 1; i <= m; i++) {
			split(kv[i], a, "=")
			vals[p, w, a[1]] = vals[p, w, a[1]] " " a[2]
			one[r, w, p, a[1]] = a[2]
			if (a[2] + 0 && a[1] ~ /^(lost|corrupt|misordered|refused|gone|silent|failed)$/)
				trouble[p, w] = trouble[p, w] " r" r ":" a[1] "=" a[2]
		}
	}
	END {
		t["W1"] = "paced fan-out: 1 room of 1000, 1 sender, fixed rate"
		t["W2"] = "saturated fan-out: the same room, 1 sender, window of 64 messages"
		t["W2b"] = "saturated fan-out: the same room, 64 senders, window of 1 each"
		t["W3"] = "200 rooms of 5, all 1000 send, window of 1 each"
		bar = sprintf("%50s", "")
		gsub(/ /, "#", bar)
		nw = split("W1 W2 W2b W3", ws, " ")
		for (i = 1; i <= nw; i++) {
			w = ws[i]
			if (!ran[w]) continue
			print "\n### " w ", " t[w] "\n"
			print "| peer | deliveries/s | per server-CPU-s | deliveries/s to raw | per CPU-s to raw | p50 ms | p99 ms | p99.9 ms | server core % | generator % | deliveries per read | trouble |"
			print "|---|---|---|---|---|---|---|---|---|---|---|---|"
			for (j = 1; j <= np; j++) {
				p = order[j]
				if (!has[w, p]) continue
				print "| " p " | " num(med(p, w, "rate")) " | " num(med(p, w, "percpu")) " | " ratio(p, w, "rate") " | " ratio(p, w, "percpu") " | " ms(med(p, w, "p50")) " | " ms(med(p, w, "p99")) " | " ms(med(p, w, "p999")) " | " med(p, w, "server%") " | " med(p, w, "gen%") " | " sprintf("%.1f", med(p, w, "batch")) " | " bad(p, w) " |"
			}
			print "\nDeliveries per server-CPU-second:"
			plot(w, "percpu")
		}
		if (!ran["W4"]) exit
		print "\n### W4, 10 000 idle clients in rooms of 100\n"
		print "| peer | RSS bytes per connection | RSS MiB in all | connect + join s | server CPU s for that | trouble |"
		print "|---|---|---|---|---|---|"
		for (j = 1; j <= np; j++) {
			p = order[j]
			if (!has["W4", p]) continue
			print "| " p " | " num(med(p, "W4", "rss_conn")) " | " sprintf("%.0f", med(p, "W4", "rss_kb") / 1024) " | " med(p, "W4", "join_s") " | " med(p, "W4", "join_cpu") " | " bad(p, "W4") " |"
		}
		print "\nBytes of resident memory per connection:"
		plot("W4", "rss_conn")
	}' "$1"
}

# ---- results -------------------------------------------------------------------

version() { # PROGRAM...: the first thing in its answer that looks like one
	"$@" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
}

machine() {
	local cpu commit
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	commit=$(git -C "$here" describe --always --dirty 2>/dev/null)
	printf '%s cores of %s, kernel %s, %s; ' \
		"$(nproc)" "$cpu" "$(uname -r)" \
		"$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
	printf 'snugd %s (commit %s), Redis %s, libevent %s; %s.\n' \
		"$(version "$SNUGD" --version)" "${commit:-unknown}" \
		"$(version redis-server --version)" \
		"$(pkg-config --modversion libevent_core 2>/dev/null || echo unknown)" \
		"$(date -u +%F)"
}

# How often other programs had a hand in it.
disturbed() {
	awk -F'\t' -v limit="$ALIEN" '
	{
		n = split($4, kv, " ")
		alien = 0
		for (i = 1; i <= n; i++) {
			split(kv[i], a, "=")
			if (a[1] ~ /^alien/) alien += a[2]
		}
		all++
		if (alien > limit) bad++
	}
	END { printf "%d of %d", bad, all }' "$OUT"
}

results() {
	cat <<END
# Figures

Written by \`make bench\`: $ROUNDS interleaved rounds, medians; server on core 0,
generator on core 1, plain TCP in a network namespace of its own, texts of 100
bytes.  \`raw\` is a bare write() per message and member, \`raw-batch\` a bare
write() per member for all that waits: the physical limits.  \`redis\` is
PUBLISH and SUBSCRIBE, \`snug\` snugd with its relay in memory, \`snug-secure\` the
same in secure sessions, \`snug-redis\` snugd and a redis-server (AOF everysec)
together on core 0.  Trust ratios within a run, not absolute figures; differences
under 20 % are none.  In $(disturbed) measurements other programs took more than
$ALIEN % of a core.

Machine: $machine
Command: \`ROUNDS=$ROUNDS SECS=$SECS RATE=$RATE PEERS="$PEERS" make bench\`
END
	table "$OUT"
	more
}

# More sections: a title, and a program that prints a table.
section() {
	local title=$1
	shift
	printf '\n### %s\n\n' "$title"
	"$@" 2>>"$OUT.log" || printf '\n(failed: %s)\n' "$*"
}

more() {
	local what
	for what in $MORE; do
		echo "peers: $what" >&2
		case $what in
		redis) section 'Through Redis: W3, and what Redis alone can do (through.py says how)' \
			python3 "$here/through.py" ;;
		workers) section 'Workers: W3 through Redis, all on the same two cores (SCALING.md)' \
			python3 "$here/workers.py" ;;
		storm) section 'A node dies, and ten thousand come back (storm.py)' \
			python3 "$here/storm.py" ;;
		growth) section 'How the cost of a message grows (growth.py)' \
			python3 "$here/growth.py" ;;
		instructions) section 'Instructions of snugd for one delivery (instr.py)' \
			sed -n 's/^# x86/    x86/p; s/^W/    W/p' "$here/instructions" ;;
		handshakes) section 'Secure sessions beside the bare primitives (handshake.c)' \
			indented "$SNUG_BUILDDIR/tests/bench/handshake" ;;
		client) section 'The client beside others: 20,000 messages into 160x50 (client.py)' \
			python3 "$here/client.py" ;;
		*) echo "peers: there is no $what to measure" >&2 ;;
		esac
	done
}

indented() {
	"$@" | sed 's/^/    /'
}

# ---- main ----------------------------------------------------------------------

# From here on in a namespace with nothing but lo.
isolate() {
	local as_root=()
	[ "$(id -u)" -eq 0 ] || as_root=(-r)
	exec env IN_NETNS=1 OUT="$OUT" unshare "${as_root[@]}" -n "$0" "$@"
}

prepare() {
	ip link set lo up
	# Some clients look no address up, 127.0.0.1 included, where there is none
	# but the loopback's own.
	ip addr add 192.0.2.1/32 dev lo
	ulimit -n "$(ulimit -Hn)" # 10 000 clients need it
	for program in "$FANOUT" "$SNUGD" redis-server taskset; do
		command -v "$program" >/dev/null && continue
		echo "peers: $program is missing; \`make bench\` builds, scripts/deps installs" >&2
		exit 1
	done
}

case ${1:-} in
install)
	# These packages would start services; nobody asked for those.
	DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends \
		ngircd inspircd redis-server nats-server mosquitto
	;;
run | results)
	[ -n "${IN_NETNS:-}" ] || isolate "$@"
	prepare
	action=$1
	machine=$(machine) # before the tree can change under a long run
	shift
	[ $# -eq 0 ] || PEERS=$*
	# shellcheck disable=SC2086
	run $PEERS
	if [ "$action" = results ]; then
		results >"$RESULTS.new" && mv "$RESULTS.new" "$RESULTS"
		echo "peers: wrote $RESULTS" >&2
	else
		table "$OUT"
	fi
	;;
table)
	table "${2:-$OUT}"
	;;
*)
	sed -n '4,/^set/s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
