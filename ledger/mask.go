package ledger

import (
	"net/url"
	"strings"
)

// Masked is what stands where a secret was.
const Masked = "[redacted]"

// secretHeaders are header fields whose value is a secret, in lower case. docs/ledger.md, section 5 lists them.
var secretHeaders = [...]string{
	"authorization", "proxy-authorization", "cookie", "set-cookie", "www-authenticate", "proxy-authenticate",
	"x-plex-token", "x-emby-token", "x-mediabrowser-token", "x-emby-authorization",
	"x-sentry-auth", "x-auth-token", "x-access-token", "x-session-token", "x-csrf-token", "x-xsrf-token",
	"x-amz-security-token", "x-goog-api-key", "x-ingest-token", "dd-api-key", "private-token", "token",
}

// secretParameters are query parameters whose value is a secret, in lower case, hyphens as underscores.
var secretParameters = [...]string{
	"token", "key", "secret", "auth", "password", "passwd", "pwd", "signature", "sig", "jwt",
}

// secretEnds are ends of names that make a header field or a query parameter secret: x-api-key, access_token.
var secretEnds = [...]string{
	"api_key", "apikey", "_token", "access_key", "secret_key", "private_key", "_secret", "sentry_key", "write_key", "writekey",
	"_password", "accesstoken", "authtoken", "_signature", "_credential", "auth_key", "project_key", "ingest_key", "license_key",
	"x_plex_token",
}

// Mask replaces the values of secrets in the header and in the target's query by "[redacted]": tokens, cookies,
// credentials, keys (the table is in docs/ledger.md, section 5). User and password in a target go too. It makes
// a new Header where it changes one, and may be called twice.
func (q *Request) Mask() {
	q.Target = maskTarget(q.Target)
	copied := false
	for i := range q.Header {
		f := q.Header[i]
		masked := f.Value
		switch {
		case secretHeader(f.Name):
			masked = Masked
		case strings.EqualFold(f.Name, "Referer") || strings.EqualFold(f.Name, "Location"):
			masked = maskTarget(f.Value)
		}
		if masked == f.Value || f.Value == "" {
			continue
		}
		if !copied {
			q.Header, copied = append([]Field(nil), q.Header...), true
		}
		q.Header[i].Value = masked
	}
}

func secretHeader(name string) bool {
	var room [64]byte
	if len(name) > len(room) {
		return secretName(strings.ToLower(strings.ReplaceAll(name, "-", "_")), secretHeaders[:])
	}
	low := lower(room[:0], name)
	for _, s := range secretHeaders {
		if string(low) == s {
			return true
		}
	}
	for i, c := range low {
		if c == '-' {
			low[i] = '_'
		}
	}
	return hasSecretEnd(string(low))
}

func secretParameter(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return secretName(strings.ToLower(strings.ReplaceAll(name, "-", "_")), secretParameters[:])
}

func secretName(name string, list []string) bool {
	for _, s := range list {
		if name == s {
			return true
		}
	}
	return hasSecretEnd(name)
}

func hasSecretEnd(name string) bool {
	for _, end := range secretEnds {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

func lower(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// maskTarget masks user information and secret query parameters; the rest stays byte for byte.
func maskTarget(target string) string {
	target = maskUserinfo(target)
	mark := strings.IndexByte(target, '?')
	if mark < 0 {
		return target
	}
	query, fragment := target[mark+1:], ""
	if i := strings.IndexByte(query, '#'); i >= 0 {
		query, fragment = query[:i], query[i:]
	}
	changed := false
	pairs := strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' })
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if ok && value != "" && value != Masked && secretParameter(name) {
			changed = true
		}
	}
	if !changed {
		return target
	}
	var b strings.Builder
	b.WriteString(target[:mark+1])
	for query != "" {
		end := strings.IndexAny(query, "&;")
		pair, sep := query, ""
		if end >= 0 {
			pair, sep = query[:end], query[end:end+1]
		}
		query = query[len(pair)+len(sep):]
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" && secretParameter(name) {
			pair = name + "=" + Masked
		}
		b.WriteString(pair)
		b.WriteString(sep)
	}
	b.WriteString(fragment)
	return b.String()
}

// maskUserinfo masks user and password of an absolute-form target (RFC 3986, section 3.2.1).
func maskUserinfo(target string) string {
	scheme := strings.Index(target, "://")
	if scheme < 0 || strings.ContainsAny(target[:scheme], "/?#") {
		return target
	}
	end := strings.IndexAny(target[scheme+3:], "/?#")
	authority := target[scheme+3:]
	if end >= 0 {
		authority = authority[:end]
	}
	at := strings.LastIndexByte(authority, '@')
	if at <= 0 || authority[:at] == Masked {
		return target
	}
	return target[:scheme+3] + Masked + authority[at:] + target[scheme+3+len(authority):]
}
