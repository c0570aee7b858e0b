package mcu

import (
	"time"

	"muster/media/mcu/floor"
)

// Event is something that happened in a room, as its participants are told.
// Data is one of the types named at the constants; it is not changed any more.
type Event struct {
	Type string
	Data any
}

// The types of events. docs/room-protocol.md describes them to clients.
const (
	EventState       = "state"       // State: everything there is, after entering or being let in
	EventParticipant = "participant" // Member: somebody is new or has changed
	EventLeft        = "left"        // Left
	EventTrack       = "track"       // TrackInfo: a picture is new or has changed
	EventUntrack     = "untrack"     // Untrack: a picture is gone
	EventSpeakers    = "speakers"    // Speakers: who is heard
	EventFloor       = "floor"       // FloorState: who may be heard, in a room with floor control
	EventBusy        = "busy"        // Busy: you talk in vain
	EventRoom        = "room"        // View of the room's settings
	EventChat        = "chat"        // Chat
	EventMuted       = "muted"       // Muted: a host has muted you, or asks you to speak
	EventMove        = "move"        // Move: go to another room
)

// Member is a participant as the others see it.
type Member struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	User    string    `json:"user,omitempty"` // account; empty for guests
	Kind    Kind      `json:"kind"`
	Role    Role      `json:"role"`
	Waiting bool      `json:"waiting,omitempty"` // in the lobby; only hosts are told
	Listens bool      `json:"listens,omitempty"` // wants to hear only, whatever its role
	Muted   bool      `json:"muted"`             // sends no sound
	Hand    time.Time `json:"hand,omitzero"`     // raised since
	Since   time.Time `json:"since"`
	Via     string    `json:"-"` // see JoinRequest

	Emergency bool `json:"emergency,omitempty"` // goes before everybody where one speaks at a time
}

// TrackInfo is a picture that participants can ask for.
type TrackInfo struct {
	ID          string      `json:"id"`
	Participant string      `json:"participant"`
	Source      VideoSource `json:"source"`
	Codec       string      `json:"codec"`
	Layers      []LayerInfo `json:"layers"` // smallest first
}

// LayerInfo is one resolution in which a picture is sent.
type LayerInfo struct {
	Width  int `json:"width,omitempty"` // pixels; 0: not known yet
	Height int `json:"height,omitempty"`
}

// Left says that a participant is gone.
type Left struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
}

// Untrack says that a picture is gone.
type Untrack struct {
	ID string `json:"id"`
}

// Speakers says who is heard in which of the receivers' audio slots, and who of
// them leads. Slots holds participants' ids, "" for a free slot.
type Speakers struct {
	Active string   `json:"active"`
	Slots  []string `json:"slots"`
}

// FloorState says who may be heard where one speaks at a time.
type FloorState struct {
	Holder    string    `json:"holder"` // participant; "": nobody talks, or everybody may
	Since     time.Time `json:"since,omitzero"`
	Until     time.Time `json:"until,omitzero"` // zero: there is no limit
	Emergency bool      `json:"emergency,omitempty"`
}

// Busy tells a participant that it talks and is not heard, or that it has let go.
type Busy struct {
	On     bool         `json:"on"`
	Reason floor.Reason `json:"reason,omitempty"`
	By     string       `json:"-"` // the name of who has the floor, for legs that keep no list of who is there
}

// View is a room's settings as its participants see them.
type View struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	Groups    []string  `json:"groups"`
	Stream    string    `json:"stream"`
	Number    string    `json:"number,omitempty"`
	PIN       string    `json:"pin,omitempty"` // hosts only
	Lobby     bool      `json:"lobby"`
	Locked    bool      `json:"locked"`
	Recording bool      `json:"recording"`
	Watching  int       `json:"watching"` // how many receive the room's stream
	Layout    Layout    `json:"layout"`
	Cells     []Cell    `json:"cells,omitempty"` // of LayoutCustom
	Ends      time.Time `json:"ends,omitzero"`
	Floor     int       `json:"floor"`  // most seconds that one may talk; 0: no floor control
	Replay    int       `json:"replay"` // seconds of speech that are kept; 0: none

	Parent      string         `json:"parent,omitempty"` // of a breakout room
	ParentTitle string         `json:"parentTitle,omitempty"`
	Breakouts   []BreakoutView `json:"breakouts,omitempty"` // of this room, or beside it
	Free        bool           `json:"free,omitempty"`      // everybody may move between them
}

// BreakoutView is a breakout room as those see it who may move there.
type BreakoutView struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Present int    `json:"present"`
	// People are those who are in, longest first; only hosts are told.
	People []BreakoutPerson `json:"people,omitempty"`
}

// BreakoutPerson is somebody in a breakout room, as hosts outside see it.
type BreakoutPerson struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Hand bool   `json:"hand,omitempty"` // raised: help is wanted
}

// Move asks a participant to enter another room.
type Move struct {
	Room  string    `json:"room"`
	Title string    `json:"title"`
	Pass  string    `json:"pass"`  // JoinRequest.Pass: lets this participant in once
	Until time.Time `json:"until"` // the pass is good before
	Back  bool      `json:"back"`  // to the room that this one was split from
}

// Chat is a message to everybody in the room, or to one.
type Chat struct {
	ID   string    `json:"id"`
	From string    `json:"from"` // participant
	Name string    `json:"name"` // of the sender, who may have left
	To   string    `json:"to,omitempty"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`

	Announced bool `json:"announced,omitempty"` // a host tells all breakout rooms at once

	// Notice is what a message of the server itself says, for clients that put it
	// into words of their own; From is empty then. nil: somebody has said it.
	Notice *Notice `json:"notice,omitempty"`
}

// Notice is what the server says in a room about an emergency.
type Notice struct {
	Type     NoticeType `json:"type"`
	Kind     string     `json:"kind"` // of the emergency: "911 Alert"
	Callsign string     `json:"callsign"`
}

// NoticeType says what has become of an emergency.
type NoticeType string

// The types of notices.
const (
	NoticeEmergency NoticeType = "emergency" // it began
	NoticeCancelled NoticeType = "cancelled"
)

// Muted tells a participant that a host has switched its microphone off, or
// asks it to switch it on, which only its own hand may do.
type Muted struct {
	Muted bool `json:"muted"`
}

// State is everything a participant is told when it gets in.
type State struct {
	Self         string      `json:"self"` // own participant id
	Waiting      bool        `json:"waiting"`
	Room         View        `json:"room"`
	Participants []Member    `json:"participants"`
	Tracks       []TrackInfo `json:"tracks"`
	Speakers     Speakers    `json:"speakers"`
	Floor        FloorState  `json:"floor"`
	Chat         []Chat      `json:"chat"`
}
