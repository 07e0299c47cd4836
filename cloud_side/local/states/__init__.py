"""The interpreter of workflows: Amazon States Language in JSONata mode, durable, one transaction a transition."""
