# One unit's stack of an installation, with its container; all stacks where UNIT is empty.
missing() { # whether the installation has no image of this tag; any other trouble ends the script
  local found
  found=$(aws --profile installation --region "$TARGET_REGION" ecr describe-images --repository-name "$TO" --image-ids "imageTag=$TAG" 2>&1) &&
    return 1
  case "$found" in
    *ImageNotFoundException*) return 0 ;;
    *) echo "$found" >&2; exit 1 ;;
  esac
}
copy_image() { # what was built once, from the repository of the delivery to that of the installation
  make_profile
  if missing; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq skopeo
    # Two files, as both may be the same registry: one role reads there, the other writes.
    aws ecr get-login-password |
      skopeo login --authfile from.json --username AWS --password-stdin "$REGISTRY"
    aws --profile installation --region "$TARGET_REGION" ecr get-login-password |
      skopeo login --authfile to.json --username AWS --password-stdin "$TARGET_REGISTRY"
    skopeo copy --all --src-authfile from.json --dest-authfile to.json \
      "docker://$REGISTRY/$FROM:$TAG" "docker://$TARGET_REGISTRY/$TO:$TAG"
  fi
}
TAG="${COMMIT:0:12}-${EXECUTION:0:8}"
if [ -z "$UNIT" ]; then
  deploy --app cdk.out "$ENVIRONMENT/*"
  deploy --app delivery.out "$ENVIRONMENT/receiving" # last: a role of it has a policy of the endpoint's stack
elif [ -z "$FROM" ]; then
  deploy --app cdk.out "$ENVIRONMENT/$UNIT"
else
  copy_image
  deploy --app cdk.out "$ENVIRONMENT/$UNIT" --parameters "$INSTALLATION-$UNIT:ImageTag=$TAG"
fi
