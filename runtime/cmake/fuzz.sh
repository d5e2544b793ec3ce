#!/bin/sh
# Runs every fuzz target of a folder, each starting from its corpus; findings stay in .build/fuzz.
#
#     fuzz.sh FOLDER SECONDS JOBS
set -eu
cd "$(dirname "$0")/../.."
folder=$1 seconds=$2 jobs=$3
found=.build/fuzz
mkdir -p "$found"

targets=$(find "$folder" -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x | sort)
[ -n "$targets" ] || { echo "fuzz.sh: no fuzz_* program in $folder" >&2; exit 1; }

# What is learnt goes to a folder of its own: the corpus in the tree changes by hand only.
fuzz() {
    name=$(basename "$1")
    corpus=tests/native/fuzz/corpus/${name#fuzz_}
    dictionary=tests/native/fuzz/${name#fuzz_}.dict
    [ -f "$dictionary" ] || dictionary=
    mkdir -p "$found/$name"
    if "$1" ${dictionary:+"-dict=$dictionary"} -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$found/$name-" "$found/$name" "$corpus" >"$found/$name.log" 2>&1; then
        echo "$name: no finding in $2 s," \
            "$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/$name.log") inputs"
    else
        tail -n 40 "$found/$name.log"
        echo "$name: a finding, see $found/$name.log; its input begins with $found/$name-"
        return 1
    fi
}

running=0
pids=
failed=0
for target in $targets; do
    fuzz "$target" "$seconds" &
    pids="$pids $!"
    running=$((running + 1))
    if [ $running -ge "$jobs" ]; then
        for pid in $pids; do wait "$pid" || failed=1; done
        running=0 pids=
    fi
done
for pid in $pids; do wait "$pid" || failed=1; done
exit $failed
