package murmur

import (
	"maps"
	"slices"

	"muster/voice/ice"
)

// User is somebody who is connected.
type User struct {
	Session         int32
	UserID          int32 // -1: a guest
	Mute, Deaf      bool  // by the server
	Suppress        bool  // may not speak in the channel
	PrioritySpeaker bool
	SelfMute        bool
	SelfDeaf        bool
	Recording       bool
	Channel         int32
	Name            string
	OnlineSecs      int32
	BytesPerSec     int32
	Version         int32 // major<<16 | minor<<8 | patch
	Version2        int64 // major<<48 | minor<<32 | patch<<16; 1.5 and later
	Release         string
	OS, OSVersion   string
	Identity        string // of the position plugin
	Context         string // likewise, base64
	Comment         string
	Address         []byte // 16 bytes
	TCPOnly         bool
	IdleSecs        int32
	UDPPing         float32 // ms
	TCPPing         float32 // ms
}

// leastUser is the shortest user on the wire.
const leastUser = 52

// Write writes u.
func (u User) Write(e *ice.Encoder, d Dialect) {
	e.Int(u.Session)
	e.Int(u.UserID)
	for _, b := range []bool{u.Mute, u.Deaf, u.Suppress, u.PrioritySpeaker, u.SelfMute, u.SelfDeaf, u.Recording} {
		e.Bool(b)
	}
	e.Int(u.Channel)
	e.String(u.Name)
	e.Int(u.OnlineSecs)
	e.Int(u.BytesPerSec)
	e.Int(u.Version)
	if d.Version2 {
		e.Long(u.Version2)
	}
	for _, s := range []string{u.Release, u.OS, u.OSVersion, u.Identity, u.Context, u.Comment} {
		e.String(s)
	}
	e.Blob(u.Address)
	e.Bool(u.TCPOnly)
	e.Int(u.IdleSecs)
	e.Float(u.UDPPing)
	e.Float(u.TCPPing)
}

// ReadUser reads a user.
func (d Dialect) ReadUser(r *ice.Decoder) User {
	u := User{Session: r.Int(), UserID: r.Int()}
	for _, b := range []*bool{&u.Mute, &u.Deaf, &u.Suppress, &u.PrioritySpeaker, &u.SelfMute, &u.SelfDeaf, &u.Recording} {
		*b = r.Bool()
	}
	u.Channel = r.Int()
	u.Name = r.String()
	u.OnlineSecs = r.Int()
	u.BytesPerSec = r.Int()
	u.Version = r.Int()
	if d.Version2 {
		u.Version2 = r.Long()
	}
	for _, s := range []*string{&u.Release, &u.OS, &u.OSVersion, &u.Identity, &u.Context, &u.Comment} {
		*s = r.String()
	}
	u.Address = r.Blob()
	u.TCPOnly = r.Bool()
	u.IdleSecs = r.Int()
	u.UDPPing = r.Float()
	u.TCPPing = r.Float()
	return u
}

// Channel is a channel.
type Channel struct {
	ID          int32 // 0: the root
	Name        string
	Parent      int32 // -1: none
	Links       []int32
	Description string
	Temporary   bool
	Position    int32
}

// Write writes c.
func (c Channel) Write(e *ice.Encoder) {
	e.Int(c.ID)
	e.String(c.Name)
	e.Int(c.Parent)
	e.Ints(c.Links)
	e.String(c.Description)
	e.Bool(c.Temporary)
	e.Int(c.Position)
}

// ReadChannel reads a channel.
func ReadChannel(r *ice.Decoder) Channel {
	return Channel{ID: r.Int(), Name: r.String(), Parent: r.Int(), Links: r.Ints(), Description: r.String(), Temporary: r.Bool(), Position: r.Int()}
}

const leastChannel = 16

// TextMessage is a text and whom it goes to.
type TextMessage struct {
	Sessions, Channels, Trees []int32
	Text                      string
}

// Write writes m.
func (m TextMessage) Write(e *ice.Encoder) {
	e.Ints(m.Sessions)
	e.Ints(m.Channels)
	e.Ints(m.Trees)
	e.String(m.Text)
}

// ReadTextMessage reads a text message.
func ReadTextMessage(r *ice.Decoder) TextMessage {
	return TextMessage{Sessions: r.Ints(), Channels: r.Ints(), Trees: r.Ints(), Text: r.String()}
}

// ACL is one entry of a channel's access list.
type ACL struct {
	ApplyHere, ApplySubs bool
	Inherited            bool  // read only
	UserID               int32 // -1: of Group
	Group                string
	Allow, Deny          int32
}

// Write writes a.
func (a ACL) Write(e *ice.Encoder) {
	e.Bool(a.ApplyHere)
	e.Bool(a.ApplySubs)
	e.Bool(a.Inherited)
	e.Int(a.UserID)
	e.String(a.Group)
	e.Int(a.Allow)
	e.Int(a.Deny)
}

// ReadACL reads an entry.
func ReadACL(r *ice.Decoder) ACL {
	return ACL{ApplyHere: r.Bool(), ApplySubs: r.Bool(), Inherited: r.Bool(), UserID: r.Int(), Group: r.String(), Allow: r.Int(), Deny: r.Int()}
}

const leastACL = 16

// Group is a group of a channel.
type Group struct {
	Name        string
	Inherited   bool // read only
	Inherit     bool // takes the members of the parent's group
	Inheritable bool // gives them to channels below
	Add, Remove []int32
	Members     []int32 // read only
}

// Write writes g.
func (g Group) Write(e *ice.Encoder) {
	e.String(g.Name)
	e.Bool(g.Inherited)
	e.Bool(g.Inherit)
	e.Bool(g.Inheritable)
	e.Ints(g.Add)
	e.Ints(g.Remove)
	e.Ints(g.Members)
}

// ReadGroup reads a group.
func ReadGroup(r *ice.Decoder) Group {
	return Group{Name: r.String(), Inherited: r.Bool(), Inherit: r.Bool(), Inheritable: r.Bool(), Add: r.Ints(), Remove: r.Ints(), Members: r.Ints()}
}

const leastGroup = 7

// Ban keeps a network out.
type Ban struct {
	Address  []byte // 16 bytes
	Bits     int32
	Name     string
	Hash     string
	Reason   string
	Start    int32 // Unix time
	Duration int32 // seconds; 0: for good
}

// Write writes b.
func (b Ban) Write(e *ice.Encoder) {
	e.Blob(b.Address)
	e.Int(b.Bits)
	e.String(b.Name)
	e.String(b.Hash)
	e.String(b.Reason)
	e.Int(b.Start)
	e.Int(b.Duration)
}

// ReadBan reads a ban.
func ReadBan(r *ice.Decoder) Ban {
	return Ban{Address: r.Blob(), Bits: r.Int(), Name: r.String(), Hash: r.String(), Reason: r.String(), Start: r.Int(), Duration: r.Int()}
}

const leastBan = 16

// LogEntry is a line of the log.
type LogEntry struct {
	Time int32 // Unix time
	Text string
}

// Write writes l.
func (l LogEntry) Write(e *ice.Encoder) {
	e.Int(l.Time)
	e.String(l.Text)
}

// Info names what is known of a registered user.
type Info byte

// The facts about a registered user.
const (
	InfoName Info = iota
	InfoEmail
	InfoComment
	InfoHash
	InfoPassword
	InfoLastActive
	InfoKDFIterations
)

// UserInfo is what is known of a registered user.
type UserInfo map[Info]string

// Write writes i, in order.
func (i UserInfo) Write(e *ice.Encoder) {
	e.Size(len(i))
	for _, k := range slices.Sorted(maps.Keys(i)) {
		e.Byte(byte(k))
		e.String(i[k])
	}
}

// ReadUserInfo reads facts about a user.
func ReadUserInfo(r *ice.Decoder) UserInfo {
	return ice.Dict(r, 2, func(r *ice.Decoder) Info { return Info(r.Byte()) }, (*ice.Decoder).String)
}

// Tree is a channel with what is in it.
type Tree struct {
	Channel  Channel
	Children []*Tree
	Users    []User
}

// Permissions, in allow and deny of an ACL.
const (
	PermissionWrite           = 0x1
	PermissionTraverse        = 0x2
	PermissionEnter           = 0x4
	PermissionSpeak           = 0x8
	PermissionMuteDeafen      = 0x10
	PermissionMove            = 0x20
	PermissionMakeChannel     = 0x40
	PermissionLinkChannel     = 0x80
	PermissionWhisper         = 0x100
	PermissionTextMessage     = 0x200
	PermissionMakeTempChannel = 0x400
	PermissionListen          = 0x800 // 1.4 and later
	PermissionKick            = 0x10000
	PermissionBan             = 0x20000
	PermissionRegister        = 0x40000
	PermissionRegisterSelf    = 0x80000
)

// WriteSeq writes a sequence.
func WriteSeq[T interface{ Write(*ice.Encoder) }](e *ice.Encoder, s []T) {
	e.Size(len(s))
	for _, v := range s {
		v.Write(e)
	}
}

// WriteDict writes a dictionary in the order of its keys.
func WriteDict[V any](e *ice.Encoder, m map[int32]V, value func(V)) {
	e.Size(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.Int(k)
		value(m[k])
	}
}

// WriteStrings writes a dictionary of strings in the order of its keys.
func WriteStrings(e *ice.Encoder, m map[string]string) {
	e.Size(len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.String(k)
		e.String(m[k])
	}
}

// WriteTree writes the whole of t as an instance of the class Tree (encoding 1.0:
// instances stand behind all parameters, and are referred to by negative number).
func WriteTree(e *ice.Encoder, t *Tree, d Dialect) {
	var all []*Tree
	number := make(map[*Tree]int32)
	var walk func(*Tree)
	walk = func(t *Tree) {
		all = append(all, t)
		number[t] = int32(len(all))
		for _, c := range t.Children {
			walk(c)
		}
	}
	walk(t)
	e.Int(-1)
	e.Size(len(all))
	for i, t := range all {
		e.Int(int32(i + 1))
		e.Slice(d.Type("Tree"), func() {
			t.Channel.Write(e)
			e.Size(len(t.Children))
			for _, c := range t.Children {
				e.Int(-number[c])
			}
			e.Size(len(t.Users))
			for _, u := range t.Users {
				u.Write(e, d)
			}
		})
		e.Slice("::Ice::Object", func() { e.Size(0) })
	}
	e.Size(0) // no more instances
}

// ReadBans reads a list of bans.
func ReadBans(r *ice.Decoder) []Ban { return ice.Seq(r, leastBan, ReadBan) }
