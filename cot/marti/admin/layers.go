package admin

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/cot/marti/reply"
	"muster/cot/wire"
)

// MapLayer is a background map that clients may use.
type MapLayer struct {
	UID                  string   `json:"uid"`
	CreatorUID           string   `json:"creatorUid"`
	Name                 string   `json:"name"`
	Description          string   `json:"description"`
	Type                 string   `json:"type"` // MapTile or WMS
	URL                  string   `json:"url"`
	TileType             string   `json:"tileType,omitempty"`
	ServerParts          string   `json:"serverParts,omitempty"`
	BackgroundColor      string   `json:"backgroundColor,omitempty"`
	TileUpdate           string   `json:"tileUpdate,omitempty"`
	AdditionalParameters string   `json:"additionalParameters,omitempty"`
	CoordinateSystem     string   `json:"coordinateSystem,omitempty"`
	Version              string   `json:"version,omitempty"`
	Layers               string   `json:"layers,omitempty"`
	Path                 string   `json:"path,omitempty"`
	After                string   `json:"after,omitempty"`
	Opacity              *int     `json:"opacity,omitempty"`
	MinZoom              *int     `json:"minZoom,omitempty"`
	MaxZoom              *int     `json:"maxZoom,omitempty"`
	North                *float64 `json:"north,omitempty"`
	South                *float64 `json:"south,omitempty"`
	East                 *float64 `json:"east,omitempty"`
	West                 *float64 `json:"west,omitempty"`
	DefaultLayer         bool     `json:"defaultLayer"`
	Enabled              bool     `json:"enabled"`
	IgnoreErrors         bool     `json:"ignoreErrors"`
	InvertYCoordinate    bool     `json:"invertYCoordinate"`
	CreateTime           string   `json:"createTime"`
	ModifiedTime         string   `json:"modifiedTime"`
}

const maxLayers = 1000

type layerRow struct {
	bun.BaseModel `bun:"table:map_layers"`

	UID      string `bun:"uid,pk"`
	Name     string `bun:"name"`
	Layer    string `bun:"layer"` // JSON
	Created  int64  `bun:"created"`
	Modified int64  `bun:"modified"`
}

func newID() string { return strings.ToLower(rand.Text()) }

func (r layerRow) layer() (MapLayer, error) {
	var l MapLayer
	if err := json.Unmarshal([]byte(r.Layer), &l); err != nil {
		return l, fmt.Errorf("admin: read map layer %s: %w", r.UID, err)
	}
	l.UID, l.Name, l.CreateTime, l.ModifiedTime = r.UID, r.Name, wire.FormatTime(r.Created), wire.FormatTime(r.Modified)
	return l, nil
}

// Layers returns all map layers, by name.
func (a *API) Layers(ctx context.Context) ([]MapLayer, error) {
	var rows []layerRow
	if err := a.deps.DB.Query().NewSelect().Model(&rows).Order("name", "uid").Scan(ctx); err != nil {
		return nil, fmt.Errorf("admin: read the map layers: %w", err)
	}
	out := make([]MapLayer, 0, len(rows))
	for _, r := range rows {
		l, err := r.layer()
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// PutLayer adds a map layer, or replaces the one with its uid, and returns it as
// it is stored.
func (a *API) PutLayer(ctx context.Context, l MapLayer) (MapLayer, error) {
	now := time.Now().UnixMilli()
	if l.UID == "" {
		l.UID = newID()
	}
	b, err := json.Marshal(l)
	if err != nil {
		return l, fmt.Errorf("admin: %w", err)
	}
	row := layerRow{UID: l.UID, Name: l.Name, Layer: string(b), Created: now, Modified: now}
	err = a.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		n, err := tx.NewSelect().Model((*layerRow)(nil)).Where("uid <> ?", l.UID).Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxLayers {
			return errFull
		}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (uid) DO UPDATE").Set("name = EXCLUDED.name").
			Set("layer = EXCLUDED.layer").Set("modified = EXCLUDED.modified").Exec(ctx)
		if err != nil {
			return err
		}
		return tx.NewSelect().Model(&row).WherePK().Scan(ctx)
	})
	if err != nil {
		return l, fmt.Errorf("admin: write a map layer: %w", err)
	}
	return row.layer()
}

func (l MapLayer) check() string {
	u, err := url.Parse(l.URL)
	switch {
	case l.Name == "" || len(l.Name) > 200:
		return "A map layer needs a name of at most 200 characters."
	case len(l.UID) > 100 || strings.ContainsAny(l.UID, "/\\"):
		return "The uid of the map layer cannot be used."
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "The address of a map layer begins with http:// or https://."
	}
	return ""
}

func (a *API) listLayers(w http.ResponseWriter, r *http.Request) {
	layers, err := a.Layers(r.Context())
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.deps.Node.Envelope(w, "MapLayer", layers)
}

func (a *API) getLayer(w http.ResponseWriter, r *http.Request) {
	var row layerRow
	err := a.deps.DB.Query().NewSelect().Model(&row).Where("uid = ?", r.PathValue("uid")).Scan(r.Context())
	if errors.Is(err, sql.ErrNoRows) {
		reply.Error(w, http.StatusNotFound, "There is no such map layer.")
		return
	}
	if err != nil {
		a.broken(w, r, fmt.Errorf("admin: read a map layer: %w", err))
		return
	}
	l, err := row.layer()
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.deps.Node.Envelope(w, "MapLayer", l)
}

func (a *API) putLayer(w http.ResponseWriter, r *http.Request) {
	body, err := reply.Body(w, r, 256<<10)
	if err != nil {
		return
	}
	var l MapLayer
	if json.Unmarshal(body, &l) != nil {
		reply.Error(w, http.StatusBadRequest, "The body must be a JSON object that describes a map layer.")
		return
	}
	if fault := l.check(); fault != "" {
		reply.Error(w, http.StatusBadRequest, fault)
		return
	}
	l, err = a.PutLayer(r.Context(), l)
	if errors.Is(err, errFull) {
		reply.Error(w, http.StatusConflict, "There are too many map layers. Remove one first.")
		return
	}
	if err != nil {
		a.broken(w, r, err)
		return
	}
	a.log.Info("a map layer was changed", "user", reply.From(r).Identity.User, "layer", l.Name)
	a.deps.Node.Envelope(w, "MapLayer", l)
}

func (a *API) removeLayer(w http.ResponseWriter, r *http.Request) {
	var n int64
	err := a.deps.DB.Tx(r.Context(), func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewDelete().Model((*layerRow)(nil)).Where("uid = ?", r.PathValue("uid")).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		a.broken(w, r, fmt.Errorf("admin: remove a map layer: %w", err))
		return
	}
	if n == 0 {
		reply.Error(w, http.StatusNotFound, "There is no such map layer.")
		return
	}
	a.log.Info("a map layer was removed", "user", reply.From(r).Identity.User, "layer", r.PathValue("uid"))
	a.deps.Node.Envelope(w, "MapLayer", []MapLayer{})
}
