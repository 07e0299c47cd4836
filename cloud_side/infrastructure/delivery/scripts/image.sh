# A container, built once for all installations. A second try of the same execution finds it built.
set -euo pipefail
TAG="${COMMIT:0:12}-${EXECUTION:0:8}"
build() {
  if [ -n "${HUB_USER:-}" ]; then
    printf %s "$HUB_PASSWORD" | docker login --username "$HUB_USER" --password-stdin
  fi
  aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
  local arguments=()
  for each in $ARGUMENTS; do
    arguments+=(--build-arg "$each")
  done
  # SageMaker takes no manifest of the OCI, which attestations make of an image.
  docker build --pull --provenance=false --output type=docker "${arguments[@]}" -f "$DOCKERFILE" -t "$REGISTRY/$REPOSITORY:$TAG" .
  docker push "$REGISTRY/$REPOSITORY:$TAG"
}
if found=$(aws ecr describe-images --repository-name "$REPOSITORY" --image-ids "imageTag=$TAG" 2>&1); then
  echo "$REPOSITORY:$TAG is built"
else
  case "$found" in
    *ImageNotFoundException*) build ;;
    *) echo "$found" >&2; exit 1 ;;
  esac
fi
