package wire

// ChannelState describes a channel; absent fields have not changed.
type ChannelState struct {
	ID              *uint32
	Parent          *uint32
	Name            *string
	Links           []uint32
	Description     *string
	LinksAdd        []uint32
	LinksRemove     []uint32
	Temporary       *bool
	Position        *int32
	DescriptionHash []byte
	MaxUsers        *uint32
	EnterRestricted *bool
	CanEnter        *bool
}

// Type implements Message.
func (*ChannelState) Type() Type { return TypeChannelState }

func (m *ChannelState) fields(c *coder) {
	c.uint32(1, &m.ID)
	c.uint32(2, &m.Parent)
	c.string(3, &m.Name)
	c.uint32s(4, &m.Links)
	c.string(5, &m.Description)
	c.uint32s(6, &m.LinksAdd)
	c.uint32s(7, &m.LinksRemove)
	c.bool(8, &m.Temporary)
	c.int32(9, &m.Position)
	c.blob(10, &m.DescriptionHash)
	c.uint32(11, &m.MaxUsers)
	c.bool(12, &m.EnterRestricted)
	c.bool(13, &m.CanEnter)
}

// ChannelRemove removes a channel.
type ChannelRemove struct{ ID *uint32 }

// Type implements Message.
func (*ChannelRemove) Type() Type { return TypeChannelRemove }

func (m *ChannelRemove) fields(c *coder) { c.uint32(1, &m.ID) }

// UserState describes a user; absent fields have not changed.
type UserState struct {
	Session         *uint32
	Actor           *uint32
	Name            *string
	UserID          *uint32 // of registered users
	Channel         *uint32
	Mute            *bool
	Deaf            *bool
	Suppress        *bool
	SelfMute        *bool
	SelfDeaf        *bool
	Texture         []byte
	PluginContext   []byte
	PluginIdentity  *string
	Comment         *string
	Hash            *string
	CommentHash     []byte
	TextureHash     []byte
	PrioritySpeaker *bool
	Recording       *bool
	Tokens          []string
	ListenAdd       []uint32
	ListenRemove    []uint32
	ListenVolumes   []ListenVolume
}

// Type implements Message.
func (*UserState) Type() Type { return TypeUserState }

func (m *UserState) fields(c *coder) {
	c.uint32(1, &m.Session)
	c.uint32(2, &m.Actor)
	c.string(3, &m.Name)
	c.uint32(4, &m.UserID)
	c.uint32(5, &m.Channel)
	c.bool(6, &m.Mute)
	c.bool(7, &m.Deaf)
	c.bool(8, &m.Suppress)
	c.bool(9, &m.SelfMute)
	c.bool(10, &m.SelfDeaf)
	c.blob(11, &m.Texture)
	c.blob(12, &m.PluginContext)
	c.string(13, &m.PluginIdentity)
	c.string(14, &m.Comment)
	c.string(15, &m.Hash)
	c.blob(16, &m.CommentHash)
	c.blob(17, &m.TextureHash)
	c.bool(18, &m.PrioritySpeaker)
	c.bool(19, &m.Recording)
	c.strings(20, &m.Tokens)
	c.uint32s(21, &m.ListenAdd)
	c.uint32s(22, &m.ListenRemove)
	parts(c, 23, &m.ListenVolumes)
}

// ListenVolume is how loud a user wants to hear a channel it listens to.
type ListenVolume struct {
	Channel *uint32
	Factor  *float32
}

func (m *ListenVolume) fields(c *coder) {
	c.uint32(1, &m.Channel)
	c.float(2, &m.Factor)
}

// UserRemove says that a user is gone, or asks for it.
type UserRemove struct {
	Session *uint32
	Actor   *uint32
	Reason  *string
	Ban     *bool
}

// Type implements Message.
func (*UserRemove) Type() Type { return TypeUserRemove }

func (m *UserRemove) fields(c *coder) {
	c.uint32(1, &m.Session)
	c.uint32(2, &m.Actor)
	c.string(3, &m.Reason)
	c.bool(4, &m.Ban)
}

// TextMessage is a text to users, channels, or channels with all below them.
type TextMessage struct {
	Actor    *uint32
	Sessions []uint32
	Channels []uint32
	Trees    []uint32
	Text     *string
}

// Type implements Message.
func (*TextMessage) Type() Type { return TypeTextMessage }

func (m *TextMessage) fields(c *coder) {
	c.uint32(1, &m.Actor)
	c.uint32s(2, &m.Sessions)
	c.uint32s(3, &m.Channels)
	c.uint32s(4, &m.Trees)
	c.string(5, &m.Text)
}

// VoiceTarget defines where voice packets with target ID go.
type VoiceTarget struct {
	ID      *uint32 // 1 to 30
	Targets []Target
}

// Type implements Message.
func (*VoiceTarget) Type() Type { return TypeVoiceTarget }

func (m *VoiceTarget) fields(c *coder) {
	c.uint32(1, &m.ID)
	parts(c, 2, &m.Targets)
}

// Target is one part of a VoiceTarget.
type Target struct {
	Sessions []uint32
	Channel  *uint32
	Group    *string
	Links    *bool
	Children *bool
}

func (m *Target) fields(c *coder) {
	c.uint32s(1, &m.Sessions)
	c.uint32(2, &m.Channel)
	c.string(3, &m.Group)
	c.bool(4, &m.Links)
	c.bool(5, &m.Children)
}

// RequestBlob asks for what was announced by its hash only.
type RequestBlob struct {
	Textures     []uint32 // sessions
	Comments     []uint32 // sessions
	Descriptions []uint32 // channels
}

// Type implements Message.
func (*RequestBlob) Type() Type { return TypeRequestBlob }

func (m *RequestBlob) fields(c *coder) {
	c.uint32s(1, &m.Textures)
	c.uint32s(2, &m.Comments)
	c.uint32s(3, &m.Descriptions)
}

// ContextAction says that a user has chosen an entry of a menu.
type ContextAction struct {
	Session *uint32 // who it was chosen for; absent: nobody
	Channel *uint32 // likewise
	Action  *string
}

// Type implements Message.
func (*ContextAction) Type() Type { return TypeContextAction }

func (m *ContextAction) fields(c *coder) {
	c.uint32(1, &m.Session)
	c.uint32(2, &m.Channel)
	c.string(3, &m.Action)
}

// Where an entry of a menu stands, or-ed, and what happens to it.
const (
	MenuServer  = 1
	MenuChannel = 2
	MenuUser    = 4

	MenuAdd    = 0
	MenuRemove = 1
)

// ContextModify adds an entry to a client's menus or removes it.
type ContextModify struct {
	Action    *string // names it
	Text      *string
	Places    *uint32
	Operation *uint32
}

// Type implements Message.
func (*ContextModify) Type() Type { return TypeContextModify }

func (m *ContextModify) fields(c *coder) {
	c.string(1, &m.Action)
	c.string(2, &m.Text)
	c.uint32(3, &m.Places)
	c.uint32(4, &m.Operation)
}
