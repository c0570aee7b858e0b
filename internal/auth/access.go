package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/uptrace/bun"
)

const (
	maxAccess     = 4 << 10 // bytes of an access token
	maxAccessLife = 7 * 24 * time.Hour
	maxAccessRows = 100 // of one user; the oldest gives way
	accessBits    = 2048
	accessKey     = "access"
	accessAud     = "muster"
)

// Access describes an access token that is still valid.
type Access struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// IssueAccess returns a JSON Web Token (RFC 7519) that stands for the proof
// behind id for ttl: Authenticate takes it as Proof.Token. It ends early with
// that proof, by RevokeAccess, and when its user has made a hundred others. It
// holds no nested objects, because node-tak reads only as far as the first
// brace. The error wraps ErrDenied for identities that are no account's or that
// came from an enrolment token.
func (s *Service) IssueAccess(ctx context.Context, id Identity, ttl time.Duration) (string, error) {
	if id.System || id.uid == "" || id.enrolling() {
		return "", fmt.Errorf("%w: no access token can stand for this login", ErrDenied)
	}
	if ttl <= 0 || ttl > maxAccessLife {
		return "", fmt.Errorf("%w: an access token lives from a second to %s", ErrInvalid, maxAccessLife)
	}
	key, err := s.accessKey(ctx, true)
	if err != nil {
		return "", fmt.Errorf("auth: access token: %w", err)
	}
	now := time.Now().Truncate(time.Second)
	row := accessRow{ID: rand.Text(), UserID: id.uid, Created: now.UnixMilli(), Expires: now.Add(ttl).UnixMilli()}
	id.access = ""
	row.Handle = id.Handle()
	err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error { return insertAccess(ctx, tx, row) })
	if err != nil {
		return "", fmt.Errorf("auth: access token: %w", err)
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"sub": id.User, "aud": accessAud, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(ttl).Unix(), "jti": row.ID,
	}).SignedString(key)
	if err != nil {
		return "", fmt.Errorf("auth: sign an access token: %w", err)
	}
	return text, nil
}

func insertAccess(ctx context.Context, tx bun.Tx, row accessRow) error {
	_, err := tx.NewDelete().Model((*accessRow)(nil)).Where("user_id = ? AND expires <= ?", row.UserID, row.Created).Exec(ctx)
	if err != nil {
		return err
	}
	var ids []string
	err = tx.NewSelect().Model((*accessRow)(nil)).Column("id").Where("user_id = ?", row.UserID).Order("created DESC", "id").
		Offset(maxAccessRows-1).Limit(maxAccessRows).Scan(ctx, &ids)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		if _, err := tx.NewDelete().Model((*accessRow)(nil)).Where("id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
			return err
		}
	}
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

// isAccess reports whether text has the form of an access token.
func isAccess(text string) bool {
	return len(text) <= maxAccess && strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2
}

// accessLogin checks an access token. It believes nothing in it but what the
// signature covers, and of that only its id and end.
func (s *Service) accessLogin(ctx context.Context, text string) (Identity, error) {
	key, err := s.accessKey(ctx, false)
	switch {
	case errors.Is(err, ErrNotFound):
		return Identity{}, ErrBadCredentials
	case err != nil:
		return Identity{}, err
	}
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithAudience(accessAud))
	_, err = parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return key.Public(), nil })
	if err != nil || claims.ID == "" {
		return Identity{}, ErrBadCredentials
	}
	id, err := s.Current(ctx, Identity{access: claims.ID})
	if errors.Is(err, errGone) {
		return Identity{}, ErrBadCredentials
	}
	return id, err
}

// behindAccess returns the identity that an access token stands for, not yet
// checked, and the token's end.
func (s *Service) behindAccess(ctx context.Context, access string) (Identity, time.Time, error) {
	var row accessRow
	err := find(ctx, s.db.Query(), &row, "id", access, "access token")
	switch {
	case errors.Is(err, ErrNotFound):
		return Identity{}, time.Time{}, fmt.Errorf("%w: the access token was revoked", errGone)
	case err != nil:
		return Identity{}, time.Time{}, err
	case past(row.Expires, time.Now()):
		return Identity{}, time.Time{}, fmt.Errorf("%w: the access token has expired", errGone)
	}
	id, err := parseHandle(row.Handle)
	if err != nil || id.uid != row.UserID || id.access != "" {
		return Identity{}, time.Time{}, fmt.Errorf("%w: not a login of this server", errGone)
	}
	id.access = row.ID
	return id, fromMillis(row.Expires), nil
}

// RevokeAccess ends an access token and the sessions opened with it. It is no
// error if there is none.
func (s *Service) RevokeAccess(ctx context.Context, id string) error {
	var w who
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		w = who{}
		var row accessRow
		err := find(ctx, tx, &row, "id", id, "access token")
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var u userRow
		if err := find(ctx, tx, &u, "id", row.UserID, "user"); err != nil {
			return err
		}
		w.add(u.ID, u.Name)
		_, err = tx.NewDelete().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("auth: revoke an access token: %w", err)
	}
	if len(w.ids) > 0 {
		s.changed(w)
	}
	return nil
}

// ListAccess returns the valid access tokens of a user, or of all if user is
// empty, oldest first.
func (s *Service) ListAccess(ctx context.Context, user string) ([]Access, error) {
	var rows []struct {
		accessRow
		User string `bun:"user_name"`
	}
	q := s.db.Query().NewSelect().TableExpr("access_tokens AS a").Join("JOIN users AS u ON u.id = a.user_id").
		ColumnExpr("a.*, u.name AS user_name").Where("a.expires > ?", time.Now().UnixMilli()).OrderExpr("a.created, a.id")
	if user != "" {
		u, err := findUser(ctx, s.db.Query(), user)
		if err != nil {
			return nil, err
		}
		q = q.Where("a.user_id = ?", u.ID)
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("auth: list access tokens: %w", err)
	}
	out := make([]Access, len(rows))
	for i, r := range rows {
		out[i] = Access{ID: r.ID, User: r.User, Created: fromMillis(r.Created), Expires: fromMillis(r.Expires)}
	}
	return out, nil
}

// accessKey returns the key that signs access tokens. Nodes that share a
// database share it. Where there is none it is made, or the error is ErrNotFound.
func (s *Service) accessKey(ctx context.Context, make bool) (*rsa.PrivateKey, error) {
	s.signing.Lock()
	defer s.signing.Unlock()
	if s.signer != nil {
		return s.signer, nil
	}
	row := keyRow{Name: accessKey}
	err := find(ctx, s.db.Query(), &row, "name", accessKey, "signing key")
	if errors.Is(err, ErrNotFound) && make {
		if row, err = s.makeAccessKey(); err != nil {
			return nil, err
		}
		err = s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
			var old keyRow
			err := find(ctx, tx, &old, "name", accessKey, "signing key")
			if !errors.Is(err, ErrNotFound) { // another node was faster
				row = old
				return err
			}
			_, err = tx.NewInsert().Model(&row).Exec(ctx)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	der, err := s.keys.open(accessKey, row.Sealed)
	if err != nil {
		return nil, errors.New("the signing key cannot be opened; was secret.key replaced?")
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	signer, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the signing key is of another kind")
	}
	s.signer = signer
	return signer, nil
}

func (s *Service) makeAccessKey() (keyRow, error) {
	key, err := rsa.GenerateKey(rand.Reader, accessBits)
	if err != nil {
		return keyRow{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return keyRow{}, err
	}
	return keyRow{Name: accessKey, Sealed: s.keys.seal(accessKey, der)}, nil
}
