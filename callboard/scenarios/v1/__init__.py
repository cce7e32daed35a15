"""Version 1 of the scenarios' messages: generated code, made by `make proto`."""
