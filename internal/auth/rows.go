package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// The rows of our tables. Times are milliseconds since 1970, 0 for never.
type (
	userRow struct {
		bun.BaseModel `bun:"table:users"`

		ID       string `bun:"id,pk"`
		Name     string `bun:"name"`
		NameKey  string `bun:"name_key"`
		FullName string `bun:"full_name"`
		Notes    string `bun:"notes"`
		Role     Role   `bun:"role"`
		Disabled bool   `bun:"disabled"`
		Password string `bun:"password"` // argon2id; empty: no password opens this account
		Stamp    int64  `bun:"stamp"`    // counts what ends password sessions
		Created  int64  `bun:"created"`
		Origin   string `bun:"origin"`  // empty: kept here; else as by Origin…
		Subject  string `bun:"subject"` // what the directory calls them
		Gone     bool   `bun:"gone"`    // the directory does not know them any more
		Email    string `bun:"email"`   // empty: none is known
	}

	digestRow struct {
		bun.BaseModel `bun:"table:digests"`

		UserID string `bun:"user_id,pk"`
		Sealed string `bun:"sealed"`
	}

	groupRow struct {
		bun.BaseModel `bun:"table:user_groups"`

		ID          string `bun:"id,pk"`
		Name        string `bun:"name"`
		NameKey     string `bun:"name_key"`
		Description string `bun:"description"`
		Created     int64  `bun:"created"`
		Bit         int    `bun:"bit"`
	}

	memberRow struct {
		bun.BaseModel `bun:"table:memberships"`

		UserID  string `bun:"user_id,pk"`
		GroupID string `bun:"group_id,pk"`
		In      bool   `bun:"can_in"`
		Out     bool   `bun:"can_out"`
		Origin  string `bun:"origin"` // empty: given here; else the directory that says so
	}

	// resetRow is a permission to choose a new password. An account has one at most.
	resetRow struct {
		bun.BaseModel `bun:"table:password_resets"`

		UserID  string `bun:"user_id,pk"`
		Secret  string `bun:"secret"` // SHA-256, hex
		Created int64  `bun:"created"`
		Expires int64  `bun:"expires"`
	}

	tokenRow struct {
		bun.BaseModel `bun:"table:tokens"`

		ID      string    `bun:"id,pk"`
		UserID  string    `bun:"user_id"`
		Name    string    `bun:"name"`
		Kind    TokenKind `bun:"kind"`
		Secret  string    `bun:"secret"` // SHA-256, hex
		Sealed  string    `bun:"sealed"` // digest hashes
		Scope   string    `bun:"scope"`  // JSON; empty: unrestricted
		Created int64     `bun:"created"`
		Expires int64     `bun:"expires"`
		Used    int64     `bun:"used"`

		Consumed int64 `bun:"consumed"` // when an enrolment token was used up; 0: not yet
	}

	deviceRow struct {
		bun.BaseModel `bun:"table:devices"`

		Fingerprint string `bun:"fingerprint,pk"`
		Serial      string `bun:"serial"`
		UserID      string `bun:"user_id,nullzero"` // NULL once the user is removed
		UserName    string `bun:"user_name"`
		Name        string `bun:"name"`
		Issued      int64  `bun:"issued"`
		Expires     int64  `bun:"expires"`
		Revoked     int64  `bun:"revoked"`
		ClientUID   string `bun:"client_uid"`
		Certificate string `bun:"certificate"` // DER in base64; empty: not kept
		Replaced    bool   `bun:"replaced"`    // revoked because the device enrolled again
	}

	totpRow struct {
		bun.BaseModel `bun:"table:totp"`

		UserID    string `bun:"user_id,pk"`
		Sealed    string `bun:"sealed"`
		Confirmed bool   `bun:"confirmed"` // only then it counts
		LastStep  int64  `bun:"last_step"` // a code is taken once
	}

	recoveryRow struct {
		bun.BaseModel `bun:"table:totp_recovery"`

		UserID string `bun:"user_id,pk"`
		Code   string `bun:"code,pk"` // HMAC, hex
	}

	accessRow struct {
		bun.BaseModel `bun:"table:access_tokens"`

		ID      string `bun:"id,pk"`
		UserID  string `bun:"user_id"`
		Handle  string `bun:"handle"` // the proof it stands for
		Created int64  `bun:"created"`
		Expires int64  `bun:"expires"`
	}

	keyRow struct {
		bun.BaseModel `bun:"table:sealed_keys"`

		Name   string `bun:"name,pk"`
		Sealed string `bun:"sealed"`
	}
)

// closed reports whether nobody may enter the account.
func (u userRow) closed() bool { return u.Disabled || u.Gone }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

func past(ms int64, now time.Time) bool { return ms != 0 && ms <= now.UnixMilli() }

// find reads the row where column is value into row, a pointer to a row type.
// The error wraps ErrNotFound, naming what, if there is none.
func find(ctx context.Context, q bun.IDB, row any, column, value, what string) error {
	err := q.NewSelect().Model(row).Where("? = ?", bun.Ident(column), value).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %w", what, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("auth: read %s: %w", what, err)
	}
	return nil
}

// findUser reads a user by login name. A name that cannot exist is not looked
// up, and not repeated in the error.
func findUser(ctx context.Context, q bun.IDB, name string) (userRow, error) {
	var row userRow
	if checkUserName(name) != nil {
		return row, fmt.Errorf("that user %w", ErrNotFound)
	}
	return row, find(ctx, q, &row, "name_key", nameKey(name), "user "+name)
}

func findGroup(ctx context.Context, q bun.IDB, name string) (groupRow, error) {
	var row groupRow
	if checkGroupName(name) != nil {
		return row, fmt.Errorf("that group %w", ErrNotFound)
	}
	return row, find(ctx, q, &row, "name_key", nameKey(name), "group "+name)
}

type memberOf struct {
	UserID    string `bun:"user_id"`
	UserName  string `bun:"user_name"`
	GroupName string `bun:"group_name"`
	In        bool   `bun:"can_in"`
	Out       bool   `bun:"can_out"`
	Origin    string `bun:"origin"`
}

// members reads memberships with the names of both sides; where narrows them.
func members(ctx context.Context, q bun.IDB, where func(*bun.SelectQuery) *bun.SelectQuery) ([]memberOf, error) {
	var rows []memberOf
	err := q.NewSelect().TableExpr("memberships AS m").
		Join("JOIN users AS u ON u.id = m.user_id").
		Join("JOIN user_groups AS g ON g.id = m.group_id").
		ColumnExpr("m.user_id, u.name AS user_name, g.name AS group_name, m.can_in, m.can_out, m.origin").
		Apply(where).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("auth: read memberships: %w", err)
	}
	slices.SortFunc(rows, func(a, b memberOf) int {
		if c := strings.Compare(a.GroupName, b.GroupName); c != 0 {
			return c
		}
		return strings.Compare(a.UserName, b.UserName)
	})
	return rows, nil
}

// grants returns the rights of one user, sorted by group.
func grants(ctx context.Context, q bun.IDB, uid string) ([]Grant, error) {
	rows, err := members(ctx, q, func(s *bun.SelectQuery) *bun.SelectQuery { return s.Where("m.user_id = ?", uid) })
	if err != nil {
		return nil, err
	}
	out := make([]Grant, len(rows))
	for i, m := range rows {
		out[i] = Grant{Group: m.GroupName, In: m.In, Out: m.Out}
	}
	return out, nil
}
