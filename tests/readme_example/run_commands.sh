#!/usr/bin/env bash
# Runs README.md's tour and REST calls, as they stand but on free ports.
set -euo pipefail
. "$(dirname "$0")/common.sh"

PATH=$build_dir/bin:$PATH
cd "$work"

# The two that stay: started as written, but for their ports.
block server | sed 's/127\.0\.0\.1:8090/127.0.0.1:0 --port-file server.port/' >server.sh
block receiver | sed 's/--port 9000/--port 0 --port-file receiver.port/' >receiver.sh
sed -i 's/^/exec /' server.sh receiver.sh
bash -euo pipefail server.sh >server.log 2>&1 </dev/null &
pids+=($!)
bash -euo pipefail receiver.sh >receiver.log 2>&1 </dev/null &
pids+=($!)
server_port=$(wait_port server.port "${pids[0]}" server)
receiver_port=$(wait_port receiver.port "${pids[1]}" receiver)
export RHOOKS_SERVER=http://127.0.0.1:$server_port

# The example's calls fail the test where the server refuses them.
curl() { command curl --fail-with-body --max-time 30 "$@" && echo; }
export -f curl
for part in commands rest; do
  block $part | sed "s/:8090/:$server_port/g; s/:9000/:$receiver_port/g" >$part.sh
  bash -euo pipefail $part.sh >$part.log 2>&1 || die "the block '$part' of README.md failed"
done

# What the text says comes true: DONE, logged, received.
for ((i = 0; ; i++)); do
  rhooks get --namespace my-app --id first --json >task.log
  ! grep -q '"status": *"DONE"' task.log || break
  ((i < 300)) || die "the tour's task is not DONE after a minute"
  sleep 0.2
done
rhooks logs --namespace my-app --task first --json >logs.log
grep -q '"SUCCESS"' logs.log || die "the tour's delivery is not in the log"
grep -q '"key"' receiver.log || die "the receiver did not get the tour's body"
grep -q '"lastEvaluatedKey"\|"items"' rest.log || die "the REST calls answered nothing"
grep -q '"scheduledDate": *"2030-01-31T08:00:00.000Z"' rest.log ||
  die "the REST registration is not shown in UTC"
