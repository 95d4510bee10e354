// Package path compiles selectors: what names the nodes of a tree that a rule speaks of.
//
// A Query is RFC 9535 JSONPath, the whole of it: names, wildcards, indices, slices, descendants, filters and the
// functions length, count, match, search and value, checked for well-typedness when they are parsed. An XPath is the
// part of XPath 1.0 that XML telemetry needs. A Proto walks the fields of a Protobuf message by their numbers.
//
// All three read a Tree, an interface of five methods that rules/body satisfies; this package imports nothing of ours.
// What is compiled is immutable and may be used by any number of goroutines. Selecting visits nodes with a stack of
// its own, so that depth costs memory in proportion and never the goroutine's stack; a query's own nesting is bounded
// by MaxNesting and its length by MaxLength.
//
// # Where RFC 9535 leaves a choice
//
//   - Members with equal names (RFC 8259, section 4, calls them unpredictable): a name selector selects all of them, in
//     order, so that every one of them is decided. A singular query in a comparison, or as the argument of a
//     function, that meets several uses the first. Objects compare by the first member of each name.
//   - Numbers compare exactly, by decimal value, however large: 1, 1.0 and 1e0 are equal, 9007199254740993 and
//     9007199254740992 are not.
//   - Strings compare by Unicode scalar values, which is the order of their UTF-8 bytes.
//   - Order of members: source order.
//   - match and search take I-Regexp (RFC 9485). "^" and "$" are anchors, as in the mappings of RFC 9485, section 5,
//     and in the public compliance suite. A pattern that is no I-Regexp, or repeats more than 1000 times, matches nothing.
//   - Duplicates stay in a nodelist: $..*..* on a deep tree selects each node as often as it has ancestors, and takes
//     time and memory in proportion. What begins at "$" inside a filter is found once for a Select, not once a node.
//   - Node kinds that JSON has not (bytes) exist and compare as nothing that a literal can equal.
package path
