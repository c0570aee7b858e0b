package wire

// The permissions in a channel.
const (
	Write            = 0x1
	Traverse         = 0x2
	Enter            = 0x4
	Speak            = 0x8
	MuteDeafen       = 0x10
	Move             = 0x20
	MakeChannel      = 0x40
	LinkChannel      = 0x80
	Whisper          = 0x100
	Text             = 0x200
	MakeTemporary    = 0x400
	Listen           = 0x800
	Kick             = 0x10000 // this and what follows is asked for in the root channel
	BanUsers         = 0x20000
	Register         = 0x40000
	RegisterSelf     = 0x80000
	ResetUserContent = 0x100000
)

// PermissionQuery asks for the permissions in a channel, tells them, or tells the
// client to forget all it knows.
type PermissionQuery struct {
	Channel     *uint32
	Permissions *uint32
	Flush       *bool
}

// Type implements Message.
func (*PermissionQuery) Type() Type { return TypePermissionQuery }

func (m *PermissionQuery) fields(c *coder) {
	c.uint32(1, &m.Channel)
	c.uint32(2, &m.Permissions)
	c.bool(3, &m.Flush)
}

// The reasons of a PermissionDenied.
const (
	DeniedText               = 0
	DeniedPermission         = 1
	DeniedSuperUser          = 2
	DeniedChannelName        = 3
	DeniedTextTooLong        = 4
	DeniedTemporary          = 6
	DeniedMissingCertificate = 7
	DeniedUserName           = 8
	DeniedChannelFull        = 9
	DeniedNesting            = 10
	DeniedChannelCount       = 11
	DeniedListenerLimit      = 13 // of the user
)

// PermissionDenied refuses what a client asked for.
type PermissionDenied struct {
	Permission *uint32
	Channel    *uint32
	Session    *uint32
	Reason     *string
	Denied     *uint32
	Name       *string
}

// Type implements Message.
func (*PermissionDenied) Type() Type { return TypePermissionDenied }

func (m *PermissionDenied) fields(c *coder) {
	c.uint32(1, &m.Permission)
	c.uint32(2, &m.Channel)
	c.uint32(3, &m.Session)
	c.string(4, &m.Reason)
	c.uint32(5, &m.Denied)
	c.string(6, &m.Name)
}

// ACL is the access list of a channel: asked for, told, or set.
type ACL struct {
	Channel *uint32
	Inherit *bool
	Groups  []ACLGroup
	Rules   []ACLRule
	Query   *bool
}

// Type implements Message.
func (*ACL) Type() Type { return TypeACL }

func (m *ACL) fields(c *coder) {
	c.uint32(1, &m.Channel)
	c.bool(2, &m.Inherit)
	parts(c, 3, &m.Groups)
	parts(c, 4, &m.Rules)
	c.bool(5, &m.Query)
}

// ACLGroup is a group of users that a channel defines.
type ACLGroup struct {
	Name             *string
	Inherited        *bool
	Inherit          *bool
	Inheritable      *bool
	Add              []uint32
	Remove           []uint32
	InheritedMembers []uint32
}

func (m *ACLGroup) fields(c *coder) {
	c.string(1, &m.Name)
	c.bool(2, &m.Inherited)
	c.bool(3, &m.Inherit)
	c.bool(4, &m.Inheritable)
	c.uint32s(5, &m.Add)
	c.uint32s(6, &m.Remove)
	c.uint32s(7, &m.InheritedMembers)
}

// ACLRule grants to or denies a user or group.
type ACLRule struct {
	Here      *bool // applies in this channel
	Below     *bool // applies in the channels below
	Inherited *bool
	UserID    *uint32
	Group     *string
	Grant     *uint32
	Deny      *uint32
}

func (m *ACLRule) fields(c *coder) {
	c.bool(1, &m.Here)
	c.bool(2, &m.Below)
	c.bool(3, &m.Inherited)
	c.uint32(4, &m.UserID)
	c.string(5, &m.Group)
	c.uint32(6, &m.Grant)
	c.uint32(7, &m.Deny)
}

// QueryUsers turns names of registered users into ids and ids into names.
type QueryUsers struct {
	IDs   []uint32
	Names []string
}

// Type implements Message.
func (*QueryUsers) Type() Type { return TypeQueryUsers }

func (m *QueryUsers) fields(c *coder) {
	c.uint32s(1, &m.IDs)
	c.strings(2, &m.Names)
}

// UserList is the list of registered users: asked for, told, or changed.
type UserList struct{ Users []ListedUser }

// Type implements Message.
func (*UserList) Type() Type { return TypeUserList }

func (m *UserList) fields(c *coder) { parts(c, 1, &m.Users) }

// ListedUser is a registered user.
type ListedUser struct {
	ID          *uint32
	Name        *string
	LastSeen    *string
	LastChannel *uint32
}

func (m *ListedUser) fields(c *coder) {
	c.uint32(1, &m.ID)
	c.string(2, &m.Name)
	c.string(3, &m.LastSeen)
	c.uint32(4, &m.LastChannel)
}

// BanList is the list of bans: asked for, told, or set.
type BanList struct {
	Bans  []BanEntry
	Query *bool
}

// Type implements Message.
func (*BanList) Type() Type { return TypeBanList }

func (m *BanList) fields(c *coder) {
	parts(c, 1, &m.Bans)
	c.bool(2, &m.Query)
}

// BanEntry is one ban.
type BanEntry struct {
	Address  []byte // 16 bytes, IPv4 mapped into IPv6
	Mask     *uint32
	Name     *string
	Hash     *string
	Reason   *string
	Start    *string
	Duration *uint32 // seconds; 0: for good
}

func (m *BanEntry) fields(c *coder) {
	c.blob(1, &m.Address)
	c.uint32(2, &m.Mask)
	c.string(3, &m.Name)
	c.string(4, &m.Hash)
	c.string(5, &m.Reason)
	c.string(6, &m.Start)
	c.uint32(7, &m.Duration)
}

// UserStats is what the information dialog of a user shows.
type UserStats struct {
	Session      *uint32
	StatsOnly    *bool
	Certificates [][]byte
	FromClient   *PacketCounts
	FromServer   *PacketCounts
	UDPPackets   *uint32
	TCPPackets   *uint32
	UDPPingAvg   *float32
	UDPPingVar   *float32
	TCPPingAvg   *float32
	TCPPingVar   *float32
	Version      *Version
	Celt         []int32
	Address      []byte
	Bandwidth    *uint32
	Online       *uint32 // seconds
	Idle         *uint32 // seconds
	StrongCert   *bool
	Opus         *bool
}

// Type implements Message.
func (*UserStats) Type() Type { return TypeUserStats }

func (m *UserStats) fields(c *coder) {
	c.uint32(1, &m.Session)
	c.bool(2, &m.StatsOnly)
	c.blobs(3, &m.Certificates)
	one(c, 4, &m.FromClient)
	one(c, 5, &m.FromServer)
	c.uint32(6, &m.UDPPackets)
	c.uint32(7, &m.TCPPackets)
	c.float(8, &m.UDPPingAvg)
	c.float(9, &m.UDPPingVar)
	c.float(10, &m.TCPPingAvg)
	c.float(11, &m.TCPPingVar)
	one(c, 12, &m.Version)
	c.int32s(13, &m.Celt)
	c.blob(14, &m.Address)
	c.uint32(15, &m.Bandwidth)
	c.uint32(16, &m.Online)
	c.uint32(17, &m.Idle)
	c.bool(18, &m.StrongCert)
	c.bool(19, &m.Opus)
}

// PacketCounts counts voice packets by UDP.
type PacketCounts struct{ Good, Late, Lost, Resync *uint32 }

func (m *PacketCounts) fields(c *coder) {
	c.uint32(1, &m.Good)
	c.uint32(2, &m.Late)
	c.uint32(3, &m.Lost)
	c.uint32(4, &m.Resync)
}
