# The templates of all installations and of the delivery itself, and the CDK command that they are deployed with.
set -euo pipefail
make synth SYNTH_OUT=build/cdk.out
cp cloud_side/lifecycle/cdk/package.json cloud_side/lifecycle/cdk/package-lock.json build/
