# The model that is approved and newest on the installation's endpoint. A person makes the first, as it costs by the hour.
make setup
make_profile
# A build has a region of its own in its environment, which goes before that of a profile.
export AWS_REGION="$TARGET_REGION" AWS_DEFAULT_REGION="$TARGET_REGION"
export AWS_PROFILE=installation EDGE_INSPECTOR_INSTALLATION="$INSTALLATION"
parameter() { aws ssm get-parameter --name "/$INSTALLATION/$1" --query Parameter.Value --output text; }
if found=$(aws sagemaker describe-endpoint --endpoint-name "$INSTALLATION" 2>&1); then
  image=$(parameter endpoint-image)
  role=$(parameter endpoint-role)
  alarms=()
  for each in $(parameter endpoint-alarms | tr , ' '); do
    alarms+=(--alarm "$each")
  done
  .venv/bin/edge-inspector-cloud endpoint deploy champion --name "$INSTALLATION" --image "$image" --role "$role" \
    "${alarms[@]}" --wait
else
  case "$found" in
    *"Could not find endpoint"*) echo "no endpoint $INSTALLATION stands: nothing to do" ;;
    *) echo "$found" >&2; exit 1 ;;
  esac
fi
