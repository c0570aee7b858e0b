package mission

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// What a token stands for: its subject, and the name of the claim that holds the
// id.
const (
	subscriptionToken = "SUBSCRIPTION"
	invitationToken   = "INVITATION"
	accessToken       = "ACCESS"
)

const (
	claimName = "MISSION_NAME"
	claimGUID = "MISSION_GUID"
	maxToken  = 4096 // bytes
)

// grant is a token that was read and is ours.
type grant struct{ kind, id, guid string }

// token makes a token for a mission. It does not expire: what it stands for can
// be taken away.
func (s *Service) token(kind, id string, m missionRow) (string, error) {
	t, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"jti": newID(), "iat": s.time() / 1000, "sub": kind, kind: id, claimName: m.Name, claimGUID: m.GUID,
	}).SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("mission: sign a token: %w", err)
	}
	return t, nil
}

// readToken returns what a token stands for; ok is false for anything that is no
// token of ours, such as the bearer token of a login.
func (s *Service) readToken(text string) (grant, bool) {
	if text == "" || len(text) > maxToken {
		return grant{}, false
	}
	claims := jwt.MapClaims{}
	// iat is not checked: a clock that was set back must not lock everybody out.
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"})).ParseWithClaims(text, claims,
		func(*jwt.Token) (any, error) { return s.key, nil })
	if err != nil {
		return grant{}, false
	}
	text2 := func(name string) string { v, _ := claims[name].(string); return v }
	g := grant{kind: text2("sub"), guid: text2(claimGUID)}
	switch g.kind {
	case subscriptionToken, invitationToken, accessToken:
		g.id = text2(g.kind)
	}
	return g, g.id != "" && g.guid != ""
}

// accessID ties an access token to the password it was given for: changing that
// makes the token worthless.
func accessID(m missionRow) string {
	sum := sha256.Sum256([]byte(m.GUID + "\x00" + m.Password))
	return hex.EncodeToString(sum[:16])
}
