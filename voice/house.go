package voice

import (
	"context"
	"crypto/x509"
	"time"

	"muster/internal/auth"
)

// Authenticator turns what a client showed into an identity: *auth.Service.
type Authenticator interface {
	Authenticate(ctx context.Context, p auth.Proof) (auth.Identity, error)
}

// Certificates says whether a client's certificates, the leaf first, are of our
// authority, made for clients and neither expired nor revoked: *pki.Authority.
// Mumble clients show certificates that they made themselves, so TLS cannot
// refuse those of others.
type Certificates interface {
	VerifyClient(chain []*x509.Certificate) error
}

// Entry is a permanent channel: a group of the house or a room.
type Entry struct {
	Key         string // names it for good and is never shown, such as "group/blue" or "rooms/ops"
	Name        string // as clients show it; made unique where it is not
	Description string // may be empty
	Position    int32  // channels are shown in rising order of it, and by name
	MaxUsers    uint32 // 0: no limit of its own
	Floor       bool   // one speaks at a time: the bridge says whether a packet is heard
	Closed      bool   // who enters waits for a word of the bridge, Server.Hold, and nothing is said or heard from outside

	// Resource is what the rights are asked for: auth.Read is to hear the channel
	// (OUT), auth.Publish to speak in it (IN). Who has neither does not see it.
	Resource auth.Resource
}

// Directory knows the permanent channels.
type Directory interface {
	// Channels returns them all. It may take its time.
	Channels(ctx context.Context) ([]Entry, error)
	// Watch calls changed whenever Channels may have another answer, until stop is
	// called. changed does not block.
	Watch(changed func()) (stop func())
}

// People knows the names of all accounts, for the dialogs of the desktop client.
type People interface {
	Names(ctx context.Context) ([]string, error)
}

// BanList keeps the bans over restarts.
type BanList interface {
	LoadBans(ctx context.Context) ([]Ban, error)
	SaveBans(ctx context.Context, all []Ban) error
}

// Ban keeps one account or one certificate out of the voice server. There are no
// bans of addresses: behind one is often a whole unit.
type Ban struct {
	User   string        `json:"user,omitempty"` // login name
	Hash   string        `json:"hash,omitempty"` // SHA-1 of the certificate, in hex, as Mumble clients show it
	Name   string        `json:"name,omitempty"` // what the user was called
	Reason string        `json:"reason,omitempty"`
	Start  time.Time     `json:"start"`
	Length time.Duration `json:"length"` // 0: for good
}

// Member is a Mumble user in a permanent channel, as a Bridge sees it.
type Member struct {
	Session  uint32
	Channel  string        // Entry.Key
	Name     string        // as shown
	Identity auth.Identity // at the login, or with the rights of the last change
	Comment  string
	Agent    string // what the client calls itself
	Muted    bool   // cannot be heard: muted by itself, by others, or without the right
	Deaf     bool   // does not hear
	Priority bool   // a moderator made it a priority speaker

	visit uint64 // counts how often it has entered a channel
}

// Held is how the bridge keeps a member back.
type Held struct {
	Waits   bool // neither hears nor is heard, and reads nothing, until it is let in
	Listens bool // hears, and is not heard
}

// Packet is one voice packet. Opus is valid during the call only.
type Packet struct {
	Seq  uint64 // in units of 10 ms; gaps are silence or loss, and it may start again with each burst
	Opus []byte // 10, 20, 40 or 60 ms; empty on a bare end of a burst
	Last bool   // the talker has let go of the key
}

// Bridge is told what Mumble users do in permanent channels, so that they appear
// in the room that belongs to each. What seats do is not among it: a frame is
// never returned to where it came from. Whispers, what is said in temporary
// channels, and what comes over a link or from a listener's channel are not either.
//
// Joined, Left and Changed are called from one goroutine, in order per member;
// each member that joined is said to have left. When a member changes faster than
// they return, states in between are left out. Voice is called from the goroutine
// that read the packet, for many members at a time: it must not block, and what it
// cannot take at once it drops. A packet may come before Joined or after Left;
// it is to be dropped.
type Bridge interface {
	Joined(m Member)
	Left(m Member)
	Changed(m Member)
	// Voice returns whether those in the channel may hear the packet, which counts
	// where Entry.Floor is set.
	Voice(session uint32, channel string, p Packet) bool
	Text(m Member, text string) // plain text said to the channel
}
