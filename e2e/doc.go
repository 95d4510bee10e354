// Package e2e holds scrim's tests from the outside: they build the binary, run it as a user would, and look at what
// an origin received, what curl was told and what the ledger says. It has no code of its own.
package e2e
