"""Version 1 of callboard's wire messages: generated code, made by `make proto`."""
