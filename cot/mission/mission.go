package mission

import (
	"encoding/json"
	"errors"
	"time"

	"muster/internal/auth"
)

// Time is milliseconds since 1970; in JSON 2026-03-01T12:00:00.000Z.
type Time int64

const timeForm = "2006-01-02T15:04:05.000Z"

// String returns the time as Marti and CoT write it.
func (t Time) String() string { return time.UnixMilli(int64(t)).UTC().Format(timeForm) }

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts RFC 3339; an empty text is zero.
func (t *Time) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*t = 0
		return nil
	}
	v, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return errors.New("a time is not written like 2026-03-01T12:00:00.000Z")
	}
	*t = Time(v.UnixMilli())
	return nil
}

// Mission is a named container of CoT uids, files and more. It belongs to
// groups: who reads one of them sees it. Its JSON form, and that of everything in
// it, is Marti's; no field is ever null.
type Mission struct {
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	ChatRoom        string         `json:"chatRoom"`
	BaseLayer       string         `json:"baseLayer"`
	BBox            string         `json:"bbox"`
	BoundingPolygon string         `json:"boundingPolygon"`
	Path            string         `json:"path"`
	Classification  string         `json:"classification"`
	Tool            string         `json:"tool"`
	Keywords        []string       `json:"keywords"`
	CreatorUID      string         `json:"creatorUid"`
	Created         Time           `json:"createTime"`
	Edited          Time           `json:"lastEdited"`
	ExternalData    []ExternalData `json:"externalData"`
	Feeds           []Feed         `json:"feeds"`
	MapLayers       []MapLayer     `json:"mapLayers"`
	DefaultRole     Role           `json:"defaultRole"`
	InviteOnly      bool           `json:"inviteOnly"`
	Expiration      int64          `json:"expiration"` // seconds since 1970; -1: never
	GUID            string         `json:"guid"`
	UIDs            []Item         `json:"uids"`
	Contents        []Content      `json:"contents"`
	Protected       bool           `json:"passwordProtected"`
	Groups          []string       `json:"groups"`

	// Set where the caller asked for them.
	Token     string      `json:"token,omitempty"`     // of the creator's subscription
	OwnerRole Role        `json:"ownerRole,omitempty"` // of the creator
	Changes   *[]Change   `json:"missionChanges,omitempty"`
	Logs      *[]LogEntry `json:"logs,omitempty"`

	Creator     string `json:"-"` // user
	Parent      string `json:"-"` // guid, or ""
	Role        Role   `json:"-"` // of who asked; RoleNone is none
	Subscribers int    `json:"-"` // stored subscriptions
}

// Item is a CoT uid in a mission.
type Item struct {
	UID        string   `json:"data"`
	Time       Time     `json:"timestamp"`
	CreatorUID string   `json:"creatorUid"`
	Keywords   []string `json:"keywords"`
	Details    *Details `json:"details,omitempty"` // nil while no event of it is known

	layer    string
	position int64
}

// Details is what lists show of an event.
type Details struct {
	Type        string    `json:"type"`
	Callsign    string    `json:"callsign"`
	Title       string    `json:"title,omitempty"`
	Color       string    `json:"color,omitempty"`
	IconsetPath string    `json:"iconsetPath,omitempty"`
	Location    *Location `json:"location,omitempty"`
}

// Location is in WGS-84 degrees.
type Location struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Content is a file in a mission.
type Content struct {
	File       File   `json:"data"`
	Time       Time   `json:"timestamp"`
	CreatorUID string `json:"creatorUid"`

	layer    string
	position int64
}

// File is what is known of a stored file: Marti's Resource.
type File struct {
	Filename   string   `json:"filename"`
	Keywords   []string `json:"keywords"`
	MIME       string   `json:"mimeType"`
	Name       string   `json:"name"`
	Submitted  Time     `json:"submissionTime"`
	Submitter  string   `json:"submitter"` // user
	UID        string   `json:"uid"`
	CreatorUID string   `json:"creatorUid"`
	Hash       string   `json:"hash"` // SHA-256, lower-case hex
	Size       int64    `json:"size"`
	Expiration int64    `json:"expiration"` // seconds since 1970; -1: never
	Tool       string   `json:"tool,omitempty"`
	Groups     []string `json:"-"`
}

// ExternalData is a pointer to data that another system keeps.
type ExternalData struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Tool       string `json:"tool"`
	URLData    string `json:"urlData"`
	URLView    string `json:"urlView"`
	Notes      string `json:"notes"`
	UID        string `json:"uid"`
	CreatorUID string `json:"creatorUid"`
}

// Feed lets the events of a group into a mission, for subscribers who do not read
// the group themselves. DataFeedUID is the group's name.
type Feed struct {
	UID            string   `json:"uid"`
	DataFeedUID    string   `json:"dataFeedUid"`
	Name           string   `json:"name"`
	FilterPolygon  string   `json:"filterPolygon"`  // WKT; empty: everywhere
	FilterCotTypes []string `json:"filterCotTypes"` // prefixes; empty: all
	FilterCallsign string   `json:"filterCallsign"` // part of the callsign; empty: all
	CreatorUID     string   `json:"creatorUid"`
}

// MapLayer is a source of map tiles. Its fields are Marti's and kept as the
// client sent them; UID, CreatorUID and the times are ours.
type MapLayer struct {
	UID        string
	CreatorUID string
	Name       string
	Fields     map[string]any

	layer    string
	position int64
}

// MarshalJSON implements json.Marshaler.
func (l MapLayer) MarshalJSON() ([]byte, error) { return json.Marshal(l.Fields) }

// Change is one entry of a mission's history. For a file Resource is set, for an
// event ContentUID and Details, for a feed Feed; for CREATE and DELETE none.
type Change struct {
	Federated   bool       `json:"isFederatedChange"`
	Type        ChangeType `json:"type"`
	MissionName string     `json:"missionName"`
	MissionGUID string     `json:"missionGuid"`
	Time        Time       `json:"timestamp"`
	ServerTime  Time       `json:"serverTime"`
	CreatorUID  string     `json:"creatorUid"`
	ContentUID  string     `json:"contentUid,omitempty"`
	Details     *Details   `json:"details,omitempty"`
	Resource    *File      `json:"contentResource,omitempty"`
	Feed        *Feed      `json:"missionFeed,omitempty"`
}

// ChangeType is what a change did.
type ChangeType int

// The kinds of change. TAK Server stores the ordinal: the order is fixed.
const (
	CreateMission ChangeType = iota
	DeleteMission
	AddContent
	RemoveContent
	CreateDataFeed
	DeleteDataFeed
)

var changeNames = []string{"CREATE_MISSION", "DELETE_MISSION", "ADD_CONTENT", "REMOVE_CONTENT", "CREATE_DATA_FEED", "DELETE_DATA_FEED"}

func (t ChangeType) String() string {
	if t < 0 || int(t) >= len(changeNames) {
		return "UNKNOWN"
	}
	return changeNames[t]
}

// MarshalText implements encoding.TextMarshaler.
func (t ChangeType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogEntry is a dated note that belongs to one or more missions.
type LogEntry struct {
	ID            string   `json:"id"`
	Content       string   `json:"content"`
	CreatorUID    string   `json:"creatorUid"`
	EntryUID      string   `json:"entryUid"`
	MissionNames  []string `json:"missionNames"`
	ServerTime    Time     `json:"servertime"`
	DTG           Time     `json:"dtg"` // when what it tells of happened
	Created       Time     `json:"created"`
	ContentHashes []string `json:"contentHashes"`
	Keywords      []string `json:"keywords"`

	guids []string
}

// Subscription is a device's stored interest in a mission.
type Subscription struct {
	Token       string   `json:"token,omitempty"`
	ClientUID   string   `json:"clientUid"`
	Username    string   `json:"username"`
	Created     Time     `json:"createTime"`
	Role        Role     `json:"role"`
	Mission     *Mission `json:"mission,omitempty"` // where the client asked for it
	MissionName string   `json:"-"`
	MissionGUID string   `json:"-"`
	Live        bool     `json:"-"` // changes are sent to it
	Connected   bool     `json:"-"`
	Callsign    string   `json:"-"` // while connected
}

// Invitation lets somebody into a mission with a role.
type Invitation struct {
	MissionName string `json:"missionName"`
	Invitee     string `json:"invitee"`
	Type        string `json:"type"` // one of InviteTypes
	CreatorUID  string `json:"creatorUid"`
	Created     Time   `json:"createTime"`
	Token       string `json:"token,omitempty"`
	Role        Role   `json:"role"`
	MissionGUID string `json:"missionGuid"`
}

// Layer orders the contents of a mission.
type Layer struct {
	Name      string     `json:"name"`
	Type      string     `json:"type"` // one of LayerTypes
	ParentUID string     `json:"parentUid,omitempty"`
	UID       string     `json:"uid"`
	Layers    []Layer    `json:"mission_layers,omitempty"`
	UIDs      []Item     `json:"uids,omitempty"`
	Contents  []Content  `json:"contents,omitempty"`
	MapLayers []MapLayer `json:"maplayers,omitempty"`

	position int64
}

// Ref names a mission, by GUID or else by Name.
type Ref struct{ Name, GUID string }

// Caller is who asks for something, and how.
type Caller struct {
	Identity auth.Identity
	UID      string // of the device in whose name it is done (creatorUid), or ""
	Token    string // mission token, or ""
	// Own makes the subscriptions of the same user count without a token. Marti
	// wants a token; the pages have none and no need of one.
	Own bool
}
