package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/store"
)

// viewerPeriod is how long one viewer key is handed out; it is valid for another
// such time, so that an address a player has kept works for a month at least.
const viewerPeriod = 30 * 24 * time.Hour

// viewerName is what people see of viewer keys in the list of tokens.
const viewerName = "video list"

// ViewerKey returns a key with which a player may read, in the name of id's user,
// the streams that the user may read, and nothing else. It is for addresses that
// the server hands to somebody who has logged in, such as the video list of a TAK
// client: the same text comes out until it is renewed once a month. It goes with
// the user, and with the certificate, token or password that id was proven by: it
// must not be a way to stay. The error wraps
// ErrDenied for those who have no account or only part of its rights.
func (s *Service) ViewerKey(ctx context.Context, id Identity) (string, error) {
	if id.System || id.uid == "" || id.Scope != nil {
		return "", fmt.Errorf("%w: no key is handed out to this login", ErrDenied)
	}
	n := time.Now().UnixMilli() / viewerPeriod.Milliseconds()
	tokenID, secret := s.viewer(id.uid, viewerProof(id), n)
	text := tokenPrefix + tokenID + "_" + secret
	var row tokenRow
	if err := find(ctx, s.db.Query(), &row, "id", tokenID, "token"); err == nil {
		return text, nil
	}
	now := time.Now()
	err := s.db.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var u userRow
		if err := find(ctx, tx, &u, "id", id.uid, "user"); err != nil {
			return err
		}
		return insertToken(ctx, tx, tokenRow{
			ID: tokenID, UserID: id.uid, Name: viewerName, Kind: KindToken, Secret: hashSecret(secret), Scope: `{"actions":["read"]}`,
			Sealed: s.seals.seal(tokenID, newHA1(u.Name, text)), Created: now.UnixMilli(), Expires: (n + 2) * viewerPeriod.Milliseconds(),
		}, now)
	})
	if err != nil && !store.IsUnique(err) { // another request was faster
		return "", fmt.Errorf("auth: make a viewer key: %w", err)
	}
	return text, nil
}

// viewerProof names what a viewer key goes with.
func viewerProof(id Identity) string {
	switch {
	case id.Device != "":
		return id.Device
	case id.Token != "":
		return "token " + id.Token
	}
	return viewerPassword(id.stamp)
}

// viewerPassword is viewerProof for a password.
func viewerPassword(stamp int64) string { return "password " + strconv.FormatInt(stamp, 10) }

// viewer derives id and secret of a viewer key.
func (s *Service) viewer(uid, proof string, n int64) (id, secret string) {
	h := hmac.New(sha256.New, s.viewers)
	h.Write([]byte(uid + "\x00" + proof + "\x00" + strconv.FormatInt(n, 10)))
	text := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)))
	return text[:tokenIDLen], text[tokenIDLen : tokenIDLen+tokenLen]
}

// dropViewers removes the viewer keys that were handed out for a proof.
func (s *Service) dropViewers(ctx context.Context, tx bun.Tx, uid, proof string) error {
	n := time.Now().UnixMilli() / viewerPeriod.Milliseconds()
	now, _ := s.viewer(uid, proof, n)
	before, _ := s.viewer(uid, proof, n-1)
	_, err := tx.NewDelete().Model((*tokenRow)(nil)).Where("user_id = ? AND id IN (?)", uid, bun.List([]string{now, before})).Exec(ctx)
	return err
}
