// Package transform generalizes single values: the transforms of a rule's fields, all but keep and remove, which are
// decisions about nodes and belong to package rules.
//
// A transform is made once, by its New function, which refuses what can never work (edges that do not rise, a unit
// that does not fit, a map that maps what it writes) with a *Fault in the words of a rule file. It is then immutable,
// and Apply may be called by any number of goroutines. Apply takes a value as received and gives the value to write;
// time, place, chance and keys come in Env and from nowhere else.
//
// # What holds for all of them
//
//   - Types stay as they were: a number in a JSON string stays in its string. Only replace writes what it is told.
//   - Integers stay integers. A literal without point and exponent is an integer; what would be written is then
//     rounded, halves away from zero. A decimal is written in its shortest form, so that equal values have one text.
//   - Arithmetic is exact. No number goes through a float.
//   - Applying a transform to what it wrote changes nothing, except for pseudonym, random and stamp.
//   - An error says which kind was found and which was expected, or which bound was passed; never a value. It
//     matches ErrKind, ErrRange or ErrEnv.
//
// # Units
//
// A field may have a unit (the zero Unit: unknown), a table has one, a step, an edge or a limit may be written with
// one. They are converted exactly; what was received is always read in the unit of the field, and what is written
// is in it too.
//
// # What remains inferable
//
// Coarser is not anonymous. Each transform says in its comment what can still be told from what it writes. For all of them: that the
// field was there, its type, and how often it was sent. Values that change slowly tell when they cross a boundary.
package transform
