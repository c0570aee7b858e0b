package video

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Connection is something that can be watched, in one or several ways.
type Connection struct {
	UUID           string
	Number         int64 // of TAK Server's first interface
	Alias          string
	Active         bool
	Thumbnail      string
	Classification string
	Feeds          []Feed
	Owner          string // user; "" for a live stream
	Groups         []string
	Live           bool // it is on the air here and not on the list
	Created        time.Time
	Updated        time.Time
}

// Feed is one way to watch. Values that clients only hand through are text, ""
// where they are not known.
type Feed struct {
	UUID             string `json:"uuid"`
	Alias            string `json:"alias"`
	URL              string `json:"url"`
	Active           bool   `json:"active"`
	Order            *int   `json:"order,omitempty"`
	MACAddress       string `json:"mac,omitempty"`
	InterfaceAddress string `json:"interface,omitempty"`
	RoverPort        string `json:"roverPort,omitempty"`
	IgnoreKLV        bool   `json:"ignoreKLV,omitempty"`
	NetworkTimeout   string `json:"timeout,omitempty"`  // milliseconds
	BufferTime       string `json:"buffer,omitempty"`   // milliseconds
	Reliable         bool   `json:"reliable,omitempty"` // RTSP over TCP
	Source           string `json:"source,omitempty"`
	Thumbnail        string `json:"thumbnail,omitempty"`
	Classification   string `json:"classification,omitempty"`
	Latitude         string `json:"lat,omitempty"`
	Longitude        string `json:"lon,omitempty"`
	FOV              string `json:"fov,omitempty"`
	Heading          string `json:"heading,omitempty"`
	Range            string `json:"range,omitempty"`
	Width            *int   `json:"width,omitempty"`
	Height           *int   `json:"height,omitempty"`
	Bitrate          *int   `json:"bitrate,omitempty"`
}

// Protocol returns the feed's protocol as TAK clients call it.
func (f Feed) Protocol() string {
	scheme, _, ok := strings.Cut(f.URL, "://")
	if !ok {
		return ""
	}
	return scheme
}

// schemes are the protocols that clients play and may put on the list. Those
// that mean something else on every machine (file, dir) are no use to others.
var schemes = []string{"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "rtp", "srt"}

const (
	maxFeeds   = 16
	maxURL     = 2048
	maxAlias   = 200
	maxText    = 64
	maxPicture = 64 << 10 // a thumbnail, as a data URL
)

var uuidForm = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,128}$`)

// check refuses what cannot be meant, and fills in what may be absent. The error
// wraps ErrInvalid.
func (c *Connection) check() error {
	if c.UUID == "" {
		c.UUID = newUUID()
	}
	if !uuidForm.MatchString(c.UUID) {
		return fmt.Errorf("%w video: the uuid has characters that are not allowed", ErrInvalid)
	}
	c.Alias = strings.TrimSpace(c.Alias)
	if c.Alias == "" && len(c.Feeds) > 0 {
		c.Alias = c.Feeds[0].Alias
	}
	if c.Alias == "" || !text(c.Alias, maxAlias) {
		return fmt.Errorf("%w video: it needs a name of at most %d characters", ErrInvalid, maxAlias)
	}
	if len(c.Feeds) == 0 || len(c.Feeds) > maxFeeds {
		return fmt.Errorf("%w video: it needs from 1 to %d feeds", ErrInvalid, maxFeeds)
	}
	if !text(c.Thumbnail, maxPicture) || !text(c.Classification, maxText) {
		return fmt.Errorf("%w video: thumbnail or classification is too long", ErrInvalid)
	}
	for i := range c.Feeds {
		if err := c.Feeds[i].check(c.Alias); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feed) check(alias string) error {
	if f.UUID == "" {
		f.UUID = newUUID()
	}
	if f.Alias = strings.TrimSpace(f.Alias); f.Alias == "" {
		f.Alias = alias
	}
	if !uuidForm.MatchString(f.UUID) || !text(f.Alias, maxAlias) {
		return fmt.Errorf("%w video: the uuid or name of a feed cannot be used", ErrInvalid)
	}
	u, err := url.Parse(f.URL)
	if err != nil || len(f.URL) > maxURL || u.Host == "" || !text(f.URL, maxURL) {
		return fmt.Errorf("%w video: a feed needs a whole address, such as rtsp://host:8554/name", ErrInvalid)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("%w video: the protocol of an address must be one of %s", ErrInvalid, strings.Join(schemes, ", "))
	}
	for _, s := range []*string{&f.MACAddress, &f.InterfaceAddress, &f.RoverPort, &f.NetworkTimeout, &f.BufferTime, &f.Source,
		&f.Classification, &f.Latitude, &f.Longitude, &f.FOV, &f.Heading, &f.Range} {
		if !text(*s, maxText) {
			return fmt.Errorf("%w video: a value of a feed is too long", ErrInvalid)
		}
	}
	if !text(f.Thumbnail, maxPicture) {
		return fmt.Errorf("%w video: a thumbnail is too large", ErrInvalid)
	}
	return nil
}

// text reports whether s is text without control characters, of at most n bytes.
func text(s string, n int) bool {
	return len(s) <= n && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Split takes the feed's address apart as the first interface wants it: the
// login stays with the host.
func (f Feed) Split() (protocol, address, port, path string) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return "raw", f.URL, "", ""
	}
	address = u.Hostname()
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	if u.User != nil {
		address = u.User.String() + "@" + address
	}
	port = u.Port()
	if port == "" {
		port = defaultPorts[u.Scheme]
	}
	path = u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return u.Scheme, address, port, path
}

var defaultPorts = map[string]string{"rtsp": "554", "rtsps": "322", "rtmp": "1935", "rtmps": "443", "http": "80", "https": "443"}

// Join is the opposite of Split. A protocol raw has its whole address in address.
func Join(protocol, address, port, path string) string {
	protocol = strings.ToLower(strings.TrimSpace(protocol))
	address = strings.TrimSpace(address)
	if protocol == "raw" || strings.Contains(address, "://") {
		return address
	}
	user, host, found := cutLast(address, "@")
	if !found {
		user, host = "", address
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		host = net.JoinHostPort(strings.Trim(host, "[]"), port)
	}
	if found {
		host = user + "@" + host
	}
	if path != "" && path[0] != '/' && path[0] != '?' {
		path = "/" + path
	}
	return protocol + "://" + host + path
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// uuidOf makes a stable uuid of a name.
func uuidOf(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return formatUUID([16]byte(h[:16]), 8)
}

func formatUUID(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4 // RFC 9562 §4
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
