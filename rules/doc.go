// Package rules decides what may leave the house: bytes and facts in, bytes and facts out. It opens no connection and
// no file, knows no clock and no chance, and writes no log: whatever it needs beside the message is an argument, so that
// the same message, rules, key and time give the same outcome.
//
// # The model
//
// A rule file is parsed into a [File] ([Parse]) and files are compiled into a [Set] ([Compile]), which is immutable.
// The owner's files come first, packs after them; the first rule whose match holds decides. [Set.RunExamples] holds
// every rule to the examples written beside it.
//
// A set answers three questions:
//
//   - [Set.Gate], before anything is decrypted: does this client's connection to that host go through a tunnel, is it
//     intercepted, or refused? What no rule names is tunnelled.
//   - [Set.Route], when the header of a request is there: can a rule still decide it, and does that take the body?
//   - [Set.Apply], when the message is there: what leaves?
//
// [Set.With] makes a set with other switches, profiles or pauses out of the same rules; [Set.Explain] says why a rule
// decides and the others do not.
//
// # What leaves
//
// An [Outcome] has a verdict. Under pass the message itself leaves, byte for byte. Under drop nothing does, and the client
// has the rule's reply. Under generalize there is a new message for each part of the rule, in three steps: every node of
// the body, every parameter, header field and cookie gets the field that decides it (the deepest selector; at one
// node the first written); the fields transform what was received; and the message is written from what was decided.
// What no field lists is treated as `unlisted` says. Nothing is patched in place: what no decision let through cannot
// slip out.
//
// # When something breaks
//
// A body that cannot be decoded, a value that a transform cannot read, a condition that is ambiguous, a fault of our
// own: the event is dropped, with a Detail that names position and shape, never a value. No field of an [Outcome] but
// Messages can hold what a message said.
//
// # Where to look
//
// compile*.go turn a file into a set; hosts.go and gate.go find rules by host; match.go holds conditions; applywalk.go is
// the walk through the rules; fields.go, each.go and inside.go decide the nodes of a body; applytarget.go and
// applyheader.go do so for all else; applyedits.go lists what was done. Package body turns bytes into trees and
// back, package path finds nodes, package transform changes values.
package rules
