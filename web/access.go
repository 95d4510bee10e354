package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// accessName is the file in state_dir that holds the password and what was given out for it, all of it by digest.
const accessName = "access.json"

// Bounds and lifetimes of access.
const (
	sessionLife  = 30 * 24 * time.Hour
	maxSessions  = 64
	maxTokens    = 64
	minPassword  = 10 // characters
	maxPassword  = 72 // bytes: bcrypt reads no more
	bcryptCost   = 11
	codeTries    = 20 // wrong ones, after which the one-time code is void
	lookAtFile   = time.Second
	tokenPrefix  = "scrim_"
	secretLength = 32 // bytes
)

// access knows the password, the sessions and the tokens.
type access struct {
	file string // "": nothing is kept
	now  func() time.Time
	cost int // of bcrypt

	mu     sync.Mutex // guards what follows
	kept   kept
	stamp  fileStamp
	looked time.Time
	code   string        // one-time; "" where there is none
	wrong  int           // codes tried
	hashes chan struct{} // slots for bcrypt
	tries  tries
}

// kept is the file.
type kept struct {
	Version  int       `json:"version"`
	Password string    `json:"password,omitempty"` // bcrypt
	Sessions []session `json:"sessions,omitempty"`
	Tokens   []token   `json:"tokens,omitempty"`
}

// session is a browser that knew the password. The secret is 32 random bytes, so that its digest tells nothing.
type session struct {
	Digest  string    `json:"sha256"`
	Expires time.Time `json:"expires"`
}

type token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"last_used,omitempty"`
	Digest  string     `json:"sha256"`
}

type fileStamp struct {
	size int64
	time time.Time
}

func openAccess(dir string, now func() time.Time) (*access, error) {
	a := &access{now: now, cost: bcryptCost, hashes: make(chan struct{}, 2)} // two passwords at once: bcrypt is slow on purpose
	if dir != "" {
		a.file = filepath.Join(dir, accessName)
	}
	if err := a.read(); err != nil {
		return nil, err
	}
	if a.kept.Password == "" {
		a.code = newCode()
	}
	return a, nil
}

// read takes over the file. A file that is not there is an empty one.
func (a *access) read() error {
	a.kept = kept{Version: 1}
	if a.file == "" {
		return nil
	}
	data, err := os.ReadFile(a.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading passwords: %w", err)
	}
	if err := json.Unmarshal(data, &a.kept); err != nil || a.kept.Version != 1 {
		return fmt.Errorf("reading passwords: %s is not one of scrim's files; remove it to set the password anew", a.file)
	}
	a.stamp = stampOf(a.file)
	return nil
}

func stampOf(file string) fileStamp {
	info, err := os.Stat(file)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.Size(), info.ModTime()}
}

// refresh takes over what "scrim password" wrote while we run. The caller holds mu.
func (a *access) refresh() {
	if a.file == "" || a.now().Sub(a.looked) < lookAtFile {
		return
	}
	a.looked = a.now()
	if stamp := stampOf(a.file); stamp != a.stamp {
		before := a.kept
		if a.read() != nil {
			a.kept = before // a file that is being written, or broken: what was known holds
			return
		}
		if a.stamp = stamp; a.kept.Password != "" {
			a.code = ""
		}
	}
}

// write keeps what is known. The caller holds mu.
func (a *access) write() error {
	if a.file == "" {
		return nil
	}
	if err := writeKept(a.file, &a.kept); err != nil {
		return err
	}
	a.stamp = stampOf(a.file)
	return nil
}

// writeKept replaces the file as a whole.
func writeKept(file string, k *kept) error {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(file, append(data, '\n'))
}

// WriteFile replaces a file of state_dir: a crash leaves the old or the new one. Only the owner may read it.
func WriteFile(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// SetPassword writes the password of the UI into state_dir. A Server that runs there notices. Sessions end; tokens stay.
func SetPassword(dir, password string) error {
	a, err := openAccess(dir, time.Now)
	if err != nil {
		return err
	}
	return a.setPassword(password)
}

// CheckPassword says what is wrong with a new password.
func CheckPassword(password string) error {
	switch {
	case len([]rune(password)) < minPassword:
		return fmt.Errorf("a password has at least %d characters", minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("a password has at most %d bytes", maxPassword)
	}
	return nil
}

func (a *access) setPassword(password string) error {
	if err := CheckPassword(password); err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), a.cost)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.kept
	a.kept.Password, a.kept.Sessions = string(hash), nil
	if err := a.write(); err != nil {
		a.kept = before
		return fmt.Errorf("keeping the password: %w", err)
	}
	a.code = ""
	return nil
}

func (a *access) hasPassword() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh()
	return a.kept.Password != ""
}

func (a *access) oneTimeCode() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh()
	return a.code
}

// passwordIs compares. It takes as long where there is no password.
func (a *access) passwordIs(password string) bool {
	a.mu.Lock()
	a.refresh()
	hash := a.kept.Password
	a.mu.Unlock()
	if hash == "" {
		return false
	}
	a.hashes <- struct{}{}
	defer func() { <-a.hashes }()
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
}

// useCode compares the one-time code. Too many wrong ones void it until the next start.
func (a *access) useCode(code string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.code == "" {
		return false
	}
	if sameDigest(digest(a.code), digest(plainCode(code))) {
		return true
	}
	if a.wrong++; a.wrong >= codeTries {
		a.code = ""
	}
	return false
}

// begin makes a session and returns its secret.
func (a *access) begin() (secret string, expires time.Time, err error) {
	secret = newSecret()
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	expires = now.Add(sessionLife)
	a.kept.Sessions = slices.DeleteFunc(a.kept.Sessions, func(s session) bool { return !s.Expires.After(now) })
	if n := len(a.kept.Sessions); n >= maxSessions {
		a.kept.Sessions = slices.Delete(a.kept.Sessions, 0, n-maxSessions+1)
	}
	a.kept.Sessions = append(a.kept.Sessions, session{digest(secret), expires.UTC().Truncate(time.Second)})
	return secret, expires, a.write()
}

// session finds a session by its secret; nil where there is none, or it is over.
func (a *access) session(secret string) *session {
	d := digest(secret)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh()
	for _, s := range a.kept.Sessions {
		if sameDigest(s.Digest, d) && s.Expires.After(a.now()) {
			return &s
		}
	}
	return nil
}

func (a *access) end(secret string) error {
	d := digest(secret)
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.kept.Sessions)
	a.kept.Sessions = slices.DeleteFunc(a.kept.Sessions, func(s session) bool { return sameDigest(s.Digest, d) })
	if len(a.kept.Sessions) == before {
		return nil
	}
	return a.write()
}

// token says whether a secret is that of a token.
func (a *access) token(secret string) bool {
	d := digest(secret)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh()
	for i := range a.kept.Tokens {
		if sameDigest(a.kept.Tokens[i].Digest, d) {
			now := a.now().UTC().Truncate(time.Second)
			a.kept.Tokens[i].Used = &now // kept at the next change; not worth a write
			return true
		}
	}
	return false
}

func (a *access) tokens() []token {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh()
	return slices.Clone(a.kept.Tokens)
}

func (a *access) makeToken(name string) (token, string, error) {
	secret := tokenPrefix + newSecret()
	t := token{ID: strings.ToLower(newCode()[:8]), Name: name, Created: a.now().UTC().Truncate(time.Second), Digest: digest(secret)}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept.Tokens) >= maxTokens {
		return token{}, "", badRequest("there are %d tokens already", maxTokens).hint("revoke one that is not used")
	}
	a.kept.Tokens = append(a.kept.Tokens, t)
	return t, secret, a.write()
}

func (a *access) dropToken(id string) (found bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.kept.Tokens)
	a.kept.Tokens = slices.DeleteFunc(a.kept.Tokens, func(t token) bool { return t.ID == id })
	if len(a.kept.Tokens) == before {
		return false, nil
	}
	return true, a.write()
}

// digest is how a random secret is kept and compared.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func newSecret() string {
	var b [secretLength]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newCode is 60 bits to be typed: letters and figures that are not mistaken for one another.
func newCode() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding).EncodeToString(b[:])[:12]
}

// plainCode is a code as it was typed: without its hyphens and spaces.
func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
}

// ShownCode is a code as it is printed, in groups of four.
func ShownCode(code string) string {
	if len(code) != 12 {
		return code
	}
	return code[:4] + "-" + code[4:8] + "-" + code[8:]
}
