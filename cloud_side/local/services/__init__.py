"""The AWS services of a local engine, one module or folder each: only the operations that the product uses."""
