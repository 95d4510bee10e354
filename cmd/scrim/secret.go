package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// keyName is the file in state_dir that holds the key of pseudonyms. It never leaves this machine: with it,
// pseudonyms could be tried out.
const keyName = "pseudonym.key"

// keyBytes is the length of the key.
const keyBytes = 32

// secretKey is the key of pseudonyms, made at first start.
func (c *config) secretKey() ([]byte, error) {
	file := c.statePath(keyName)
	key, err := os.ReadFile(file)
	switch {
	case err == nil && len(key) == keyBytes:
		return key, nil
	case err == nil:
		return nil, hinted(fmt.Errorf("%s: the key of pseudonyms is %d bytes long, not %d", file, len(key), keyBytes), "remove it: a new one is made, and pseudonyms change")
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the key of pseudonyms: %w", err)
	}
	key = newKey()
	if err := os.WriteFile(file, key, 0o600); err != nil {
		return nil, fmt.Errorf("writing the key of pseudonyms: %w", err)
	}
	return key, nil
}

// previewKey is the key where there is one, so that replay and explain show what serve would send; else one
// for this run alone.
func (c *config) previewKey() []byte {
	if key, err := os.ReadFile(c.statePath(keyName)); err == nil && len(key) == keyBytes {
		return key
	}
	return newKey()
}

func newKey() []byte {
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails: crypto/rand
	return key
}
