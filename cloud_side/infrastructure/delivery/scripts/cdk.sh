# The CDK command, as locked, for templates that are made: nothing of an app runs here.
set -euo pipefail
npm ci --ignore-scripts --no-audit --no-fund --silent
export PATH="$PWD/node_modules/.bin:$PATH"
deploy() {
  cdk deploy --require-approval never --exclusively --progress events --no-notices "$@"
}
