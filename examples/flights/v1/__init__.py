"""Version 1 of the demo's messages: generated code, made by `make proto`."""
