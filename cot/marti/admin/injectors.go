package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/uptrace/bun"

	"muster/cot/marti/reply"
	"muster/cot/wire"
	"muster/internal/store"
)

const (
	maxInjectors = 1000
	maxInjected  = 16 << 10 // bytes of XML
)

type injectorRow struct {
	bun.BaseModel `bun:"table:cot_injectors" json:"-"`

	ID  string `bun:"id,pk" json:"-"`
	UID string `bun:"uid" json:"uid"`
	XML string `bun:"xml" json:"toInject"`
}

// inject makes the stored injectors count.
func (a *API) inject(ctx context.Context) error {
	rows, err := a.injectors(ctx, "")
	if err != nil {
		return err
	}
	byUID := make(map[string][][]byte)
	for _, r := range rows {
		byUID[r.UID] = append(byUID[r.UID], []byte(r.XML))
	}
	a.deps.Injected.SetInjectors(byUID)
	return nil
}

// injectors returns those of a uid, or all.
func (a *API) injectors(ctx context.Context, uid string) ([]injectorRow, error) {
	rows := []injectorRow{}
	q := a.deps.DB.Query().NewSelect().Model(&rows).Order("uid", "xml")
	if uid != "" {
		q = q.Where("uid = ?", uid)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("admin: read the injectors: %w", err)
	}
	return rows, nil
}

func (a *API) listInjectors(w http.ResponseWriter, r *http.Request) {
	a.showInjectors(w, r, r.PathValue("uid"))
}

func (a *API) showInjectors(w http.ResponseWriter, r *http.Request, uid string) {
	rows, err := a.injectors(r.Context(), uid)
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.deps.Node.Envelope(w, "com.bbn.marti.config.UidCotTagInjector", rows)
}

// errFull says that there are enough.
var errFull = errors.New("too many")

func (a *API) addInjector(w http.ResponseWriter, r *http.Request) {
	body, err := reply.Body(w, r, 64<<10)
	if err != nil {
		return
	}
	var in injectorRow
	if json.Unmarshal(body, &in) != nil || in.UID == "" || len(in.UID) > 300 {
		reply.Error(w, http.StatusBadRequest, "The body must be a JSON object with uid and toInject.")
		return
	}
	wrapped := "<detail>" + in.XML + "</detail>"
	root, err := wire.ParseElement([]byte(wrapped), wire.DefaultLimits())
	if err != nil || len(in.XML) > maxInjected || root.Name != "detail" || !hasElement(root) {
		reply.Error(w, http.StatusBadRequest, "toInject must be well-formed XML of at most 16 KiB.")
		return
	}
	in.ID = newID()
	err = a.deps.DB.Tx(r.Context(), func(ctx context.Context, tx bun.Tx) error {
		n, err := tx.NewSelect().Model((*injectorRow)(nil)).Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxInjectors {
			return errFull
		}
		_, err = tx.NewInsert().Model(&in).Exec(ctx)
		return err
	})
	switch {
	case errors.Is(err, errFull):
		reply.Error(w, http.StatusConflict, "There are too many injectors. Remove one first.")
		return
	case err != nil && !store.IsUnique(err):
		a.broken(w, r, fmt.Errorf("admin: add an injector: %w", err))
		return
	}
	a.changedInjectors(w, r, in.UID, "an injector was added")
}

func hasElement(root wire.Element) bool {
	for range root.Children() {
		return true
	}
	return false
}

func (a *API) removeInjector(w http.ResponseWriter, r *http.Request) {
	uid, xml := r.URL.Query().Get("uid"), r.URL.Query().Get("toInject")
	err := a.deps.DB.Tx(r.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*injectorRow)(nil)).Where("uid = ?", uid).Where("xml = ?", xml).Exec(ctx)
		return err
	})
	if err != nil {
		a.broken(w, r, fmt.Errorf("admin: remove an injector: %w", err))
		return
	}
	a.changedInjectors(w, r, uid, "an injector was removed")
}

func (a *API) changedInjectors(w http.ResponseWriter, r *http.Request, uid, what string) {
	if err := a.inject(r.Context()); err != nil {
		a.broken(w, r, err)
		return
	}
	a.log.Info(what, "user", reply.From(r).Identity.User, "uid", uid)
	if uid == "" {
		a.deps.Node.Envelope(w, "com.bbn.marti.config.UidCotTagInjector", []injectorRow{})
		return
	}
	a.showInjectors(w, r, uid)
}
