"""AWS Lambda on one machine: functions of the package or of a zip, each run by warm processes of its own."""
