#!/bin/bash
# Makes a fresh Amazon Linux 2023 a station: the Java nucleus of Greengrass, which gets all else by deployments.
#
# cloud-init runs it once, as root; what it says is in /var/log/cloud-init-output.log. It needs
#   REGION      in which all is
#   TEMPLATE    of fleet provisioning: it makes the thing, its certificate, and the membership in its group
#   ROLE_ALIAS  by which Greengrass gets credentials
#
# https://docs.aws.amazon.com/greengrass/v2/developerguide/fleet-provisioning.html
set -euo pipefail
: "${REGION:?}" "${TEMPLATE:?}" "${ROLE_ALIAS:?}"

readonly ROOT=${ROOT:-/greengrass/v2}
readonly RELEASES=https://d2s8p88vqu9w66.cloudfront.net/releases
readonly PLUGIN=aws-greengrass-FleetProvisioningByClaim/fleetprovisioningbyclaim-latest.jar

fetch() {
  curl --fail --silent --show-error --location --retry 5 --retry-all-errors --output "$2" "$1"
}

# The role of a new machine takes a while until it is known everywhere.
ask_iot() {
  local try
  for try in 1 2 3 4 5 6; do
    if aws iot --region "$REGION" "$@"; then
      return
    fi
    sleep $((try * 10))
  done
  return 1
}

field() {
  python3.11 -c 'import functools, json, sys
print(functools.reduce(dict.get, sys.argv[2:], json.load(open(sys.argv[1]))), end="")' "$@"
}

dnf install --assumeyes --quiet java-17-amazon-corretto-devel python3.11 unzip tar diffutils

work=$(mktemp --directory)
trap 'rm -rf "$work"' EXIT
cd "$work"
fetch "$RELEASES/greengrass-nucleus-latest.zip" nucleus.zip
jarsigner -verify nucleus.zip | tee verified
grep --quiet '^jar verified' verified
unzip -q nucleus.zip -d installer
fetch "$RELEASES/$PLUGIN" provisioning.jar
version=$(java -jar installer/lib/Greengrass.jar --version | sed 's/.* v//')

install --directory --mode 755 "${ROOT%/*}" "$ROOT"
fetch https://www.amazontrust.com/repository/AmazonRootCA1.pem "$ROOT/AmazonRootCA1.pem"
data=$(ask_iot describe-endpoint --endpoint-type iot:Data-ATS --query endpointAddress --output text)
credentials=$(ask_iot describe-endpoint --endpoint-type iot:CredentialProvider --query endpointAddress --output text)

cat > config.yaml <<EOF
services:
  aws.greengrass.Nucleus:
    version: "$version"
    configuration:
      interpolateComponentConfiguration: true
  aws.greengrass.FleetProvisioningByClaim:
    configuration:
      rootPath: "$ROOT"
      awsRegion: "$REGION"
      iotDataEndpoint: "$data"
      iotCredentialEndpoint: "$credentials"
      iotRoleAlias: "$ROLE_ALIAS"
      provisioningTemplate: "$TEMPLATE"
      claimCertificatePath: "$ROOT/claim/certificate.pem"
      claimCertificatePrivateKeyPath: "$ROOT/claim/private.key"
      rootCaPath: "$ROOT/AmazonRootCA1.pem"
EOF

# The claim is good for five minutes, and for this template alone: last of all.
(
  umask 077
  mkdir --parents "$ROOT/claim"
  ask_iot create-provisioning-claim --template-name "$TEMPLATE" --output json > claim.json
  field claim.json certificatePem > "$ROOT/claim/certificate.pem"
  field claim.json keyPair PrivateKey > "$ROOT/claim/private.key"
)
java -Droot="$ROOT" -Dlog.store=FILE -jar installer/lib/Greengrass.jar --trusted-plugin "$work/provisioning.jar" \
  --init-config "$work/config.yaml" --component-default-user ggc_user:ggc_group --setup-system-service true
