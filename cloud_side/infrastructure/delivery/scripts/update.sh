# The pipelines themselves. Where this one changes, CodePipeline begins it again with the same commit.
deploy --app delivery.out delivery
