package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/uptrace/bun"
	"golang.org/x/crypto/argon2"

	"muster/internal/limit"
)

// hashPassword makes an argon2id hash, waiting for its turn.
func (s *Service) hashPassword(ctx context.Context, password string) (string, error) {
	var hash string
	var err error
	busy := s.hashes.Do(ctx, func() { hash, err = argon2id.CreateHash(password, s.cfg.Hash.params()) })
	if err := errors.Join(busy, err); err != nil {
		return "", fmt.Errorf("auth: hash a password: %w", err)
	}
	return hash, nil
}

// comparePassword always costs one hash. weak says that the hash was made with
// other costs than the configured ones.
func (s *Service) comparePassword(ctx context.Context, password, hash string) (match, weak bool, err error) {
	var p *argon2id.Params
	busy := s.hashes.Do(ctx, func() { match, p, err = argon2id.CheckHash(password, hash) })
	switch {
	case errors.Is(busy, limit.ErrBusy):
		return false, false, &LimitedError{RetryAfter: time.Second}
	case busy != nil:
		return false, false, fmt.Errorf("auth: %w", busy)
	case err != nil:
		return false, false, fmt.Errorf("auth: check a password: %w", err)
	}
	return match, *p != *s.cfg.Hash.params(), nil
}

// dummyHash returns a hash that no password fits and that costs as much to
// check as a real one. It stands in for accounts that do not exist.
func dummyHash(c HashConfig) string {
	salt, key := make([]byte, 16), make([]byte, 32)
	rand.Read(salt)
	rand.Read(key)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Iterations, c.Parallelism,
		enc.EncodeToString(salt), enc.EncodeToString(key))
}

// rehash replaces a hash made with other costs, unless it was changed since.
func (s *Service) rehash(ctx context.Context, u userRow, password string) {
	hash, err := s.hashPassword(ctx, password)
	if err == nil {
		err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewUpdate().Model((*userRow)(nil)).Set("password = ?", hash).
				Where("id = ? AND password = ?", u.ID, u.Password).Exec(ctx)
			return err
		})
	}
	if err != nil { // the next login tries again
		s.log.Warn("a password hash stays at its old cost", "user", u.Name, "error", err)
	}
}

// lookalikes are left out: i l 1 o 0.
const readable = "abcdefghjkmnpqrstuvwxyz23456789"

// generatePassword returns 20 random characters (99 bits) in groups of five.
func generatePassword() string {
	s := generateReadable(20)
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:]
}

// generateReadable returns n random characters that people do not mix up.
func generateReadable(n int) string {
	b := make([]byte, n)
	for i := range b {
		c, _ := rand.Int(rand.Reader, big.NewInt(int64(len(readable)))) // never fails (crypto/rand)
		b[i] = readable[c.Int64()]
	}
	return string(b)
}
