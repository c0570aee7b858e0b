package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	secretFile = "secret.key"
	secretSize = 32
)

// Key returns a 32-byte key for one purpose ("digest", "turn", …), derived from
// DATA/secret.key, which is made on first use with mode 0600. The same purpose
// always gets the same key; nodes that share a database need the same file.
func (d *DB) Key(purpose string) ([]byte, error) {
	secret, err := loadSecret(d.dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "muster/"+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("store: derive a key: %w", err)
	}
	return key, nil
}

func loadSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, secretFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b = make([]byte, secretSize)
		rand.Read(b) // never fails (crypto/rand)
		err = writeFile(path, b)
	}
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	if len(b) != secretSize {
		return nil, fmt.Errorf("secret key: %s must hold %d bytes and holds %d; put the right file back from a backup", path, secretSize, len(b))
	}
	return b, nil
}

// writeFile puts a whole private file on the disk, or none.
func writeFile(path string, b []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing is left to remove when all went well
	_, err = tmp.Write(b)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
