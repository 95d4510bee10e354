package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/scrimproxy/scrim/ledger"
)

// fault is an answer that is not what was asked for.
type fault struct {
	status     int
	Code       string   `json:"code"`
	Message    string   `json:"message"`
	Hint       string   `json:"hint,omitempty"`
	Faults     []string `json:"faults,omitempty"`
	RetryAfter int      `json:"retry_after,omitempty"` // seconds
}

func (f *fault) Error() string { return f.Message }

func badRequest(format string, args ...any) *fault {
	return &fault{status: http.StatusBadRequest, Code: "bad_request", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *fault {
	return &fault{status: http.StatusNotFound, Code: "not_found", Message: fmt.Sprintf(format, args...)}
}

func forbidden(message, hint string) *fault {
	return &fault{status: http.StatusForbidden, Code: "forbidden", Message: message, Hint: hint}
}

func tooMany(seconds int) *fault {
	return &fault{status: http.StatusTooManyRequests, Code: "too_many", Message: "too many attempts", Hint: "wait a moment", RetryAfter: seconds}
}

// hint adds the way out.
func (f *fault) hint(format string, args ...any) *fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// asked makes a handler of a function that returns what is written as JSON; nil is no content.
func asked(ask func(w http.ResponseWriter, r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := ask(w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		if v == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, http.StatusOK, v)
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":{"code":"failed","message":"the answer could not be written"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(data)+1))
	w.WriteHeader(status)
	w.Write(append(data, '\n')) // a client that has gone is no error of ours
}

// refuse writes an error as the API does.
func refuse(w http.ResponseWriter, err error) {
	f := faultOf(err)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	answer(w, f.status, map[string]*fault{"error": f})
}

func faultOf(err error) *fault {
	var f *fault
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, ledger.ErrNotFound):
		return notFound("there is no such entry").hint("retention may have removed it")
	case errors.Is(err, ErrUnknown):
		return notFound("%s", err.Error())
	case errors.Is(err, ErrQuestion):
		return badRequest("%s", err.Error())
	case errors.As(err, &tooLarge):
		return &fault{status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("more than %d bytes were sent", tooLarge.Limit)}
	case errors.Is(err, ledger.ErrBusy), errors.Is(err, ledger.ErrClosed):
		return &fault{status: http.StatusServiceUnavailable, Code: "unavailable", Message: err.Error(), Hint: "the ledger does not answer; telemetry does not leave until it does"}
	}
	return &fault{status: http.StatusInternalServerError, Code: "failed", Message: err.Error()}
}

// decode reads the JSON body of a change. Unknown members are refused: a misspelt switch must not be taken for none.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		f := badRequest("the body is not announced as JSON").hint("send Content-Type: application/json")
		f.status = http.StatusUnsupportedMediaType
		return f
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return badJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("something stands after the JSON value")
	}
	return nil
}

func badJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.As(err, &syntax):
		return badRequest("the body is not JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return badRequest("%s is a %s here, not a %s", kind.Field, kind.Type, kind.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("the body ends early")
	}
	return badRequest("%s", strings.TrimPrefix(err.Error(), "json: "))
}

// number reads a query parameter between least and most.
func number(r *http.Request, name string, otherwise, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, badRequest("%s is a number from %d to %d", name, least, most)
	}
	return n, nil
}
