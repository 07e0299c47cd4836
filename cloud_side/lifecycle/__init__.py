"""The life of an installation in AWS: synthesized, deployed, looked at, deleted. Thin, around the CDK CLI and boto3.

    cli         the commands `cloud …`
    commands    what each of them does, in order
    asking      a person says yes, or types a name
    account     whose account it is, and whether it is ready
    templates   environments -> a folder of templates; which stacks are in it
    tool        the CDK CLI itself, from the lock in `cdk/`, run by our own Node.js
    stacks      what is deployed, by boto3 alone, and its deletion
    holdings    the data that stays when stacks are deleted
    emptying    its deletion, where somebody has said so twice
    looking     how an installation is

Nothing here deletes data but `emptying`, and that runs for nobody who has not said the installation's name.
"""
