package body

// Kind is the type of a node, spelled as the first byte of its JSON form. It is an alias so that
// rules/path can read trees without importing this package.
type Kind = byte

// The kinds. Bytes is content that is not text: a part of a multipart body, a field of a Protobuf message.
const (
	Null   Kind = 'n'
	False  Kind = 'f'
	True   Kind = 't'
	Number Kind = '0'
	String Kind = '"'
	Object Kind = '{'
	Array  Kind = '['
	Bytes  Kind = 'b'
)

// Value is a value outside a tree: what transforms read and write.
type Value struct {
	Kind Kind
	// Text is the decoded text of a String, the literal of a Number as written, the bytes of Bytes,
	// the compact JSON of an Object or Array, and empty for the others.
	Text string
}

// Form is the form of a body.
type Form string

// The forms, in the order in which Decode looks for them.
const (
	JSON      Form = "json"
	NDJSON    Form = "ndjson"
	FormData  Form = "form"
	Query     Form = "query"
	Envelope  Form = "envelope"
	Multipart Form = "multipart"
	XML       Form = "xml"
	Protobuf  Form = "protobuf"
	Text      Form = "text"
)
