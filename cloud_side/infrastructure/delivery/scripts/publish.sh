# A version of the inspector's component in an installation's account, once for the same content, and its number as the
# parameter from which people deploy it.
said() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' recipes/*.json "$1"; }
name=$(said ComponentName)
version=$(said ComponentVersion)
arn="arn:$PARTITION:greengrass:$TARGET_REGION:$TARGET_ACCOUNT:components:$name:versions:$version"
place="s3://$BUCKET/components/$name/$version"
make_profile
# A build has a region of its own in its environment, which goes before that of a profile.
export AWS_REGION="$TARGET_REGION" AWS_DEFAULT_REGION="$TARGET_REGION"
export AWS_PROFILE=installation
if found=$(aws greengrassv2 describe-component --arn "$arn" 2>&1); then
  if ! aws s3 cp --quiet "$place/SHA256SUMS" - | cmp -s - SHA256SUMS; then
    echo "$name $version is published, with other content or by other means: raise the version in gdk-config.json" >&2
    exit 1
  fi
else
  case "$found" in
    *ResourceNotFoundException*) ;;
    *) echo "$found" >&2; exit 1 ;;
  esac
  aws s3 cp --quiet --recursive "artifacts/$name/$version" "$place"
  aws s3 cp --quiet SHA256SUMS "$place/SHA256SUMS"
  sed "s|s3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/|$place/|" recipes/*.json > recipe.filled.json
  aws greengrassv2 create-component-version --inline-recipe fileb://recipe.filled.json
fi
state=REQUESTED
for _ in $(seq 30); do
  state=$(aws greengrassv2 describe-component --arn "$arn" --query status.componentState --output text)
  [ "$state" = DEPLOYABLE ] && break
  sleep 5
done
if [ "$state" != DEPLOYABLE ]; then
  echo "$name $version: expected the state DEPLOYABLE, found $state" >&2
  exit 1
fi
aws ssm put-parameter --overwrite --type String --name "/$INSTALLATION/inspector-version" --value "$version"
