#!/usr/bin/env bash
# From a training run to a commit: train, compare, measure, publish the model, write its digest into the manifest, push.
# Nothing is pushed unless every gate is passed. Runs in a clone of the repository that Argo CD or Flux watches; all that
# it needs of a CI system is a checkout. What a team changes is in the variables.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${MANIFEST:?the ModelDeployment in this repository, such as models/digits.yaml}"
: "${MODEL_STORE:?folder or mounted volume that stands behind the claim of STORE_URI}"
: "${TEST_SET:?JSON with the held-out inputs and labels}"
STORE_URI=${STORE_URI:-pvc://models}           # what the cluster calls MODEL_STORE
MODEL_PATH=${MODEL_PATH:-digits/models}        # folder of the models in it
GOLDEN=${GOLDEN:-$(dirname "$MANIFEST")/golden.json}
CRITERIA=${CRITERIA:-$HERE/criteria.json}
TRAIN=${TRAIN:-python $HERE/train.py}          # called with --out FILE
MODELSHIP=${MODELSHIP:-modelship}
VOLUMES=${VOLUMES:---volume models=$MODEL_STORE --volume digits-golden=$(dirname "$GOLDEN")}
BASE=${BASE:-main}                             # the branch that is deployed
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

say() { printf '\n== %s\n' "$*"; }

git fetch --quiet origin "$BASE"
git show "origin/$BASE:$MANIFEST" > "$WORK/before.yaml"
# The version that most requests go to is the one to beat.
SERVED=$($MODELSHIP validate "$WORK/before.yaml" --output json | python -c '
import json, sys
versions = json.load(sys.stdin)["files"][0]["deployments"][0]["versions"]
print(max(versions, key=lambda version: version["traffic"])["uri"])')
SERVED=$MODEL_STORE/${SERVED#"$STORE_URI"/}

say "train"
$TRAIN --out "$WORK/model.onnx"
DIGEST=$(sha256sum "$WORK/model.onnx" | cut -d' ' -f1)
# By its content: the same model has the same name on every run, and a name never stands for two models.
VERSION=m-${DIGEST:0:8}
echo "$VERSION: sha256 $DIGEST"
if grep -q "$DIGEST" "$WORK/before.yaml"; then
  echo "the manifest has it already; nothing to do"
  exit 0
fi

say "does it take and give what the served one does, and answer the golden requests?"
$MODELSHIP validate "$WORK/model.onnx" --against "$SERVED" --golden "$GOLDEN"

say "does it meet its criteria?"
python "$HERE/evaluate.py" "$WORK/model.onnx" --served "$SERVED" --test-set "$TEST_SET" --criteria "$CRITERIA" |
  tee "$WORK/report.json"

say "publish"
TARGET=$MODEL_PATH/$DIGEST/model.onnx
mkdir -p "$MODEL_STORE/$(dirname "$TARGET")"
# Whole or not at all: a pod must never find half a file.
cp "$WORK/model.onnx" "$MODEL_STORE/$TARGET.$$"
mv "$MODEL_STORE/$TARGET.$$" "$MODEL_STORE/$TARGET"

say "write it into the manifest"
BRANCH=release/$VERSION
git checkout --quiet -B "$BRANCH" "origin/$BASE"
$MODELSHIP set-version "$MANIFEST" --version "$VERSION" --uri "$STORE_URI/$TARGET" --sha256 "$DIGEST"
# As the cluster will take it: name, digest, golden requests and signature, of the very file that was published.
# shellcheck disable=SC2086 # several words
$MODELSHIP validate "$MANIFEST" --against "$WORK/before.yaml" $VOLUMES

say "push"
git add "$MANIFEST"
git commit --quiet --file - <<MESSAGE
$MANIFEST: $VERSION

sha256 $DIGEST
$(python -c '
import json, sys
report = json.load(open(sys.argv[1]))
print("accuracy", report["new"]["accuracy"], "on the held-out set; the served model has", report["served"]["accuracy"])
print("latency p99", report["new"]["latencyP99Ms"], "ms on one core")' "$WORK/report.json")
MESSAGE
git push --quiet --force-with-lease origin "$BRANCH"
echo "pushed $BRANCH; once it is merged into $BASE, the rollout begins"
# Once: the same training gives the same branch, which may wait for its merge still.
if [ -n "${GH_TOKEN:-}" ] && [ -z "$(gh pr list --head "$BRANCH" --state open --json number --jq '.[].number')" ]; then
  gh pr create --base "$BASE" --head "$BRANCH" --fill
fi
