"""How the product gets to its installations: pipelines in an account that delivers, as a CDK app of its own.

    imports       which files a module needs, read out of the code
    paths         files as the patterns that start a pipeline
    units         what is delivered by itself, each with its files
    stages        the order of things: test, build, dev, a person, prod
    scripts/      what CodeBuild runs
    buildspecs    its documents, made of the scripts
    rights        what roles of a delivery may do
    store         where pipelines keep what they hand on, and whom they tell
    project       CodeBuild: one project, with a role and a log
    projects      all of them
    pipelines     CodePipeline
    receiving     in each installation's account: what a delivery may do there, and which news start one
    app           all of it

From where is delivered says the section `delivery` of the installations' file.
"""
