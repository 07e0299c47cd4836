"""When a model is trained again, and whether: pure rules, from what happened and what is known to yes or no and why."""
