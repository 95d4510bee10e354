package ledger_test

import (
	"testing"

	"github.com/scrimproxy/scrim/ledger"
	"github.com/scrimproxy/scrim/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Maker {
		return ledgertest.Maker{Open: func(t *testing.T, cfg ledger.Config) *ledger.Ledger { return open(t, cfg) }}
	})
}

func TestSQLite(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Maker {
		dir := t.TempDir()
		return ledgertest.Maker{Lasting: true, Open: func(t *testing.T, cfg ledger.Config) *ledger.Ledger {
			cfg.Store, cfg.Dir = "sqlite", dir
			return open(t, cfg)
		}}
	})
}

func open(t testing.TB, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
