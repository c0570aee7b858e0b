package wire

// Version is what either side says first.
type Version struct {
	V1        *uint32 // major<<16 | minor<<8 | patch
	Release   *string
	OS        *string
	OSVersion *string
	V2        *uint64 // major<<48 | minor<<32 | patch<<16; never sent here
}

// Type implements Message.
func (*Version) Type() Type { return TypeVersion }

func (m *Version) fields(c *coder) {
	c.uint32(1, &m.V1)
	c.string(2, &m.Release)
	c.string(3, &m.OS)
	c.string(4, &m.OSVersion)
	c.uint64(5, &m.V2)
}

// Authenticate is the login of a client.
type Authenticate struct {
	Username *string
	Password *string
	Tokens   []string
	Celt     []int32
	Opus     *bool
	Client   *int32 // 1: a bot
}

// Type implements Message.
func (*Authenticate) Type() Type { return TypeAuthenticate }

func (m *Authenticate) fields(c *coder) {
	c.string(1, &m.Username)
	c.string(2, &m.Password)
	c.strings(3, &m.Tokens)
	c.int32s(4, &m.Celt)
	c.bool(5, &m.Opus)
	c.int32(6, &m.Client)
}

// The reasons of a Reject.
const (
	RejectNone          = 0
	RejectWrongVersion  = 1
	RejectInvalidName   = 2
	RejectWrongUserPW   = 3 // the desktop client asks for a password
	RejectWrongServerPW = 4
	RejectNameInUse     = 5
	RejectServerFull    = 6
	RejectNoCertificate = 7
	RejectAuthenticator = 8
)

// Reject refuses a login.
type Reject struct {
	Reject *uint32
	Reason *string
}

// Type implements Message.
func (*Reject) Type() Type { return TypeReject }

func (m *Reject) fields(c *coder) {
	c.uint32(1, &m.Reject)
	c.string(2, &m.Reason)
}

// ServerSync ends a login.
type ServerSync struct {
	Session      *uint32
	MaxBandwidth *uint32 // bit/s
	Welcome      *string
	Permissions  *uint64 // in the root channel
}

// Type implements Message.
func (*ServerSync) Type() Type { return TypeServerSync }

func (m *ServerSync) fields(c *coder) {
	c.uint32(1, &m.Session)
	c.uint32(2, &m.MaxBandwidth)
	c.string(3, &m.Welcome)
	c.uint64(4, &m.Permissions)
}

// CryptSetup carries key and nonces of voice by UDP, or asks for a nonce where it
// is empty.
type CryptSetup struct {
	Key         []byte
	ClientNonce []byte
	ServerNonce []byte
}

// Type implements Message.
func (*CryptSetup) Type() Type { return TypeCryptSetup }

func (m *CryptSetup) fields(c *coder) {
	c.blob(1, &m.Key)
	c.blob(2, &m.ClientNonce)
	c.blob(3, &m.ServerNonce)
}

// CodecVersion says which codecs are used.
type CodecVersion struct {
	Alpha       *int32
	Beta        *int32
	PreferAlpha *bool
	Opus        *bool
}

// Type implements Message.
func (*CodecVersion) Type() Type { return TypeCodecVersion }

func (m *CodecVersion) fields(c *coder) {
	c.int32(1, &m.Alpha)
	c.int32(2, &m.Beta)
	c.bool(3, &m.PreferAlpha)
	c.bool(4, &m.Opus)
}

// ServerConfig tells the client what it may send.
type ServerConfig struct {
	MaxBandwidth     *uint32
	Welcome          *string
	AllowHTML        *bool
	MessageLength    *uint32
	ImageLength      *uint32
	MaxUsers         *uint32
	RecordingAllowed *bool
}

// Type implements Message.
func (*ServerConfig) Type() Type { return TypeServerConfig }

func (m *ServerConfig) fields(c *coder) {
	c.uint32(1, &m.MaxBandwidth)
	c.string(2, &m.Welcome)
	c.bool(3, &m.AllowHTML)
	c.uint32(4, &m.MessageLength)
	c.uint32(5, &m.ImageLength)
	c.uint32(6, &m.MaxUsers)
	c.bool(7, &m.RecordingAllowed)
}

// SuggestConfig tells the client what would be good to have set.
type SuggestConfig struct {
	Version    *uint32
	Positional *bool
	PushToTalk *bool
}

// Type implements Message.
func (*SuggestConfig) Type() Type { return TypeSuggestConfig }

func (m *SuggestConfig) fields(c *coder) {
	c.uint32(1, &m.Version)
	c.bool(2, &m.Positional)
	c.bool(3, &m.PushToTalk)
}

// Ping is sent by clients every few seconds and answered.
type Ping struct {
	Timestamp                *uint64
	Good, Late, Lost, Resync *uint32 // voice packets by UDP that the sender decrypted
	UDPPackets, TCPPackets   *uint32
	UDPPingAvg, UDPPingVar   *float32
	TCPPingAvg, TCPPingVar   *float32
}

// Type implements Message.
func (*Ping) Type() Type { return TypePing }

func (m *Ping) fields(c *coder) {
	c.uint64(1, &m.Timestamp)
	c.uint32(2, &m.Good)
	c.uint32(3, &m.Late)
	c.uint32(4, &m.Lost)
	c.uint32(5, &m.Resync)
	c.uint32(6, &m.UDPPackets)
	c.uint32(7, &m.TCPPackets)
	c.float(8, &m.UDPPingAvg)
	c.float(9, &m.UDPPingVar)
	c.float(10, &m.TCPPingAvg)
	c.float(11, &m.TCPPingVar)
}
