// Package body turns the content of a request into a tree and back.
//
// Plain undoes content codings within limits; Decode builds a Tree, a flat tape of nodes that point into the bytes they came
// from; a Plan says of each node whether it stays, goes or is replaced; Encode writes what the plan lets through. What is
// written comes from the tree: a node that no decision let through cannot slip out. Untouched values keep their spelling, so
// that encoding without decisions gives back the same bytes.
//
// The package is pure: no network, no files, no clock, no chance. Its functions may be called concurrently.
package body
