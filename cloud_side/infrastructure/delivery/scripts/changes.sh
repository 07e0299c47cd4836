# What a deployment would change, for the person who is asked: whether it lets anything be done that could not be before.
differ() {
  cdk diff --app cdk.out --exclusively --method template --no-notices "$ENVIRONMENT/${UNIT:-*}" "$@" || return
  if [ -z "$UNIT" ]; then # who delivers may do more or less, too
    cdk diff --app delivery.out --exclusively --method template --no-notices "$ENVIRONMENT/receiving" "$@"
  fi
}
differ
if differ --quiet --fail-on broadening > /dev/null 2>&1; then
  export PERMISSIONS="no permission is broadened"
else
  export PERMISSIONS="PERMISSIONS ARE BROADENED, or could not be compared: read the log"
fi
export LOG="$CODEBUILD_BUILD_URL"
echo "$PERMISSIONS"
