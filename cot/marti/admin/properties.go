package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"muster/cot/marti/reply"
	"muster/internal/auth"
)

const (
	maxProperties = 1000 // of one uid
	maxKey        = 200
	maxValue      = 64 << 10
)

// propertyRow is a value that clients keep under a uid and a key. It belongs to
// the groups of who has written it.
type propertyRow struct {
	bun.BaseModel `bun:"table:cot_properties"`

	UID    string `bun:"uid,pk"`
	Key    string `bun:"key,pk"`
	Value  string `bun:"value"`
	Owner  string `bun:"owner"`
	Groups string `bun:"group_names"` // JSON
}

func (p propertyRow) may(id auth.Identity, a auth.Action) bool {
	var groups []string
	if json.Unmarshal([]byte(p.Groups), &groups) != nil {
		return false // written by us; what cannot be read is nobody's
	}
	return auth.Allow(id, a, auth.Data("the properties of "+p.UID, groups)) == nil
}

// readProperties returns what the caller may read; uid and key narrow it.
func (a *API) readProperties(r *http.Request, uid, key string) ([]propertyRow, error) {
	var rows []propertyRow
	q := a.deps.DB.Query().NewSelect().Model(&rows).OrderExpr("uid").OrderExpr("?", bun.Ident("key"))
	if uid != "" {
		q = q.Where("uid = ?", uid)
	} else {
		q = q.ExcludeColumn("value")
	}
	if key != "" {
		q = q.Where("? = ?", bun.Ident("key"), key)
	}
	if err := q.Scan(r.Context()); err != nil {
		return nil, fmt.Errorf("admin: read properties: %w", err)
	}
	id := reply.From(r).Identity
	return slices.DeleteFunc(rows, func(p propertyRow) bool { return !p.may(id, auth.Read) }), nil
}

func (a *API) propertyUIDs(w http.ResponseWriter, r *http.Request) {
	rows, err := a.readProperties(r, "", "")
	if err != nil {
		a.broken(w, r, err)
		return
	}
	uids := []string{}
	for _, p := range rows {
		uids = append(uids, p.UID)
	}
	a.deps.Node.Envelope(w, "java.lang.String", slices.Compact(uids))
}

func (a *API) properties(w http.ResponseWriter, r *http.Request) {
	rows, err := a.readProperties(r, r.PathValue("uid"), "")
	if err != nil {
		a.broken(w, r, err)
		return
	}
	out := make(map[string]string)
	for _, p := range rows {
		out[p.Key] = p.Value
	}
	a.deps.Node.Envelope(w, "java.util.Map", out)
}

func (a *API) property(w http.ResponseWriter, r *http.Request) {
	rows, err := a.readProperties(r, r.PathValue("uid"), r.PathValue("key"))
	if err != nil {
		a.broken(w, r, err)
		return
	}
	if len(rows) == 0 {
		reply.Error(w, http.StatusNotFound, "There is no such property.")
		return
	}
	a.deps.Node.Envelope(w, "java.lang.String", rows[0].Value)
}

// setProperty takes an object with one key.
func (a *API) setProperty(w http.ResponseWriter, r *http.Request) {
	body, err := reply.Body(w, r, 2*maxValue)
	if err != nil {
		return
	}
	var pair map[string]string
	if json.Unmarshal(body, &pair) != nil || len(pair) != 1 {
		reply.Error(w, http.StatusBadRequest, "The body must be a JSON object with one key and a text.")
		return
	}
	id := reply.From(r).Identity
	groups, err := json.Marshal(id.WriteGroups())
	if err != nil || len(id.WriteGroups()) == 0 {
		reply.Error(w, http.StatusForbidden, "You may write to no group.")
		return
	}
	row := propertyRow{UID: r.PathValue("uid"), Owner: id.User, Groups: string(groups)}
	for row.Key, row.Value = range pair {
	}
	if row.Key == "" || row.Key == "all" || len(row.Key) > maxKey || len(row.Value) > maxValue || len(row.UID) > 300 {
		reply.Error(w, http.StatusBadRequest, "The key or the value is empty or too long.")
		return
	}
	if strings.Contains(row.Key+row.Value, "\x00") {
		reply.Error(w, http.StatusBadRequest, "The key or the value holds a character that cannot be used.")
		return
	}
	err = a.deps.DB.Tx(r.Context(), func(ctx context.Context, tx bun.Tx) error { return putProperty(ctx, tx, id, row) })
	switch {
	case errors.Is(err, auth.ErrDenied):
		reply.Error(w, http.StatusForbidden, "This property belongs to other groups.")
	case errors.Is(err, errFull):
		reply.Error(w, http.StatusConflict, "There are too many properties of this uid. Remove one first.")
	case err != nil:
		a.broken(w, r, fmt.Errorf("admin: write a property: %w", err))
	default:
		a.deps.Node.Envelope(w, "java.util.Map", pair)
	}
}

func putProperty(ctx context.Context, tx bun.Tx, id auth.Identity, row propertyRow) error {
	var rows []propertyRow
	if err := tx.NewSelect().Model(&rows).Where("uid = ?", row.UID).ExcludeColumn("value").Scan(ctx); err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(p propertyRow) bool { return p.Key == row.Key })
	switch {
	case i >= 0 && !rows[i].may(id, auth.Publish):
		return auth.ErrDenied
	case i >= 0:
		row.Owner, row.Groups = rows[i].Owner, rows[i].Groups
	case len(rows) >= maxProperties:
		return errFull
	}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (uid, key) DO UPDATE").Set("value = EXCLUDED.value").Exec(ctx)
	return err
}

// removeProperties removes one key, or all of a uid, as far as the caller may
// write to their groups.
func (a *API) removeProperties(w http.ResponseWriter, r *http.Request) {
	id, uid, key := reply.From(r).Identity, r.PathValue("uid"), r.PathValue("key")
	err := a.deps.DB.Tx(r.Context(), func(ctx context.Context, tx bun.Tx) error {
		var rows []propertyRow
		q := tx.NewSelect().Model(&rows).Where("uid = ?", uid).ExcludeColumn("value")
		if key != "" {
			q = q.Where("? = ?", bun.Ident("key"), key)
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		for _, p := range rows {
			if !p.may(id, auth.Publish) {
				continue
			}
			_, err := tx.NewDelete().Model((*propertyRow)(nil)).Where("uid = ?", uid).Where("? = ?", bun.Ident("key"), p.Key).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		a.broken(w, r, fmt.Errorf("admin: remove properties: %w", err))
		return
	}
	a.deps.Node.Envelope(w, "java.util.Map", map[string]string{})
}
