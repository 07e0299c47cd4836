# AWS is asked as an installation by the profile of that name: by the role that receives from this delivery.
set -euo pipefail
make_profile() {
  cat > aws.config <<CONFIG
[profile installation]
role_arn = $RECEIVER
credential_source = EcsContainer
region = $TARGET_REGION
CONFIG
  export AWS_CONFIG_FILE="$PWD/aws.config"
}
