package rules

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/scrimproxy/scrim/rules/body"
)

// inside opens an encoded value.
type inside struct {
	codecs []string // outermost first
	part   *part    // its scope is that of the value
}

// maxExtra bounds the edits of encoded values before equal ones are made one.
const maxExtra = 4 * maxSeen

// open generalizes what is encoded in node n and encodes it again.
func (r *run) open(f *field, n int32) (d decision, name, why string) {
	d = decision{node: n}
	v := r.tree.Value(n)
	if v.Kind != body.String && v.Kind != body.Bytes {
		return d, f.name, "found no text, expected an encoded value"
	}
	if v.Text == "" {
		return d, f.name, ""
	}
	text, to, name, why, extra := r.x.openText(f, v.Text, r.selectorOf(n))
	if len(r.extra) < maxExtra {
		r.extra = append(r.extra, extra...)
	}
	d.to, d.value = to, body.Value{Kind: v.Kind, Text: text}
	return d, name, why
}

// openText generalizes the encoded text of a field at a place. to is toReplace, or toDropEvent where a field in it
// takes the event with it.
func (x *exchange) openText(f *field, text, at string) (_ string, to outcome, name, why string, edits []Edit) {
	layers, plain, form, err := unwrap(f.inside.codecs, text, x.s.limits)
	if err != nil {
		return "", toReplace, f.name, err.Error(), nil
	}
	t, err := body.Decode(form, "", plain, x.s.limits)
	if isEmpty(err) {
		return text, toReplace, f.name, "", nil
	}
	if err != nil {
		return "", toReplace, f.name, err.Error(), nil
	}
	defer t.Release()
	inner := x.run(f.inside.part, t, at+" > ")
	defer x.release(inner)
	_, bad := inner.body()
	if bad.why != "" {
		return "", toDropEvent, bad.name, bad.at + ": " + bad.why, nil
	}
	inner.commit()
	out, err := body.Encode(nil, t, &inner.plan)
	if err != nil {
		return "", toReplace, f.name, err.Error(), nil
	}
	wrapped, err := layers.wrap(out)
	if err != nil {
		return "", toReplace, f.name, err.Error(), nil
	}
	seen := newInventory()
	seen.read(inner, false)
	edits = merge(seen.edits(nil, inner, f.inside.part.name), inner.extra)
	return wrapped, toReplace, f.name, "", edits
}

// layer is one coding that was undone, and how to redo it.
type layer struct {
	base64 *base64.Encoding
	coding body.Coding
}

type layers []layer

// errBase64 names no character of the value.
var errBase64 = errors.New("found text that is not base64")

// unwrap undoes the codecs of a value and tells the form of what is in it.
func unwrap(codecs []string, text string, lim body.Limits) (done layers, plain []byte, form body.Form, err error) {
	plain = []byte(text)
	for _, codec := range codecs {
		switch codec {
		case "base64", "base64url":
			enc := base64Of(string(plain), codec == "base64url")
			if plain, err = enc.DecodeString(string(plain)); err != nil {
				return nil, nil, "", errBase64
			}
			done = append(done, layer{base64: enc})
		case "gzip":
			var coding body.Coding
			if plain, coding, err = body.Plain("gzip", plain, lim); err != nil {
				return nil, nil, "", err
			}
			done = append(done, layer{coding: coding})
		case "json":
			form = body.JSON
		case "form":
			form = body.FormData
		case "query":
			form = body.Query
		}
	}
	return done, plain, form, nil
}

// base64Of is the encoding that text seems to be in: with or without padding; of the other alphabet where it has a
// character of that.
func base64Of(text string, url bool) *base64.Encoding {
	if strings.ContainsAny(text, "+/") {
		url = false
	} else if strings.ContainsAny(text, "-_") {
		url = true
	}
	enc := base64.StdEncoding
	if url {
		enc = base64.URLEncoding
	}
	if len(text)%4 != 0 || !strings.HasSuffix(text, "=") && url {
		enc = enc.WithPadding(base64.NoPadding)
	}
	return enc.Strict()
}

// wrap redoes the codings, the innermost first.
func (l layers) wrap(plain []byte) (string, error) {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i].base64 != nil {
			plain = []byte(l[i].base64.EncodeToString(plain))
			continue
		}
		var err error
		if plain, err = l[i].coding.Apply(plain); err != nil {
			return "", err
		}
	}
	return string(plain), nil
}
