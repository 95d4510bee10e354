package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	organization = "scrim" // the subject's O by which a root of ours is known

	rootLife         = 10 * 365 * 24 * time.Hour
	intermediateLife = 365 * 24 * time.Hour
	renewBefore      = 90 * 24 * time.Hour // an intermediate with less left is made anew
	leafLife         = 30 * 24 * time.Hour
	leafRenewBefore  = 10 * 24 * time.Hour // a cached leaf with less left is made anew
	backdate         = 24 * time.Hour      // for clocks that are behind
	leafBackdate     = time.Hour
)

// built is a date that a right clock cannot be before: a router without a clock
// starts in 1970, and a root that expires in 1980 would have to be installed again.
func built() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// lifetime gives the validity of an authority's certificate made at now.
func lifetime(now time.Time, life time.Duration) (notBefore, notAfter time.Time) {
	base := now
	if base.Before(built()) {
		base = built()
	}
	return now.Add(-backdate), base.Add(life)
}

// pair is a certificate and its key. key is nil for a sealed root.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newSerial draws 127 random bits: positive, and well within 20 octets (RFC 5280, section 4.1.2.2).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return n.Add(n, big.NewInt(1)), nil
}

// sign completes the template and signs it with by; a nil by signs itself.
func sign(template *x509.Certificate, by *pair) (*pair, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = newSerial(); err != nil {
		return nil, err
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &pair{cert, key}, nil
}

// newRoot makes a root for one household. Its name carries the day and four random
// hex digits, so that two roots can be told apart in a device's list.
func newRoot(now time.Time) (*pair, error) {
	mark := make([]byte, 2)
	rand.Read(mark)
	notBefore, notAfter := lifetime(now, rootLife)
	return sign(&x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{organization},
			CommonName:   fmt.Sprintf("scrim home CA %X (%s)", mark, now.UTC().Format(time.DateOnly)),
		},
		NotBefore: notBefore, NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: 1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil)
}

// newIntermediate makes the signer for one chunk: path length 0, server certificates
// only, and critical name constraints (RFC 5280, section 4.2.1.10): the chunk's names
// and no IP address at all. It never outlives the root.
func newIntermediate(root *pair, c chunk, now time.Time, life time.Duration) (*pair, error) {
	notBefore, notAfter := lifetime(now, life)
	if notAfter.After(root.cert.NotAfter) {
		notAfter = root.cert.NotAfter
	}
	return sign(&x509.Certificate{
		Subject: pkix.Name{
			Organization:       []string{organization},
			OrganizationalUnit: []string{c.name},
			CommonName:         "scrim " + c.name,
		},
		NotBefore: notBefore, NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         constraints(c.hosts),
		ExcludedIPRanges:            everyAddress(),
	}, root)
}

// everyAddress covers all of IPv4 and IPv6.
func everyAddress() []*net.IPNet {
	return []*net.IPNet{
		{IP: make(net.IP, net.IPv4len), Mask: net.CIDRMask(0, 32)},
		{IP: make(net.IP, net.IPv6len), Mask: net.CIDRMask(0, 128)},
	}
}

// newLeaf makes a server certificate for exactly host.
func newLeaf(by *pair, host string, now time.Time) (*pair, error) {
	subject := pkix.Name{Organization: []string{organization}}
	if len(host) <= 64 { // ub-common-name, RFC 5280, appendix A.1
		subject.CommonName = host
	}
	notAfter := now.Add(leafLife - leafBackdate)
	if notAfter.After(by.cert.NotAfter) {
		notAfter = by.cert.NotAfter
	}
	return sign(&x509.Certificate{
		Subject:   subject,
		NotBefore: now.Add(-leafBackdate), NotAfter: notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              []string{host},
	}, by)
}
