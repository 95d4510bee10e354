package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
)

// Formats lists what Export takes: "pem"; "der" (what Windows and Android call .crt
// or .cer); "p7b" (PKCS #7, for Windows and Java tools).
func Formats() []string { return []string{"pem", "der", "p7b"} }

// RootPEM is the root's certificate as PEM. It holds no key.
func (a *Authority) RootPEM() []byte { return certPEM(a.Root()) }

// Fingerprint is the SHA-256 of the root's certificate as devices show it: "AA:BB:…".
func (a *Authority) Fingerprint() string { return fingerprint(a.Root()) }

func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Export gives the root's certificate in one of Formats; "crt" and "cer" mean "der".
func (a *Authority) Export(format string) ([]byte, error) {
	switch format {
	case "pem":
		return a.RootPEM(), nil
	case "der", "crt", "cer":
		return a.Root().Raw, nil
	case "p7b":
		return p7b(a.Root())
	}
	return nil, fmt.Errorf("no export format %q; there are %s", format, strings.Join(Formats(), ", "))
}

// p7b wraps a certificate in a SignedData without content or signers: the "degenerate
// case" of RFC 2315, section 9.
func p7b(cert *x509.Certificate) ([]byte, error) {
	type contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional,explicit,tag:0"`
	}
	type signedData struct {
		Version int
		Digests asn1.RawValue
		Content contentInfo
		Certs   asn1.RawValue
		Signers asn1.RawValue
	}
	emptySet := asn1.RawValue{Tag: asn1.TagSet, IsCompound: true}
	inner, err := asn1.Marshal(signedData{
		Version: 1,
		Digests: emptySet,
		Content: contentInfo{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}},
		Certs:   asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: cert.Raw},
		Signers: emptySet,
	})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(contentInfo{
		Type:    asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2},
		Content: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: inner},
	})
}
