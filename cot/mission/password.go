package mission

import (
	"context"
	"errors"
	"fmt"

	"github.com/alexedwards/argon2id"

	"muster/internal/limit"
)

// hashCost follows OWASP's advice for argon2id. Missions' passwords are shared
// among many people and worth less than a login.
var hashCost = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func (s *Service) hashPassword(ctx context.Context, password string) (string, error) {
	var hash string
	var err error
	busy := s.hashes.Do(ctx, func() { hash, err = argon2id.CreateHash(password, &hashCost) })
	if errors.Is(busy, limit.ErrBusy) {
		return "", refuse(ErrBusy, "The server is too busy; try again in a moment.")
	}
	if err := errors.Join(busy, err); err != nil {
		return "", fmt.Errorf("mission: hash a password: %w", err)
	}
	return hash, nil
}

// checkPassword compares a password with that of a mission. One that is given
// for a mission without password is wrong, too.
func (s *Service) checkPassword(ctx context.Context, m missionRow, password string) error {
	wrong := refuse(ErrDenied, "Forbidden: the password is wrong.")
	if m.Password == "" || len(password) > maxText {
		return wrong
	}
	var match bool
	var err error
	busy := s.hashes.Do(ctx, func() { match, err = argon2id.ComparePasswordAndHash(password, m.Password) })
	if errors.Is(busy, limit.ErrBusy) {
		return refuse(ErrBusy, "The server is too busy; try again in a moment.")
	}
	if err := errors.Join(busy, err); err != nil {
		return fmt.Errorf("mission: check a password: %w", err)
	}
	if !match {
		return wrong
	}
	return nil
}
