package mission

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"
)

// doc is a value that a TEXT column holds as JSON.
type doc[T any] struct{ V T }

// Value implements driver.Valuer.
func (d doc[T]) Value() (driver.Value, error) {
	b, err := json.Marshal(d.V)
	return string(b), err
}

// Scan implements sql.Scanner.
func (d *doc[T]) Scan(src any) error {
	var zero T
	d.V = zero
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), &d.V)
	case []byte:
		return json.Unmarshal(v, &d.V)
	}
	return fmt.Errorf("a column of JSON holds %T", src)
}

// The rows of our tables. Times are milliseconds since 1970, 0 for never.
type (
	missionRow struct {
		bun.BaseModel `bun:"table:missions"`

		GUID            string        `bun:"guid,pk"`
		Name            string        `bun:"name"`
		Description     string        `bun:"description"`
		ChatRoom        string        `bun:"chat_room"`
		BaseLayer       string        `bun:"base_layer"`
		BBox            string        `bun:"bbox"`
		BoundingPolygon string        `bun:"bounding_polygon"`
		Path            string        `bun:"path"`
		Classification  string        `bun:"classification"`
		Tool            string        `bun:"tool"`
		Keywords        doc[[]string] `bun:"keywords"`
		Groups          doc[[]string] `bun:"groups"`
		CreatorUID      string        `bun:"creator_uid"`
		Creator         string        `bun:"creator"` // user; empty: the server
		Created         int64         `bun:"created"`
		Edited          int64         `bun:"edited"`
		DefaultRole     Role          `bun:"default_role"` // none: MISSION_SUBSCRIBER
		InviteOnly      bool          `bun:"invite_only"`
		Password        string        `bun:"password"` // argon2id; empty: none
		Expires         int64         `bun:"expires"`
		Parent          string        `bun:"parent"` // guid
		Deleted         int64         `bun:"deleted"`
		Archive         string        `bun:"archive"` // hash of the package made when it was deleted
	}

	itemRow struct {
		bun.BaseModel `bun:"table:mission_uids"`

		Mission    string        `bun:"mission,pk"`
		UID        string        `bun:"uid,pk"`
		Details    doc[*Details] `bun:"details"`
		CreatorUID string        `bun:"creator_uid"`
		Time       int64         `bun:"time"`
		Keywords   doc[[]string] `bun:"keywords"`
		Layer      string        `bun:"layer"`
		Position   int64         `bun:"position"`
	}

	contentRow struct {
		bun.BaseModel `bun:"table:mission_contents"`

		Mission    string        `bun:"mission,pk"`
		Hash       string        `bun:"hash,pk"`
		File       doc[File]     `bun:"file"` // as it was when it was added
		CreatorUID string        `bun:"creator_uid"`
		Time       int64         `bun:"time"`
		Keywords   doc[[]string] `bun:"keywords"`
		Layer      string        `bun:"layer"`
		Position   int64         `bun:"position"`
	}

	eventRow struct {
		bun.BaseModel `bun:"table:mission_events"`

		Mission  string `bun:"mission,pk"`
		UID      string `bun:"uid,pk"`
		XML      string `bun:"xml"`
		Received int64  `bun:"received"`
	}

	changeRow struct {
		bun.BaseModel `bun:"table:mission_changes"`

		Mission    string             `bun:"mission,pk"`
		Seq        int64              `bun:"seq,pk"`
		Type       ChangeType         `bun:"type,type:bigint"`
		Time       int64              `bun:"time"`
		CreatorUID string             `bun:"creator_uid"`
		Item       string             `bun:"item"` // what it is about: "uid:…", "hash:…", "feed:…", or empty
		Content    doc[changeContent] `bun:"content"`
	}

	// changeContent is what a change tells of its item.
	changeContent struct {
		UID     string   `json:"uid,omitempty"`
		Details *Details `json:"details,omitempty"`
		File    *File    `json:"file,omitempty"`
		Feed    *Feed    `json:"feed,omitempty"`
	}

	subRow struct {
		bun.BaseModel `bun:"table:mission_subscriptions"`

		ID        string `bun:"id,pk"`
		Mission   string `bun:"mission"`
		ClientUID string `bun:"client_uid"`
		Username  string `bun:"username"`
		Role      Role   `bun:"role"`
		Live      bool   `bun:"live"`
		Created   int64  `bun:"created"`
	}

	invitationRow struct {
		bun.BaseModel `bun:"table:mission_invitations"`

		ID         string `bun:"id,pk"`
		Mission    string `bun:"mission"`
		Type       string `bun:"type"`
		Invitee    string `bun:"invitee"`
		Username   string `bun:"username"` // whose device the invitee is, where that is known
		CreatorUID string `bun:"creator_uid"`
		Role       Role   `bun:"role"`
		Created    int64  `bun:"created"`
	}

	logRow struct {
		bun.BaseModel `bun:"table:mission_logs"`

		ID         string        `bun:"id,pk"`
		Content    string        `bun:"content"`
		CreatorUID string        `bun:"creator_uid"`
		EntryUID   string        `bun:"entry_uid"`
		DTG        int64         `bun:"dtg"`
		Created    int64         `bun:"created"`
		ServerTime int64         `bun:"server_time"`
		Hashes     doc[[]string] `bun:"hashes"`
		Keywords   doc[[]string] `bun:"keywords"`
	}

	logRefRow struct {
		bun.BaseModel `bun:"table:mission_log_refs"`

		Log     string `bun:"log,pk"`
		Mission string `bun:"mission,pk"`
	}

	externalRow struct {
		bun.BaseModel `bun:"table:mission_external"`

		Mission    string            `bun:"mission,pk"`
		ID         string            `bun:"id,pk"`
		Data       doc[ExternalData] `bun:"data"`
		CreatorUID string            `bun:"creator_uid"`
		Time       int64             `bun:"time"`
	}

	feedRow struct {
		bun.BaseModel `bun:"table:mission_feeds"`

		Mission    string    `bun:"mission,pk"`
		UID        string    `bun:"uid,pk"`
		Data       doc[Feed] `bun:"data"`
		CreatorUID string    `bun:"creator_uid"`
		Creator    string    `bun:"creator"` // user whose rights it needs
		Time       int64     `bun:"time"`
	}

	mapLayerRow struct {
		bun.BaseModel `bun:"table:mission_map_layers"`

		Mission    string              `bun:"mission,pk"`
		UID        string              `bun:"uid,pk"`
		Data       doc[map[string]any] `bun:"data"`
		CreatorUID string              `bun:"creator_uid"`
		Time       int64               `bun:"time"`
		Layer      string              `bun:"layer"`
		Position   int64               `bun:"position"`
	}

	layerRow struct {
		bun.BaseModel `bun:"table:mission_layers"`

		Mission  string `bun:"mission,pk"`
		UID      string `bun:"uid,pk"`
		Name     string `bun:"name"`
		Type     string `bun:"type"`
		Parent   string `bun:"parent"`
		Position int64  `bun:"position"`
	}
)

// full returns s, or an empty list instead of nil: JSON must not hold null.
func full[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (m missionRow) defaultRole() Role {
	if m.DefaultRole == RoleNone {
		return RoleSubscriber
	}
	return m.DefaultRole
}

// protected reports whether the mission is closed to those without a token.
func (m missionRow) protected() bool { return m.Password != "" || m.InviteOnly }

// public returns the mission without what other tables hold of it.
func (m missionRow) public() Mission {
	exp := int64(-1)
	if m.Expires != 0 {
		exp = m.Expires / 1000
	}
	return Mission{
		Name: m.Name, Description: m.Description, ChatRoom: m.ChatRoom, BaseLayer: m.BaseLayer, BBox: m.BBox,
		BoundingPolygon: m.BoundingPolygon, Path: m.Path, Classification: m.Classification, Tool: m.Tool,
		Keywords: full(m.Keywords.V), CreatorUID: m.CreatorUID, Created: Time(m.Created), Edited: Time(m.Edited),
		ExternalData: []ExternalData{}, Feeds: []Feed{}, MapLayers: []MapLayer{}, DefaultRole: m.defaultRole(),
		InviteOnly: m.InviteOnly, Expiration: exp, GUID: m.GUID, UIDs: []Item{}, Contents: []Content{},
		Protected: m.Password != "", Groups: full(m.Groups.V), Creator: m.Creator, Parent: m.Parent,
	}
}

func (r itemRow) public() Item {
	return Item{UID: r.UID, Time: Time(r.Time), CreatorUID: r.CreatorUID, Keywords: full(r.Keywords.V), Details: r.Details.V,
		layer: r.Layer, position: r.Position}
}

func (r contentRow) public() Content {
	f := r.File.V
	f.Keywords = full(r.Keywords.V)
	return Content{File: f, Time: Time(r.Time), CreatorUID: r.CreatorUID, layer: r.Layer, position: r.Position}
}

func (r mapLayerRow) public() MapLayer {
	name, _ := r.Data.V["name"].(string)
	return MapLayer{UID: r.UID, CreatorUID: r.CreatorUID, Name: name, Fields: r.Data.V, layer: r.Layer, position: r.Position}
}

func (r changeRow) public(m missionRow) Change {
	c := r.Content.V
	return Change{Type: r.Type, MissionName: m.Name, MissionGUID: m.GUID, Time: Time(r.Time), ServerTime: Time(r.Time),
		CreatorUID: r.CreatorUID, ContentUID: c.UID, Details: c.Details, Resource: c.File, Feed: c.Feed}
}

func (r subRow) public(m missionRow) Subscription {
	return Subscription{ClientUID: r.ClientUID, Username: r.Username, Created: Time(r.Created), Role: r.Role,
		MissionName: m.Name, MissionGUID: m.GUID, Live: r.Live}
}

func (r invitationRow) public(m missionRow) Invitation {
	return Invitation{MissionName: m.Name, Invitee: r.Invitee, Type: r.Type, CreatorUID: r.CreatorUID, Created: Time(r.Created),
		Role: r.Role, MissionGUID: m.GUID}
}
